"""No secret of a source is in what is written: neither in the document, nor in a report."""

import json

import pytest

from jupyterhub_platform.deploy.importing.findings import Imported, Kind
from jupyterhub_platform.deploy.importing.report import render_json, render_markdown, render_text
from jupyterhub_platform.deploy.importing.secret_values import hide_secrets, is_secret
from jupyterhub_platform.deploy.importing.source import import_source
from jupyterhub_platform.documents import render_mapping
from tests.deploy.importing.imports import HERE, by_key, imported, read_imported
from tests.deploy.importing.sources import BY_FORM, BY_NAME, RANDOM

CONFIG = f"""
c.JupyterHub.authenticator_class = "github"
c.GitHubOAuthenticator.client_id = "Ov23liExample"
c.GitHubOAuthenticator.client_secret = {BY_NAME!r}
c.JupyterHub.api_tokens = {{{RANDOM!r}: "service"}}
c.JupyterHub.services = [{{"name": "x", "api_token": {BY_NAME!r}}}]
c.JupyterHub.db_url = {BY_FORM[3]!r}
PASSWORD = {BY_NAME!r}
c.KubeSpawner.profile_list = [
    {{
        "display_name": {BY_FORM[0]!r},
        "kubespawner_override": {{
            "image": "quay.io/acme/lab:1",
            "environment": {{"A": PASSWORD, "B": f"x-{{PASSWORD}}", "C": {BY_FORM[1]!r}}},
        }},
    }},
    {{
        "display_name": "Small",
        "description": "see {BY_FORM[2]}",
        "kubespawner_override": {{
            "image": "https://u:{BY_NAME}@registry.example.org/lab:1",
            "environment": {{"A": PASSWORD, "B": f"x-{{PASSWORD}}", "C": {BY_FORM[1]!r}}},
        }},
    }},
]
"""


def write(found: Imported) -> str:
    """Return everything that is written of an import."""
    return "\n".join(
        (
            render_mapping(found.document),
            render_text(found),
            render_markdown(found, ["source"]),
            json.dumps(render_json(found, ["source"])),
        )
    )


@pytest.mark.parametrize("kind", Kind)
def test_secrets_are_never_written(kind: Kind) -> None:
    source = CONFIG if kind is Kind.CONFIG else (HERE / "data" / f"{kind}.yaml").read_text()
    assert BY_NAME in source
    found = import_source(source.encode(), "source", kind)
    read_imported(found)
    written = write(found)
    assert "CANARY" not in written
    assert RANDOM not in written


def test_the_report_says_which_key_is_a_secret_and_where_it_belongs() -> None:
    keys = by_key(import_source((HERE / "data" / "values.yaml").read_bytes(), "values.yaml"))
    (client,) = keys["hub.config.GitHubOAuthenticator.client_secret"]
    assert client.line == 7
    assert client.became == ("identity.providers.github.client.secret",)
    assert "GITHUB_CLIENT_SECRET" in client.why
    for key in ("hub.cookieSecret", "hub.db.password", "hub.db.url", "proxy.secretToken"):
        assert [each.stays for each in keys[key]] == [True], key
        assert "is a secret, and is not written" in keys[key][0].why
    profile = "singleuser.profileList.1.kubespawner_override.environment"
    (token,) = keys[f"{profile}.MY_TOKEN"]
    assert "{secret: NAME, key: KEY}" in token.why
    assert keys[f"{profile}.NVIDIA_DRIVER_CAPABILITIES"][0].became


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(
            (name, "x")
            for name in ("client_secret", "apiToken", "PASSWORD", "cookieSecret", "keys")
        ),
        *((name, "x") for name in ("WANDB_API_KEY", "db_pass", "GITHUB_PAT", "aws_access_key_id")),
        *(("FOO", each) for each in BY_FORM),
        ("FOO", RANDOM),
        ("secretToken", 12345),
    ],
)
def test_what_is_a_secret_by_name_or_form(name: str, value: object) -> None:
    assert is_secret(name, value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(
            (name, "x")
            for name in ("secretName", "image_pull_secrets", "token_url", "existingSecret")
        ),
        ("image", f"quay.io/acme/lab@sha256:{'c0ffee' * 10}c0ff"),
        ("client_id", "c0ffee" * 6),
        ("secret", True),
        ("client_secret", ""),
        ("allowed_groups", "e94d7f10-52ab-4c0d-b1f6-70a2c9d83c03"),
    ],
)
def test_what_is_none(name: str, value: object) -> None:
    assert not is_secret(name, value)


def test_values_that_aliases_share_are_hidden_once() -> None:
    shared = {"password": "x"}
    hidden = hide_secrets({"a": shared, "b": [shared, shared]})
    assert hidden["a"] is hidden["b"][0] is hidden["b"][1]


def test_a_secret_in_place_of_a_whole_section_is_hidden_too() -> None:
    found = imported(f"hub: {{config: {BY_FORM[0]}}}\nsingleuser: {BY_FORM[0]}\n", Kind.VALUES)
    assert "CANARY" not in write(found)
