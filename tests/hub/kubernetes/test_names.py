"""Pods and claims of people with names as identity providers give them: all valid, no two alike."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from kubespawner.slugs import is_valid_label, is_valid_object_name, safe_slug

from jupyterhub_platform.core.errors import IdentityError
from jupyterhub_platform.core.identity import normalise_user
from jupyterhub_platform.hub.kubernetes.manifest.metadata import SERVER, USER
from tests.hub.kubernetes.spawners import SMALL, Start, admit
from tests.support.kubernetes_api import FakeKubernetes

NAMES = [
    "auth0|5f7c8ec7c33c6c004bbafe82",
    "auth0-5f7c8ec7c33c6c004bbafe82",
    "auth0-7c5f7c8ec7c33c6c004bbafe82",  # as escapism writes the first
    "김@uni.edu",
    "kim",
    "-kim",
    "kim_",
    "kim.",
    "o'malley@uni.edu",
    "kim.lee_uni.edu#ext#@x.onmicrosoft.com",
    "kim lee",
    "kim---5f7c8ec7",
    "{username}{0}{unescaped_username.__class__}",
    "x" * 254,
    "x" * 255,
    "김" * 255,
    "김" * 254 + "지",
]


async def test_pods_and_claims_have_valid_names_of_their_own(
    spawner: Start, cluster: FakeKubernetes
) -> None:
    claims: set[str] = set()
    for name in NAMES:
        for server in ("", "two"):
            user = normalise_user(name)
            started = spawner(admit(SMALL, user=user, server=server))
            await started.start()
            claims.add(started.get_pvc_manifest().metadata.name)
    owners = [(name, server) for name in NAMES for server in ("", "two")]
    pods = {owner_of(pod): pod for pod in cluster.created}
    assert list(pods) == owners
    for (name, _), pod in pods.items():
        assert is_valid_object_name(pod["metadata"]["name"])
        assert all(map(is_valid_label, pod["metadata"]["labels"].values()))
        assert pod["metadata"]["annotations"]["hub.jupyter.org/username"] == name
        environment = {each["name"]: each["value"] for each in variables_of(pod)}
        assert environment["JUPYTERHUB_USER"] == name
    assert len({pod["metadata"]["name"] for pod in pods.values()}) == len(owners)
    assert len(claims) == len(owners)
    assert all(map(is_valid_object_name, claims))


def owner_of(pod: dict[str, Any]) -> tuple[str, str]:
    notes = pod["metadata"]["annotations"]
    return notes[USER], notes[SERVER]


def variables_of(pod: dict[str, Any]) -> list[dict[str, str]]:
    found: list[dict[str, str]] = pod["spec"]["containers"][0]["env"]
    return [each for each in found if "value" in each]


@given(st.sets(st.text("abc-._@|' 김é", min_size=1, max_size=70)))
def test_no_two_names_have_one_slug(texts: set[str]) -> None:
    names = set()
    for text in texts:
        try:
            names.add(normalise_user(text))
        except IdentityError:
            continue
    slugs = {safe_slug(name) for name in names}
    assert len(slugs) == len(names)
    assert all(map(is_valid_object_name, slugs))
