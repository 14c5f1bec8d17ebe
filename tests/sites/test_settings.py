"""No setting of a site is lost silently: it is kept, or written in the document, or named."""

import inspect
from collections.abc import Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest
from jupyterhub.app import JupyterHub
from traitlets.config import Config

from jupyterhub_platform.hub.configuration.ineffective_settings import (
    find_ineffective,
    find_unfed,
    find_unused_providers,
    list_replaced,
)
from jupyterhub_platform.hub.configure import configure
from jupyterhub_platform.policy_files import read_policy
from tests.sites.folders import NAMES, SiteFolder, read_configuration


def flatten(config: Config) -> dict[str, Any]:
    return {
        f"{section}.{trait}": read_source(value)
        for section, traits in config.items()
        for trait, value in traits.items()
    }


def read_source(value: Any) -> Any:
    """Return what a function or a class of a file does, by which two files are compared."""
    if inspect.isclass(value):
        return [read_source(each) for each in vars(value).values() if inspect.isfunction(each)]
    return inspect.getsource(value) if callable(value) else value


def read_after(site: SiteFolder, directory: Path) -> Config:
    """Return what a site sets afterwards, before the platform adds to it."""
    (directory / "after.py").write_text(site.after.replace("\nconfigure(c)\n", "\n"))
    return read_configuration(directory / "after.py")


@pytest.mark.parametrize("name", NAMES)
def test_every_setting_is_kept_or_it_is_said_where_it_went(name: str, tmp_path: Path) -> None:
    site = SiteFolder(name)
    before, after = flatten(site.before), flatten(read_after(site, tmp_path))
    gone = {setting for setting, value in before.items() if after.get(setting) != value}
    said = [each["was"] for each in site.moved]
    assert {each for each in gone if not any(fnmatchcase(each, was) for was in said)} == set()
    assert [was for was in said if not any(fnmatchcase(each, was) for each in gone)] == []
    for each in site.moved:
        assert each.get("now") or each.get("why"), each
        for path in each.get("now", ()):
            assert find(site.policy, path), path


def find(document: Any, path: str) -> bool:
    """Tell whether a document has something at a path; names may have dots in them."""
    if not path:
        return True
    return isinstance(document, Mapping) and any(
        find(value, path[len(key) + 1 :])
        for key, value in document.items()
        if path == key or path.startswith(f"{key}.")
    )


def list_told(site: SiteFolder, config: Config) -> list[str]:
    """Return what the Hub says at its start of settings without effect."""
    configure(config)
    app = JupyterHub(config=config)
    app.authenticator = app.authenticator_class(parent=app)
    policy = read_policy(site.policy_file).policy
    return [
        *find_ineffective(app),
        *list_replaced(app),
        *find_unused_providers(app, policy),
        *find_unfed(app, policy),
    ]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kept", ["as it was", "without its authenticator"])
def test_a_hub_says_what_has_no_effect_any_more(name: str, kept: str) -> None:
    site = SiteFolder(name)
    config = site.before
    if kept != "as it was":
        del config.JupyterHub["authenticator_class"]
    found = list_told(site, config)
    assert len(found) == len(site.told[kept]), found
    for sentence, begins in zip(found, site.told[kept], strict=True):
        assert sentence.startswith(begins)


@pytest.mark.parametrize("name", NAMES)
def test_what_a_site_has_left_has_an_effect(name: str, tmp_path: Path) -> None:
    site = SiteFolder(name)
    assert list_told(site, read_after(site, tmp_path)) == []
