"""The Hub of the site afterwards: what platform.yaml says is left out, the rest is as before."""

from typing import Any

from kubespawner import KubeSpawner

from jupyterhub_platform.hub.configure import configure

c: Any = get_config()  # type: ignore[name-defined]


class FederationSpawner(KubeSpawner):  # type: ignore[misc] # no types
    """Marks pods for the accounts of the federation."""

    extra_labels: Any

    def start(self) -> Any:
        """Set the label before the pod is made."""
        self.extra_labels = {**self.extra_labels, "federation.example.org/accounting": "yes"}
        return super().start()


c.JupyterHub.spawner_class = FederationSpawner
c.KubeSpawner.namespace = "ocean"
c.KubeSpawner.slug_scheme = "escape"
c.KubeSpawner.uid = 1000
c.KubeSpawner.fs_gid = 1000
c.KubeSpawner.environment = {"SCRATCH_BUCKET": "s3://ocean-scratch/{username}"}
c.KubeSpawner.extra_annotations = {
    "cluster-autoscaler.kubernetes.io/safe-to-evict": "false",
}

configure(c)
