"""The Hub of the site before it came over."""

from typing import Any

c: Any = get_config()  # type: ignore[name-defined] # noqa: F821

REALM = "https://id.example.org/realms/lab"
PROTOCOL = f"{REALM}/protocol/openid-connect"

c.JupyterHub.authenticator_class = "generic-oauth"
c.GenericOAuthenticator.client_id = "jupyterhub"
c.GenericOAuthenticator.authorize_url = f"{PROTOCOL}/auth"
c.GenericOAuthenticator.token_url = f"{PROTOCOL}/token"
c.GenericOAuthenticator.userdata_url = f"{PROTOCOL}/userinfo"
c.GenericOAuthenticator.scope = ["openid", "profile", "email"]
c.GenericOAuthenticator.username_claim = "preferred_username"
c.GenericOAuthenticator.auth_state_groups_key = "oauth_user.groups"
c.GenericOAuthenticator.manage_groups = True
c.GenericOAuthenticator.allowed_groups = {"/staff", "/projects/vision", "/projects/language"}
c.GenericOAuthenticator.admin_groups = {"/admins"}
c.GenericOAuthenticator.enable_auth_state = True
c.Authenticator.auto_login = True

c.JupyterHub.spawner_class = "kubernetes"
c.KubeSpawner.namespace = "lab"
c.KubeSpawner.fs_gid = 100
c.KubeSpawner.extra_labels = {"example.org/hub": "lab"}
c.KubeSpawner.environment = {"HOME": "/home/{username}", "SHELL": "/bin/bash"}
c.KubeSpawner.image_pull_secrets = ["registry"]
c.KubeSpawner.cmd = ["jupyterhub-singleuser"]
c.KubeSpawner.automount_service_account_token = False


def list_mounts(groups: list[str]) -> list[dict[str, Any]]:
    """Return the home of a user, and a directory for each project."""
    projects = sorted(each for each in groups if each.startswith("/projects/"))
    return [
        {"name": "home", "mountPath": "/home/{username}", "subPath": "home/{username}"},
        *(
            {
                "name": "home",
                "mountPath": f"/shared{each}",
                "subPath": f"shared/{each.rpartition('/')[2]}",
            }
            for each in projects
        ),
        {"name": "shm", "mountPath": "/dev/shm"},
    ]


def describe(title: str, slug: str, mounts: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    """Return a profile with the volumes that all of them have."""
    volumes = [
        {"name": "home", "persistentVolumeClaim": {"claimName": "lab-storage"}},
        {"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": "2Gi"}},
    ]
    directories = {
        "name": "make-home",
        "image": "quay.io/jupyter/base-notebook:2026-11-02",
        "command": ["sh", "-c", "mkdir -p /mnt/home/{username}"],
        "volumeMounts": [{"name": "home", "mountPath": "/mnt"}],
    }
    override = {
        "volumes": volumes,
        "volume_mounts": mounts,
        "init_containers": [directories],
        "image": "quay.io/jupyter/scipy-notebook:2026-11-02",
        **more,
    }
    return {"display_name": title, "slug": slug, "kubespawner_override": override}


async def list_profiles(spawner: Any) -> list[dict[str, Any]]:
    """Return what the roles of a user let them start."""
    state = await spawner.user.get_auth_state()
    user = state["oauth_user"]
    roles = user.get("realm_access", {}).get("roles", [])
    mounts = list_mounts(user.get("groups", []))
    profiles = [
        describe(
            "Small",
            "small",
            mounts,
            cpu_guarantee=0.5,
            cpu_limit=2,
            mem_guarantee="1G",
            mem_limit="4G",
        )
    ]
    if "jupyter-large" in roles:
        profiles.append(
            describe(
                "Large",
                "large",
                mounts,
                cpu_guarantee=4,
                cpu_limit=8,
                mem_guarantee="16G",
                mem_limit="32G",
                node_selector={"example.org/pool": "large"},
                environment={
                    "CATALOGUE_TOKEN": {
                        "valueFrom": {"secretKeyRef": {"name": "catalogue", "key": "token"}}
                    }
                },
            )
        )
    if "jupyter-gpu" in roles:
        profiles.append(
            describe(
                "GPU",
                "gpu",
                mounts,
                image="quay.io/jupyter/pytorch-notebook:cuda12-2026-11-02",
                cpu_guarantee=4,
                mem_guarantee="16G",
                mem_limit="32G",
                extra_resource_limits={"nvidia.com/gpu": "1"},
                extra_resource_guarantees={"nvidia.com/gpu": "1"},
                node_selector={"example.org/pool": "gpu"},
                tolerations=[
                    {"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}
                ],
            )
        )
    return profiles


c.KubeSpawner.profile_list = list_profiles
