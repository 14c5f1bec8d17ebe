"""KubeSpawner behind admission: the admitted tier replaces its options, and a guard comes last."""

from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

from kubernetes_asyncio.client import ApiException, V1Pod
from tornado.ioloop import IOLoop
from traitlets import Bool, Float, List, Unicode, default, validate

from jupyterhub_platform.core.causes import Cause
from jupyterhub_platform.core.manifests import Manifest
from jupyterhub_platform.core.pods import PERSONAL_NAMES
from jupyterhub_platform.core.tiers import pod_amounts
from jupyterhub_platform.hub.kubernetes import api_errors
from jupyterhub_platform.hub.kubernetes.causes.events import find_step
from jupyterhub_platform.hub.kubernetes.guard.check import Allowance, check_pod
from jupyterhub_platform.hub.kubernetes.home_claim import HomeClaimSpawner
from jupyterhub_platform.hub.kubernetes.hub_service_account import TOKEN, read_service_account
from jupyterhub_platform.hub.kubernetes.manifest.build import apply_tier
from jupyterhub_platform.hub.kubernetes.manifest.metadata import (
    NOTEBOOK,
    annotations_of,
    labels_of,
    render_variable,
    would_replace,
)
from jupyterhub_platform.hub.kubernetes.manifest.resources import REPLACED, traits_of
from jupyterhub_platform.hub.kubernetes.manifest.volumes import (
    STORAGE_TRAITS,
    OwnVolumes,
    list_volumes,
    storage_of,
)
from jupyterhub_platform.hub.kubernetes.pod_observer import PodObserver
from jupyterhub_platform.hub.kubernetes.profiles import TierProfiles
from jupyterhub_platform.hub.kubernetes.proxies import ProxyPods, select_proxies
from jupyterhub_platform.hub.kubernetes.reconciler import Reconciler
from jupyterhub_platform.hub.platform import Platform
from jupyterhub_platform.hub.spawner.admission import AdmissionMixin


