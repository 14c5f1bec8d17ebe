"""The Hub of the site afterwards: what platform.yaml says is left out, the rest is as before."""

from typing import Any

from jupyterhub_platform.hub.configure import configure

c: Any = get_config()  # type: ignore[name-defined]

c.Authenticator.blocked_users = {"mallory@agency.example.gov"}

c.JupyterHub.spawner_class = "kubernetes"
c.KubeSpawner.namespace = "analysis"
c.KubeSpawner.uid = 1000
c.KubeSpawner.gid = 1000
c.KubeSpawner.fs_gid = 1000
c.KubeSpawner.image_pull_secrets = ["govcloud-ecr"]
c.KubeSpawner.node_affinity_required = [
    {
        "matchExpressions": [
            {
                "key": "topology.kubernetes.io/zone",
                "operator": "In",
                "values": ["us-gov-west-1a", "us-gov-west-1b"],
            }
        ]
    }
]
c.KubeSpawner.storage_access_modes = ["ReadWriteOnce"]
c.KubeSpawner.environment = {
    "HTTPS_PROXY": "http://proxy.agency.example.gov:3128",
    "NO_PROXY": ".svc,.cluster.local",
}

configure(c)
