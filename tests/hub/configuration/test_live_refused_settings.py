"""Settings that a Hub cannot start with: a sentence on the terminal, never a traceback."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.hub, pytest.mark.full]

POLICY = """\
version: 1
users: {root: {level: admin}, kim: {level: user}}
groups: {vision: {members: [kim]}}
images: {lab: {reference: "quay.io/jupyter/base-notebook:latest"}}
tiers: {small: {requests: {cpu: 100m, memory: 256Mi}, images: [lab]}}
"""
MANAGING = """
from jupyterhub.auth import DummyAuthenticator

class Managing(DummyAuthenticator):
    async def load_managed_roles(self):
        return {roles}

c.JupyterHub.authenticator_class = Managing
c.Authenticator.manage_roles = True
"""
CALL = """
from jupyterhub_platform.hub.configure import configure

configure(c)
"""


def run_hub(directory: Path, site: str) -> tuple[int, str]:
    """Run a Hub that is expected to end by itself, and return its code and what it said."""
    policy = directory / "platform.yaml"
    policy.write_text(POLICY)
    own = [
        f"c.Platform.policy_file = {str(policy)!r}",
        f"c.Platform.state_dir = {str(directory)!r}",
        "c.JupyterHub.bind_url = 'http://127.0.0.1:1'",
        "c.JupyterHub.hub_bind_url = 'http://127.0.0.1:1'",
    ]
    configuration = directory / "jupyterhub_config.py"
    configuration.write_text("\n".join([*own, site, CALL]))
    ended = subprocess.run(
        [sys.executable, "-m", "jupyterhub", "-f", str(configuration)],
        cwd=directory,
        env={**os.environ, "PYTHONPATH": str(directory)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return ended.returncode, ended.stdout + ended.stderr


REFUSED = {
    "spawner of a site": (
        """
from jupyterhub.spawner import LocalProcessSpawner

class Own(LocalProcessSpawner):
    pass

c.JupyterHub.spawner_class = Own
""",
        "starts servers that no quota sees",
    ),
    "spawner that is not there": (
        "c.JupyterHub.spawner_class = 'no.such.Spawner'",
        "c.JupyterHub.spawner_class is 'no.such.Spawner', which cannot be loaded",
    ),
    "spawner that is none": (
        "c.JupyterHub.spawner_class = 'os.path.join'",
        "not a subclass of Spawner",
    ),
    "authenticator that is not there": (
        "c.JupyterHub.authenticator_class = 'keycloak'",
        "c.JupyterHub.authenticator_class is 'keycloak', which cannot be loaded",
    ),
    "authenticator that is none": (
        "c.JupyterHub.authenticator_class = dict",
        "not a subclass of Authenticator",
    ),
    "template path as a text": (
        "c.JupyterHub.template_paths = '/site'",
        "c.JupyterHub.template_paths is a str, and the Hub takes a list",
    ),
    "services as a dict": (
        "c.JupyterHub.services = {'name': 'a'}",
        "c.JupyterHub.services is a dict, and the Hub takes a list",
    ),
    "role as a text": (
        "c.JupyterHub.load_roles = ['admin']",
        "c.JupyterHub.load_roles[0] cannot be read: Input should be a valid dictionary",
    ),
    "scopes as a list": (
        "c.JupyterHub.custom_scopes = ['custom:site:x']",
        "c.JupyterHub.custom_scopes is a list, and the Hub takes a dict",
    ),
    "load_groups as a list": ("c.JupyterHub.load_groups = ['vision']", "load_groups"),
    "service with our name": (
        "c.JupyterHub.services = [{'name': 'platform', 'api_token': 'x' * 32}]",
        "has a service platform, and the platform's own has that name",
    ),
    "service without a name": (
        "c.JupyterHub.services = [{'api_token': 'x' * 32}]",
        "c.JupyterHub.services[0]['name'] cannot be read: Field required",
    ),
    "service with an unknown key": (
        "c.JupyterHub.services = [{'name': 'cull', 'scope': []}]",
        "No such service field: scope",
    ),
    "role for a service that is not there": (
        "c.JupyterHub.load_roles = [{'name': 'cull', 'services': ['cull'], 'scopes': []}]",
        "undefined service cull",
    ),
    "role that is defined twice": (
        "c.JupyterHub.load_roles = 2 * [{'name': 'site', 'scopes': ['read:hub']}]",
        "Role site multiply defined",
    ),
    "role with a scope that is not there": (
        "c.JupyterHub.load_roles = [{'name': 'site', 'scopes': ['fly']}]",
        "fly",
    ),
    "role without a name": (
        "c.JupyterHub.load_roles = [{'scopes': ['read:hub'], 'users': ['kim']}]",
        "c.JupyterHub.load_roles",
    ),
    "custom scope that is none": (
        "c.JupyterHub.custom_scopes = {'site:x': {'description': 'x'}}",
        "site:x",
    ),
    "roles of the file and of the authenticator": (
        MANAGING.format(roles="[]")
        + "c.JupyterHub.load_roles = [{'name': 'site', 'users': ['kim'], 'scopes': ['read:hub']}]",
        "c.Authenticator.manage_roles is on, and then c.JupyterHub.load_roles may give roles",
    ),
    "roles to reset to that are none": (
        """
