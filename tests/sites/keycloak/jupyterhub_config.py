"""The Hub of the site afterwards: what platform.yaml says is left out, the rest is as before."""

from typing import Any

from jupyterhub_platform.hub.configure import configure

c: Any = get_config()  # type: ignore[name-defined]

c.Authenticator.auto_login = True

c.JupyterHub.spawner_class = "kubernetes"
c.KubeSpawner.namespace = "lab"
c.KubeSpawner.fs_gid = 100
c.KubeSpawner.extra_labels = {"example.org/hub": "lab"}
c.KubeSpawner.environment = {"HOME": "/home/{username}", "SHELL": "/bin/bash"}
c.KubeSpawner.image_pull_secrets = ["registry"]
c.KubeSpawner.volumes = [
    {"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": "2Gi"}},
]
c.KubeSpawner.volume_mounts = [{"name": "shm", "mountPath": "/dev/shm"}]

configure(c)
