"""As which service account the Hub runs, and that no server runs as that one."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from jupyterhub_platform.core.pods import Pod
from jupyterhub_platform.hub.kubernetes.hub_service_account import (
    ServiceAccount,
    read_service_account,
)
from jupyterhub_platform.hub.kubernetes.spawner import KubeTierSpawner
from tests.hub.kubernetes.spawners import Lines, Start, admit, refused
from tests.support.kubernetes_api import FakeKubernetes


def write_token(place: Path, claims: Any) -> Path:
    """Write a token as the kubelet does, with a signature that cannot be verified."""
    parts = (json.dumps(each).encode() for each in ({"alg": "RS256"}, claims))
    encoded = [base64.urlsafe_b64encode(each).rstrip(b"=").decode() for each in parts]
    token = place / "token"
    token.write_text(".".join([*encoded, "c2lnbmF0dXJl"]))
    return token


def subject(namespace: str, name: str) -> dict[str, str]:
    return {
        "iss": "https://kubernetes.default.svc",
        "sub": f"system:serviceaccount:{namespace}:{name}",
    }


@pytest.mark.parametrize("name", ["h", "hub", "hub1", "hub12", "hub.example.org"])
def test_the_account_is_the_subject_of_the_token(name: str, tmp_path: Path) -> None:
    account = read_service_account(write_token(tmp_path, subject("ns", name)))
    assert account == ServiceAccount("ns", name)


@pytest.mark.parametrize(
    "claims", [{}, [], None, {"sub": 7}, {"sub": "a-user"}, {"sub": "system:node:a:b"}]
)
def test_a_token_of_something_else_names_no_account(claims: Any, tmp_path: Path) -> None:
    assert read_service_account(write_token(tmp_path, claims)) is None


@pytest.mark.parametrize("text", ["", "a.b", "a.b.c", "a.é.c", "...."])
def test_malformed_token_names_no_service_account(text: str, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text(text)
    assert read_service_account(token) is None
    assert read_service_account(tmp_path / "missing") is None


@pytest.mark.parametrize(
    ("own", "pod", "settings"),
    [
        ("hub", Pod(service_account="hub"), {}),
        ("hub", Pod(), {"service_account": "hub"}),
        ("hub", Pod(), {"extra_pod_config": {"serviceAccount": "hub"}}),
        ("default", Pod(), {}),
        ("default", Pod(service_account="default"), {}),
    ],
)
async def test_no_server_runs_as_the_hub_whatever_is_written_anywhere(
    own: str,
    pod: Pod,
    settings: dict[str, Any],
    spawner: Start,
    cluster: FakeKubernetes,
    log: Lines,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    token = write_token(tmp_path, subject("hub", own))
    monkeypatch.setattr(KubeTierSpawner, "_token", token)
    allowed = ["spec.serviceAccountName", "spec.serviceAccount"]
    error = await refused(spawner(admit(pod=pod), allowed_pod_fields=allowed, **settings))
    assert (error.status_code, error.code) == (409, "pod.forbidden_field")
    assert f"is the service account of the Hub itself, '{own}'" in error.jupyterhub_message
    assert "spec.serviceAccountName" in log.text
    assert cluster.created == []


@pytest.mark.parametrize("own", [("hub", "hub"), ("elsewhere", "data"), ("elsewhere", "default")])
async def test_another_account_may_be_used(
    own: tuple[str, str],
    spawner: Start,
    cluster: FakeKubernetes,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(KubeTierSpawner, "_token", write_token(tmp_path, subject(*own)))
    await spawner(admit(pod=Pod(service_account="data"))).start()
    assert len(cluster.created) == 1
