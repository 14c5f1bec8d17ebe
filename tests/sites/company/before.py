"""The Hub of the site before it came over."""

from typing import Any

c: Any = get_config()  # type: ignore[name-defined] # noqa: F821

TENANT = "5d2f0c1e-8a34-4b0e-9d0f-3c1f5b7a9e10"
PROJECTS = {
    "apollo": "0b6f3b5e-6a0f-4a55-8a53-6b7f0f0d1a01",
    "zeus": "7c1d9a42-1f5e-4f0c-9c38-2d5f8f7a2b02",
}
DATA_SCIENCE = "e94d7f10-52ab-4c0d-b1f6-70a2c9d83c03"

c.JupyterHub.authenticator_class = "azuread"
c.AzureAdOAuthenticator.tenant_id = TENANT
c.AzureAdOAuthenticator.client_id = "2a9d7b60-4c1e-4f7d-8b1d-1e2f3a4b5c6d"
c.AzureAdOAuthenticator.scope = ["openid", "profile", "email"]
c.AzureAdOAuthenticator.username_claim = "preferred_username"
c.AzureAdOAuthenticator.manage_groups = True
c.AzureAdOAuthenticator.allowed_groups = {DATA_SCIENCE}
c.AzureAdOAuthenticator.enable_auth_state = True
c.Authenticator.admin_users = {"ada@example.com"}

c.JupyterHub.load_roles = [
    {
        "name": f"{project}-team",
        "groups": [team],
        "scopes": [
            f"admin:servers!user={project}-team",
            f"access:servers!user={project}-team",
            f"list:users!user={project}-team",
        ],
    }
    for project, team in PROJECTS.items()
]

c.JupyterHub.spawner_class = "kubernetes"
c.KubeSpawner.namespace = "data-science"
c.KubeSpawner.uid = 1000
c.KubeSpawner.fs_gid = 100
c.KubeSpawner.storage_pvc_ensure = True
c.KubeSpawner.storage_capacity = "20Gi"
c.KubeSpawner.storage_class = "managed-csi"
c.KubeSpawner.storage_access_modes = ["ReadWriteOnce"]
c.KubeSpawner.volumes = [
    {"name": "home", "persistentVolumeClaim": {"claimName": "{pvc_name}"}},
    {"name": "models", "persistentVolumeClaim": {"claimName": "models", "readOnly": True}},
]
c.KubeSpawner.volume_mounts = [
    {"name": "home", "mountPath": "/home/jovyan"},
    {"name": "models", "mountPath": "/models", "readOnly": True},
]
c.KubeSpawner.image_pull_policy = "Always"
c.KubeSpawner.automount_service_account_token = False
c.KubeSpawner.allow_privilege_escalation = False
c.KubeSpawner.cmd = ["jupyterhub-singleuser"]


async def set_variables(spawner: Any, auth_state: dict[str, Any] | None) -> None:
    """Tell a server whose it is to the company."""
    if auth_state:
        spawner.environment["COMPANY_DEPARTMENT"] = auth_state["user"]["department"]


def share(spawner: Any) -> None:
    """Let those who open the server of a project see each other work."""
    if spawner.user.name.endswith("-team"):
        spawner.args = [*spawner.args, "--LabApp.collaborative=True"]


c.Spawner.auth_state_hook = set_variables
c.Spawner.pre_spawn_hook = share

c.KubeSpawner.profile_list = [
    {
        "display_name": "Work",
        "slug": "work",
        "default": True,
        "profile_options": {
            "size": {
                "display_name": "Size",
                "choices": {
                    "s": {
                        "display_name": "1 CPU, 4 GB",
                        "default": True,
                        "kubespawner_override": {
                            "cpu_guarantee": 0.5,
                            "cpu_limit": 1,
                            "mem_guarantee": "2G",
                            "mem_limit": "4G",
                        },
                    },
                    "l": {
                        "display_name": "8 CPU, 64 GB",
                        "kubespawner_override": {
                            "cpu_guarantee": 4,
                            "cpu_limit": 8,
                            "mem_guarantee": "32G",
                            "mem_limit": "64G",
                            "node_selector": {"agentpool": "memory"},
                        },
                    },
                },
            },
            "image": {
                "display_name": "Image",
                "unlisted_choice": {
                    "enabled": True,
                    "display_name": "Image of your own",
                    "validation_regex": r"^example\.azurecr\.io/teams/[a-z0-9/-]+:[\w.-]+$",
                    "kubespawner_override": {"image": "{value}"},
                },
                "choices": {
                    "python": {
                        "display_name": "Python",
                        "default": True,
                        "kubespawner_override": {"image": "example.azurecr.io/ds/python:3.12"},
                    },
                    "r": {
                        "display_name": "R",
                        "kubespawner_override": {"image": "example.azurecr.io/ds/r:4.4"},
                    },
                },
            },
        },
    },
]
