"""The sites of our own making: what is in the folder of each."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from ruamel.yaml import YAML
from traitlets.config import Config
from traitlets.config.loader import PyFileConfigLoader

HERE: Final = Path(__file__).parent
NAMES: Final = ("keycloak", "company", "federation", "agency", "university")
_YAML: Final = YAML(typ="safe")


@dataclass(frozen=True)
class Start:
    """A server that a user starts: what it was called before, and what it is called now.

    ``owner`` is whose it is, if it is another's. ``status`` is the answer where it is refused;
    ``says`` is a part of it.
    """

    options: Mapping[str, str]
    owner: str = ""
    before: Mapping[str, str] | None = None
    status: int = 201
    says: str = ""
    differences: tuple[Mapping[str, Any], ...] = ()

    @property
    def name(self) -> str:
        """What tests call it."""
        return "-".join((self.owner, *self.options.values())) or "default"


@dataclass(frozen=True)
class Visitor:
    """A user of a site: what their provider says of them, and what they are then.

    ``says`` is a part of the answer to a user who is not let in.
    """

    name: str
    claims: Mapping[str, Any]
    level: str = ""
    groups: frozenset[str] = frozenset()
    starts: tuple[Start, ...] = ()
    says: str = ""
    is_admin: bool = False


@dataclass(frozen=True)
class SiteFolder:
    """One of the folders."""

    name: str

    @property
    def folder(self) -> Path:
        """Where it is."""
        return HERE / self.name

    @property
    def policy_file(self) -> Path:
        """The document of the site."""
        return self.folder / "platform.yaml"

    @property
    def after(self) -> str:
        """The configuration of the Hub afterwards."""
        return (self.folder / "jupyterhub_config.py").read_text()

    @cached_property
    def policy(self) -> Mapping[str, Any]:
        """The document, as plain values."""
        return dict(_read(self.policy_file))

    @property
    def before(self) -> Config:
        """The configuration of the Hub as it was."""
        return read_configuration(self.folder / "before.py")

    @cached_property
    def visitors(self) -> tuple[Visitor, ...]:
        """Who comes."""
        found = _read(self.folder / "people.yaml")
        listed = _read(self.folder / "differences.yaml") or {}
        return tuple(_read_visitor(name, each, listed) for name, each in found.items())

    @cached_property
    def told(self) -> Mapping[str, list[str]]:
        """How the sentences begin that the Hub says of settings without effect."""
        return dict(_read(self.folder / "told.yaml"))

    @cached_property
    def moved(self) -> tuple[Mapping[str, Any], ...]:
        """The settings that are gone: ``was``, and ``now`` in the document, or ``why``."""
        return tuple(_read(self.folder / "moved.yaml"))

    def find_visitor(self, name: str) -> Visitor:
        """Return a user of the site; whom no file describes has no provider."""
        found = (each for each in self.visitors if each.name == name)
        return next(found, Visitor(name, {}))


SHARED: Final[tuple[Mapping[str, Any], ...]] = tuple(
    YAML(typ="safe").load(HERE / "differences.yaml")
)
"""Differences that every pod has."""


def read_configuration(file: Path) -> Config:
    """Return what a file sets, as a Hub reads it."""
    read: Config = PyFileConfigLoader(file.name, path=str(file.parent)).load_config()
    return read


def _read(path: Path) -> Any:
    return _YAML.load(path)


def _read_visitor(name: str, said: Mapping[str, Any], listed: Mapping[str, Any]) -> Visitor:
    starts = tuple(
        Start(
            each["start"],
            each.get("owner", ""),
            each.get("before"),
            each.get("status", 201),
            each.get("says", ""),
            tuple(_list_differences(each, listed)),
        )
        for each in said.get("starts", ())
    )
    return Visitor(
        name=name,
        claims=said["claims"],
        level=said.get("level", ""),
        groups=frozenset(said.get("groups", ())),
        starts=starts,
        says=said.get("says", ""),
        is_admin=said.get("level") == "admin",
    )


def _list_differences(start: Mapping[str, Any], listed: Mapping[str, Any]) -> list[Any]:
    names = ("all", *start.get("differs", ()))
    return [each for name in names for each in listed.get(name, ())]
