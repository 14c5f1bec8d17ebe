"""A site's own subclass of KubeSpawner, behind admission."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from kubespawner import KubeSpawner
from traitlets import Unicode, default
from traitlets.config import Config

from jupyterhub_platform.hub.auth.authenticator import PlatformAuthenticator
from jupyterhub_platform.hub.configuration.errors import ConfigurationError
from jupyterhub_platform.hub.configuration.ineffective_settings import find_ineffective
from jupyterhub_platform.hub.configure import configure
from jupyterhub_platform.hub.denials import AdmissionDenied
from jupyterhub_platform.hub.kubernetes.site_spawner import HANDED_ON, REPLACED, wrap_spawner
from jupyterhub_platform.hub.kubernetes.spawner import KubeTierSpawner, PlatformKubeSpawner
from jupyterhub_platform.hub.spawner.admission import AdmissionMixin
from tests.hub.kubernetes.spawners import DIRECTORIES, SMALL, Hubs, admit


class SiteSpawner(KubeSpawner):  # type: ignore[misc] # no types
    """Sets what sites set: amounts and an image of its own, a label, a variable."""

    course = Unicode("none", config=True)

    async def start(self) -> Any:
        self.mem_limit, self.image = "900G", "example.org/of-the-site:1"
        return await super().start()

    def get_env(self) -> dict[str, Any]:
        return {**super().get_env(), "COURSE": self.course}

    async def get_pod_manifest(self) -> Any:
        pod = await super().get_pod_manifest()
        pod.metadata.labels["example.org/course"] = self.course
        return pod


def methods(name: str, method: Any) -> type[Any]:
    return type("Site", (KubeSpawner,), {name: method})


async def test_a_pod_is_the_tiers_with_what_the_sites_class_adds(
    make_hub: Callable[..., Hubs],
) -> None:
    hub = make_hub()
    hub.config.SiteSpawner.course = "vision101"
    wrapped = wrap_spawner(SiteSpawner, KubeTierSpawner)
    spawner = hub.spawner(admit(SMALL), spawner_class=wrapped)
    spawner.mem_limit, spawner.image = "900G", "example.org/of-the-site:1"
    await spawner.load_user_options()
    found = spawner.check_manifest(await spawner.get_pod_manifest())
    stock = make_hub().spawner(admit(SMALL))
    await stock.load_user_options()
    expected = stock.check_manifest(await stock.get_pod_manifest())
    labels = found["metadata"]["labels"]
    assert labels.pop("example.org/course") == "vision101"
    env = found["spec"]["containers"][0]["env"]
    env.remove({"name": "COURSE", "value": "vision101"})
    assert found == expected


async def test_a_start_that_was_not_admitted_does_not_reach_the_sites_class(
    make_hub: Callable[..., Hubs],
) -> None:
    begun = []

    class Site(KubeSpawner):  # type: ignore[misc] # no types
        def start(self) -> Any:
            begun.append(self)
            return super().start()

    spawner = make_hub().spawner(admit(SMALL), spawner_class=wrap_spawner(Site))
    spawner.admitted = None
    with pytest.raises(AdmissionDenied):
        await spawner.start()
    assert not begun


async def test_what_a_sites_class_does_to_a_pod_is_checked_last(
    make_hub: Callable[..., Hubs],
) -> None:
    class Site(KubeSpawner):  # type: ignore[misc] # no types
        async def get_pod_manifest(self) -> Any:
            pod = await super().get_pod_manifest()
            pod.spec.host_network = True
            return pod

    spawner = make_hub().spawner(admit(SMALL), spawner_class=wrap_spawner(Site, KubeTierSpawner))
    await spawner.load_user_options()
    with pytest.raises(AdmissionDenied, match="hostNetwork"):
        spawner.check_manifest(await spawner.get_pod_manifest())


async def test_names_that_a_sites_class_makes_lead_nowhere(make_hub: Callable[..., Hubs]) -> None:
    class Site(KubeSpawner):  # type: ignore[misc] # no types
        def _expand_user_properties(self, template: str, slug_scheme: str | None = None) -> Any:
            found = super()._expand_user_properties(template, slug_scheme)
            return "../admin" if template == "{username}" else found

    wrapped = wrap_spawner(Site, KubeTierSpawner)
    spawner = make_hub().spawner(admit(SMALL, pod=DIRECTORIES), spawner_class=wrapped)
    await spawner.load_user_options()
    with pytest.raises(AdmissionDenied, match="is no slug"):
        await spawner.get_pod_manifest()


@pytest.mark.parametrize("method", [*REPLACED])
def test_a_method_that_is_admissions_own_is_refused_by_its_name(method: str) -> None:
    def own(self: Any, *args: Any) -> Any:
        return super(KubeSpawner, self)  # it calls another, and is refused all the same

    with pytest.raises(ConfigurationError) as caught:
        wrap_spawner(methods(method, own))
    assert f"Site.{method} ({REPLACED[method]})" in str(caught.value)


@pytest.mark.parametrize("method", HANDED_ON)
def test_a_method_that_takes_away_what_admission_needs_is_refused(method: str) -> None:
    def alone(self: Any, *args: Any) -> Any:
        return None

    with pytest.raises(ConfigurationError) as caught:
        wrap_spawner(methods(method, alone))
    assert f"Site.{method} (Have it call super().{method})" in str(caught.value)
    with pytest.raises(ConfigurationError):
        wrap_spawner(methods(method, None))


def test_a_method_may_call_kubespawner_by_its_name() -> None:
    def start(self: Any) -> Any:
        return KubeSpawner.start(self)

    assert issubclass(wrap_spawner(methods("start", start)), PlatformKubeSpawner)


def test_every_method_that_ours_takes_from_kubespawner_is_known() -> None:
    """What a later change overrides has to be in one of the lists, or be named here."""
    order = PlatformKubeSpawner.__mro__
    ours = [each for each in order[: order.index(KubeSpawner)] if "platform" in each.__module__]
    overridden = {
        name
        for each in ours
        for name, value in vars(each).items()
        if hasattr(KubeSpawner, name) and (callable(value) or isinstance(value, property))
    }
    known = {*REPLACED, *HANDED_ON}
    shown = {"progress", "get_options_form", "run_options_from_form"}
    seen = {"is_pod_running", "pod_has_uid", "_start_reflector"}
    of_python = {"__doc__", "__module__", "__class__", "__slots__", "__setattr__", "__delattr__"}
    assert {n for n in overridden if not isinstance(getattr(KubeSpawner, n), type)} - (
        known | shown | seen | of_python
    ) == set()
    assert known <= set(dir(KubeSpawner))


@pytest.mark.parametrize(
    "chosen", [SiteSpawner, "tests.hub.kubernetes.test_site_spawner.SiteSpawner"]
)
def test_a_hub_gets_the_sites_class_behind_admission(chosen: Any) -> None:
    c = Config()
    c.JupyterHub.spawner_class = chosen
    for _ in range(2):
        configure(c)
    found = c.JupyterHub.spawner_class
    assert issubclass(found, AdmissionMixin)
    assert issubclass(found, SiteSpawner)
    assert found.__name__ == "GovernedSiteSpawner"


def test_a_hub_with_a_class_that_cannot_be_wrapped_says_why() -> None:
    c = Config()
    c.JupyterHub.spawner_class = methods("poll", lambda self: None)
    with pytest.raises(ConfigurationError, match=r"overrides what admission needs: Site\.poll"):
        configure(c)


def test_profiles_of_a_sites_class_are_said_to_be_replaced() -> None:
    class Site(KubeSpawner):  # type: ignore[misc] # no types
        @default("profile_list")
        def _profile_list_default(self) -> list[Any]:
            return [{"display_name": "Large"}]

    app = SimpleNamespace(
        config=Config(),
        spawner_class=wrap_spawner(Site),
        authenticator_class=PlatformAuthenticator,
    )
    (sentence,) = find_ineffective(app)
    assert sentence.startswith("profile_list of the class Site has no effect. Lost is its choices")
    assert "The tiers of platform.yaml take its place" in sentence
