"""KubeSpawner behind admission, and the look for pods that no server accounts for."""

from pathlib import Path
from typing import Any

from kubernetes_asyncio.client import ApiException
from tornado.ioloop import IOLoop
from traitlets import Float, default

from jupyterhub_platform.core.causes import Cause
from jupyterhub_platform.hub.kubernetes.causes.pod import DELETED
from jupyterhub_platform.hub.kubernetes.manifest.metadata import NOTEBOOK
from jupyterhub_platform.hub.kubernetes.profiles import TierProfiles
from jupyterhub_platform.hub.kubernetes.proxies import ProxyPods, select_proxies
from jupyterhub_platform.hub.kubernetes.reconciler import Reconciler
from jupyterhub_platform.hub.kubernetes.spawner import KubeTierSpawner
from jupyterhub_platform.hub.platform import Platform
from jupyterhub_platform.hub.spawner.admission import AdmissionMixin


class PlatformKubeSpawner(AdmissionMixin, KubeTierSpawner):
    """KubeSpawner behind admission: tiers and quotas on Kubernetes."""

    reconcile_seconds = Float(
        60.0,
        config=True,
        help="""
        How often pods are looked for that this Hub made and no server of it accounts for.

        Such a pod is removed once it has been seen for five minutes, unless most pods are unknown,
        so that the Hub's own database must be the wrong one. 0 never looks.
        """,
    )

    # What was wrong with our pod when it was looked at last.
    _seen_last: Cause | None = None

    @classmethod
    def prepare(cls, app: Any, platform: Platform) -> None:
        """Watch the pods, and look for those that no server accounts for, from the start on."""
        any_of_us = cls(config=app.config, _mock=True)
        any_of_us.user.settings = app.tornado_settings
        if any_of_us.enable_user_namespaces:
            return  # to look into every namespace would take a role for the whole cluster
        IOLoop.current().add_callback(any_of_us.watch)
        pods = any_of_us._pods(any_of_us.k8s_api_request_timeout)
        selector = select_proxies(any_of_us.common_labels)
        platform.proxies.find_with(ProxyPods(pods, selector).find)
        if not any_of_us.reconcile_seconds:
            return
        reconciler = Reconciler(
            pods,
            f"component={any_of_us.component_label}",
            any_of_us.hub_instance,
            platform.admission.book,
            app.log,
        )
        platform.repeat(reconciler.look, any_of_us.reconcile_seconds)

    @classmethod
    def complete(cls, c: Any, policy_file: Path) -> None:
        """Show the tiers to packages that read KubeSpawner's profiles from the configuration."""
        if "profile_list" not in c.KubeSpawner:
            c.KubeSpawner.profile_list = TierProfiles(policy_file)

    @default("hub_instance")
    def _default_hub_instance(self) -> str:
        # The store outlives every address of the Hub: pods of before stay its own.
        return str(self.platform.runtime.store.id)

    async def read_log(self) -> str:
        """Return the end of our pod's log, where the Hub's Role lets it be read (``pods/log``)."""
        try:
            return await self._pods(self.k8s_api_request_timeout).read_log(self.pod_name, NOTEBOOK)
        except (ApiException, TimeoutError):
            return ""

    def backend_cause(self) -> Cause | None:
        """Say why our pod does not run, or has ended; of one that is gone, what was seen last."""
        pod = self._watched() if self.pod_reflector is not None else None
        if pod is not None and self._is_own(pod):
            self._seen_last = self._explain(pod)
            return self._seen_last
        return (self._seen_last or DELETED) if self.ready and not self._unsettled else None