class KubeTierSpawner(HomeClaimSpawner):
    """Renders what was admitted as a pod, creates that pod only, and touches no other.

    The tier replaces KubeSpawner's own profiles: ``profile_list`` stays empty, and user options
    have no way into it. Resources and image of the tier replace those that configuration,
    ``group_overrides`` or ``pre_spawn_hook`` set; where a pod goes, its volumes, labels and
    annotations are added to theirs. Whatever comes later (``modify_pod_hook``, extra containers,
    extra pod configuration) is checked against what was reserved.
    """

    allowed_pod_fields = List(
        Unicode(),
        config=True,
        help="""
        Fields that are refused in every pod unless they are listed here.

        Refused are: the network, processes, memory and paths of the node (``hostNetwork``,
        ``hostPID``, ``hostIPC``, ``hostPath``, ``hostPort``), ``nodeName``, ``privileged``,
        ``allowPrivilegeEscalation``, ``runAsUser: 0``, added capabilities, an unmasked ``/proc``,
        unconfined profiles (annotations of AppArmor, too), SELinux options and sysctls beyond the
        Pod Security Standards, volumes of other kinds than the profile ``restricted`` has, probes
        and hooks that ask another host, another service account, its token or a certificate of the
        pod, ephemeral containers, and resource claims: those of the tier are for the server's own
        container.

        Each entry is the exact path that the Hub's log gives for it. Zero to JupyterHub's container
        that blocks the cloud's metadata, for example, needs::

            c.PlatformKubeSpawner.allowed_pod_fields = [
                "spec.initContainers[block-cloud-metadata].securityContext.privileged",
                "spec.initContainers[block-cloud-metadata].securityContext.runAsUser",
                "spec.initContainers[block-cloud-metadata].securityContext.capabilities.add",
            ]

        No entry lets a server run as the service account of the Hub itself.

        Only an operator can set this; nothing that a user sends is looked up here.
        """,
    )

    delete_pvc = Bool(
        False,
        config=True,
        help="""
        Whether a person's volume is deleted with the person.

        Unlike with KubeSpawner the default is to keep it: deleted files cannot be restored.
        """,
    )

    replaced_by_tier = REPLACED
    """Settings of a site that have no effect, since they are the tier's."""

    # The Hub's own account, which no server runs as.
    _token: Path = TOKEN

    # The site's own settings of volumes, for tiers without any.
    _site_storage: Mapping[str, Any] | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, check=self.check_manifest, **kwargs)

    @default("automount_service_account_token")
    def _default_automount(self) -> bool:
        return False

    @default("cmd")
    def _default_cmd(self) -> list[str]:
        # KubeSpawner leaves it to the image, and then drops all arguments, including the Hub's.
        return ["jupyterhub-singleuser"]

    @validate("profile_list")
    def _no_profiles(self, proposal: Mapping[str, Any]) -> list[Any]:
        # A profile would be a second way to resources, which nothing counts.
        return []

    # -- from the tier to the pod ------------------------------------------------------------

    async def load_user_options(self) -> None:
        """Apply the admitted tier. User options only name it, and admission has read them."""
        home = self.get_admitted().pod.home
        self._site_storage = self._site_storage or {
            name: getattr(self, name) for name in STORAGE_TRAITS
        }
        storage = storage_of(home, self._site_storage)
        traits = traits_of(self.get_admitted(), self._sidecars())
        for name, value in {**traits, **storage}.items():
            setattr(self, name, value)
        await self.choose_claim()

    async def get_pod_manifest(self) -> V1Pod:
        """Render the pod of the admitted tier."""
        if setting := would_replace(self.extra_container_config, self.extra_pod_config):
            raise api_errors.misconfigured(setting)
        try:
            pod: V1Pod = await super().get_pod_manifest()
            apply_tier(pod, self.get_admitted(), self.hub_instance, self._list_volumes())
        except (AttributeError, TypeError, ValueError) as error:
            self.log.exception(
                "A setting of c.KubeSpawner does not have the shape that a pod needs"
            )
            raise api_errors.unreadable(str(error)) from None
        return pod

    def _list_volumes(self) -> OwnVolumes:
        names = {name: self._expand_user_properties(f"{{{name}}}") for name in PERSONAL_NAMES}
        return list_volumes(self.get_admitted().pod, self.pvc_name, names)

    def get_env(self) -> dict[str, Any]:
        """Add the variables of the tier, which replace the operator's own of the same name."""
        environment: dict[str, Any] = super().get_env()
        own = self.admitted.pod.environment if self.admitted else {}
        return {**environment, **{name: render_variable(each) for name, each in own.items()}}

    def _sidecars(self) -> list[Mapping[str, Any]]:
        extra = self._sorted_dict_values(self.extra_containers) or ()
        initial = self._sorted_dict_values(self.init_containers) or ()
        return [*extra, *(one for one in initial if one.get("restartPolicy") == "Always")]

    def check_manifest(self, pod: V1Pod) -> Manifest:
        """Return the very manifest that is sent to the cluster, or refuse it."""
        try:
            manifest = self.api.api_client.sanitize_for_serialization(pod)
        except (AttributeError, TypeError, ValueError):
            raise api_errors.not_a_pod() from None
        if not isinstance(manifest, Mapping):
            raise api_errors.not_a_pod()
        violations = check_pod(manifest, self._allowance())
        if violations:
            self.log.error(
                "Pod %s/%s was not created, because its manifest violates what was admitted: %s. "
                "Look at modify_pod_hook, extra_containers, init_containers and extra_pod_config.",
                self.namespace,
                self.pod_name,
                "; ".join(str(violation) for violation in violations),
            )
            raise api_errors.pod_rejected(violations)
        return manifest

    def _allowance(self) -> Allowance:
        admitted = self.get_admitted()
        own = read_service_account(self._token)
        own_volumes, render = self._list_volumes(), self.api.api_client.sanitize_for_serialization
        return Allowance(
            reserved=admitted.reservation.demand,
            limits=pod_amounts(admitted.tier).limits,
            image=admitted.image.reference,
            name=self.pod_name,
            labels={**self._selected_by(), **labels_of(admitted)},
            annotations=annotations_of(admitted, self.hub_instance),
            service_account=admitted.pod.service_account,
            hub_account=own.name if own and own.namespace == self.namespace else "",
            volumes=tuple(map(render, own_volumes.volumes)),
            mounts=tuple(map(render, own_volumes.mounts)),
            devices=admitted.pod.devices,
            fields=frozenset(self.allowed_pod_fields),
        )

    def _selected_by(self) -> dict[str, str]:
        """Return the labels by which Hub, Services and network policies tell servers from others.

        A pod with the Hub's labels would get requests that are meant for the Hub.
        """
        component = self.component_label
        return {
            **self.common_labels,
            "app.kubernetes.io/component": component,
            "component": component,
        }

    # -- while it starts ---------------------------------------------------------------------

    async def progress(self) -> AsyncIterator[dict[str, Any]]:
        """Add to the cluster's events what they mean, and what can be done."""
        shown_notice, shown_cause = "", None
        async for step in super().progress():
            yield {**step, **find_step(step.get("raw_event") or {})}
            if self.claim_notice != shown_notice:
                shown_notice = self.claim_notice
                yield {"message": shown_notice}
            cause = self.explain(self.watched_pod())
            if cause is not None and cause != shown_cause:
                shown_cause = cause
                yield {"message": str(cause)}