c.JupyterHub.authenticator_class = "dummy"
c.Authenticator.manage_roles = True
c.Authenticator.reset_managed_roles_on_startup = True
""",
        "c.Authenticator.reset_managed_roles_on_startup is on",
    ),
    "provider that does not answer": (
        MANAGING.format(roles="1 / 0"),
        "division by zero",
    ),
    "admin whose name is none": (
        "c.Authenticator.admin_users = {'no/name'}",
        "'no/name' is not valid",
    ),
    "member whose name is none": (
        "c.JupyterHub.load_groups = {'x': {'users': ['no/name']}}",
        "'no/name' is not valid",
    ),
    "token for a name that is none": (
        "c.JupyterHub.api_tokens = {'x' * 32: 'no/name'}",
        "'no/name' is not valid",
    ),
    "options that admission reads": (
        "c.Platform.other_options = ['tier']",
        "c.Platform.other_options names tier, which admission itself reads",
    ),
    "setting of ours of another kind": ("c.Platform.watch_seconds = 'often'", "watch_seconds"),
    "setting of a spawner of another kind": ("c.Spawner.start_timeout = 'long'", "start_timeout"),
    "setting of an authenticator of another kind": (
        "c.Authenticator.allow_all = 'yes'",
        "allow_all",
    ),
    "password that is too short": (
        """
c.JupyterHub.authenticator_class = "shared-password"
c.SharedPasswordAuthenticator.user_password = "short"
""",
        "must be at least 8 characters long",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_settings_that_exclude_each_other_are_refused_in_a_sentence(
    tmp_path: Path, case: str
) -> None:
    site, expected = REFUSED[case]
    code, said = run_hub(tmp_path, site)
    assert code == 1, said
    assert "Traceback" not in said, said
    (refusal,) = [line for line in said.splitlines() if expected in line]
    assert refusal.startswith("[C "), refusal


def test_an_older_jupyterhub_is_named_with_what_to_do(tmp_path: Path) -> None:
    # From the first moment on: the Hub itself loads what packages offer as authenticators.
    (tmp_path / "sitecustomize.py").write_text(
        "import jupyterhub\n"
        "jupyterhub.version_info, jupyterhub.__version__ = (5, 5, 4, '', ''), '5.5.4'\n"
    )
    code, said = run_hub(tmp_path, "")
    assert code == 1
    assert "Traceback" not in said, said
    assert "The platform needs JupyterHub 6.1 or newer, and this is 5.5.4." in said
