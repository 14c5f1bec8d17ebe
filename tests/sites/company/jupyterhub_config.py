"""The Hub of the site afterwards: what platform.yaml says is left out, the rest is as before.

The roles name the groups of platform.yaml, which the object ids of the tenant feed.
"""

from typing import Any

from jupyterhub_platform.hub.configure import configure

c: Any = get_config()  # type: ignore[name-defined]

c.JupyterHub.load_roles = [
    {
        "name": f"{project}-team",
        "groups": [project],
        "scopes": [
            f"admin:servers!user={project}-team",
            f"access:servers!user={project}-team",
            f"list:users!user={project}-team",
        ],
    }
    for project in ("apollo", "zeus")
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


def share(spawner: Any) -> None:
    """Let those who open the server of a project see each other work."""
    if spawner.user.name.endswith("-team"):
        spawner.args = [*spawner.args, "--LabApp.collaborative=True"]


c.Spawner.pre_spawn_hook = share

configure(c)
