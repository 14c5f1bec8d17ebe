"""The Hub of the site before it came over."""

from typing import Any

from kubespawner import KubeSpawner

c: Any = get_config()  # type: ignore[name-defined] # noqa: F821

c.JupyterHub.authenticator_class = "github"
c.GitHubOAuthenticator.client_id = "Ov23liExample"
c.GitHubOAuthenticator.allowed_organizations = {"ocean-fed", "ice-lab:hub-users"}
c.GitHubOAuthenticator.scope = ["read:org"]
c.GitHubOAuthenticator.populate_teams_in_auth_state = True
c.GitHubOAuthenticator.enable_auth_state = True
c.GitHubOAuthenticator.manage_groups = True
c.Authenticator.admin_users = {"ada"}

TEAMS = ["ocean-fed:members", "ice-lab:hub-users"]
LARGE = ["ocean-fed:large"]


class FederationSpawner(KubeSpawner):  # type: ignore[misc] # no types
    """Offers what the teams of a user open, and marks pods for the accounts of the federation."""

    extra_labels: Any
    volume_mounts: Any

    def start(self) -> Any:
        """Let admins write where others read."""
        self.extra_labels = {**self.extra_labels, "federation.example.org/accounting": "yes"}
        if self.user.admin:
            where = {"mountPath": "/home/jovyan/shared-readwrite", "subPath": "_shared"}
            self.volume_mounts = [*self.volume_mounts, {"name": "home", **where}]
        return super().start()


c.JupyterHub.spawner_class = FederationSpawner
c.KubeSpawner.namespace = "ocean"
c.KubeSpawner.slug_scheme = "escape"
c.KubeSpawner.uid = 1000
c.KubeSpawner.fs_gid = 1000
c.KubeSpawner.volumes = [
    {"name": "home", "nfs": {"server": "nfs.ocean.example.org", "path": "/homes"}},
    {"name": "dev-shm", "emptyDir": {"medium": "Memory", "sizeLimit": "2Gi"}},
]
c.KubeSpawner.volume_mounts = [
    {"name": "home", "mountPath": "/home/jovyan", "subPath": "{escaped_username}"},
    {"name": "home", "mountPath": "/home/jovyan/shared", "subPath": "_shared", "readOnly": True},
    {"name": "dev-shm", "mountPath": "/dev/shm"},
]
c.KubeSpawner.environment = {"SCRATCH_BUCKET": "s3://ocean-scratch/{username}"}
c.KubeSpawner.extra_annotations = {
    "cluster-autoscaler.kubernetes.io/safe-to-evict": "false",
}
c.KubeSpawner.automount_service_account_token = False
c.KubeSpawner.cmd = ["jupyterhub-singleuser"]

IMAGES = {
    "display_name": "Image",
    "unlisted_choice": {
        "enabled": True,
        "display_name": "Custom image",
        "validation_regex": r"^quay\.io/ocean-fed/[a-z0-9-]+:.+$",
        "kubespawner_override": {"image": "{value}"},
    },
    "choices": {
        "pangeo": {
            "display_name": "Pangeo",
            "default": True,
            "kubespawner_override": {"image": "pangeo/pangeo-notebook:2026.11.01"},
        },
        "julia": {
            "display_name": "Julia",
            "kubespawner_override": {"image": "quay.io/jupyter/julia-notebook:2026-11-02"},
        },
    },
}


def is_open(entry: dict[str, Any], groups: set[str]) -> bool:
    """Tell whether one of the teams opens an entry."""
    return not groups.isdisjoint(entry.get("allowed_groups", TEAMS))


async def list_profiles(spawner: Any) -> list[dict[str, Any]]:
    """Return what the teams of a user let them start."""
    groups = {group.name for group in spawner.user.groups}
    return [each for each in PROFILES if is_open(each, groups)]


PROFILES: list[dict[str, Any]] = [
    {
        "display_name": "Small: 7 GB",
        "slug": "small",
        "default": True,
        "profile_options": {"image": IMAGES},
        "kubespawner_override": {
            "cpu_guarantee": 0.875,
            "cpu_limit": 4,
            "mem_guarantee": "7.222G",
            "mem_limit": "7.222G",
            "node_selector": {"node.kubernetes.io/instance-type": "n2-highmem-4"},
        },
    },
    {
        "display_name": "Huge: as much as the node has",
        "slug": "huge",
        "allowed_groups": LARGE,
        "profile_options": {"image": IMAGES},
        "kubespawner_override": {
            "cpu_guarantee": 14.5625,
            "cpu_limit": 16,
            "mem_guarantee": "115.549G",
            "mem_limit": None,
            "node_selector": {"node.kubernetes.io/instance-type": "n2-highmem-16"},
        },
    },
    {
        "display_name": "GPU",
        "slug": "gpu",
        "allowed_groups": LARGE,
        "kubespawner_override": {
            "image": "pangeo/pytorch-notebook:2026.11.01",
            "cpu_guarantee": None,
            "mem_limit": None,
            "extra_resource_limits": {"nvidia.com/gpu": "1"},
            "node_selector": {"cloud.google.com/gke-accelerator": "nvidia-l4"},
            "tolerations": [{"key": "nvidia.com/gpu", "operator": "Exists"}],
        },
    },
]

c.KubeSpawner.profile_list = list_profiles