class PlatformKubeSpawner(AdmissionMixin, KubeTierSpawner):
    """KubeSpawner behind admission: tiers and quotas on Kubernetes."""

    reconcile_seconds = Float(
        60.0,
        config=True,
        help="""
        How often to look for orphaned pods: this Hub made them, and none of its servers has them.

        An orphaned pod is removed once it has been seen for five minutes. If most pods are
        orphaned, the Hub's database must be the wrong one, and none is removed. 0 turns it off.
        """,
    )

    observe_seconds = Float(
        10.0,
        config=True,
        help="""
        How often to list the pods that the policy's ``observed_pods`` selects, which users' own
        controllers make. Each of them counts as long as it is listed. 0 turns it off.
        """,
    )

    @classmethod
    def prepare(cls, app: Any, platform: Platform) -> None:
        """Watch the pods, and look for observed and orphaned ones, from the start on."""
        any_of_us = cls(config=app.config, _mock=True)
        any_of_us.user.settings = app.tornado_settings
        if any_of_us.enable_user_namespaces:
            return  # looking into every namespace would take a role for the whole cluster
        IOLoop.current().add_callback(any_of_us.watch)
        pods = any_of_us.pod_client(any_of_us.k8s_api_request_timeout)
        selector = select_proxies(any_of_us.common_labels)
        platform.proxies.find_with(ProxyPods(pods, selector).find)
        if any_of_us.observe_seconds:
            platform.runtime.observed_pods.seconds = any_of_us.observe_seconds
            observer = PodObserver(app, platform, pods, any_of_us.component_label)
            platform.repeat(observer.observe, any_of_us.observe_seconds)
        if not any_of_us.reconcile_seconds:
            return
        reconciler = Reconciler(
            pods,
            f"component={any_of_us.component_label}",
            any_of_us.hub_instance,
            platform.admission.book,
            app.log,
        )
        platform.repeat(reconciler.reconcile, any_of_us.reconcile_seconds)

    @classmethod
    def complete(cls, c: Any, policy_file: Path) -> None:
        """Show the tiers to packages that read KubeSpawner's profiles from the configuration."""
        if "profile_list" not in c.KubeSpawner:
            c.KubeSpawner.profile_list = TierProfiles(policy_file)

    @default("hub_instance")
    def _default_hub_instance(self) -> str:
        # The store outlives every address of the Hub: earlier pods stay its own.
        return str(self.platform.runtime.store.id)

    async def read_log(self) -> str:
        """Return the end of our pod's log, where the Hub's Role lets it be read (``pods/log``)."""
        try:
            return await self.pod_client(self.k8s_api_request_timeout).read_log(
                self.pod_name, NOTEBOOK
            )
        except (ApiException, TimeoutError):
            return ""

    def backend_cause(self) -> Cause | None:
        """Say why our pod does not run, or has ended; for one that is gone, what was seen last."""
        return self.explain_own_pod()
