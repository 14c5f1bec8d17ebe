"""The options of commands that change an object: each one sets a key of its document."""

from collections.abc import Callable, Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, Final, TypeVar

import click

from jupyterhub_platform.core.levels import Level
from jupyterhub_platform.core.managed import Kind

Command = TypeVar("Command", bound=Callable[..., Any])
Document = dict[str, Any]


class Shape(Enum):
    """The type of a key: a text, amounts of resources, names, or a truth value."""

    TEXT = auto()
    AMOUNTS = auto()
    NAMES = auto()
    SWITCH = auto()


@dataclass(frozen=True, slots=True)
class Field:
    """A key of a document, and the option that sets it."""

    option: str
    path: tuple[str, ...]
    shape: Shape
    help: str
    choices: tuple[str, ...] = ()

    @property
    def parameter(self) -> str:
        """The name of the option's value within a command."""
        return f"field_{self.option.replace('-', '_')}"

    @property
    def removal(self) -> str:
        """The name of the value of the option that removes names."""
        return f"remove_{self.parameter}"


_TEXT, _AMOUNTS, _NAMES, _SWITCH = Shape.TEXT, Shape.AMOUNTS, Shape.NAMES, Shape.SWITCH
_LEVELS: Final = tuple(map(str, Level))
_TITLE: Final = Field("title", ("title",), _TEXT, "What people read.")
GROUP_OF_USER: Final = Field("group", ("groups",), _NAMES, "A group that they are a member of.")

FIELDS: Final[Mapping[Kind, tuple[Field, ...]]] = {
    Kind.USER: (
        _TITLE,
        Field("level", ("level",), _TEXT, "Permission level.", _LEVELS),
        GROUP_OF_USER,
        Field("account", ("account",), _TEXT, "The group charged if a start names none."),
        Field("quota", ("quota",), _AMOUNTS, "What they may hold in all accounts: cpu=4."),
    ),
    Kind.GROUP: (
        _TITLE,
        Field("member", ("members",), _NAMES, "A member."),
        Field("manager", ("managers",), _NAMES, "A user in charge of it."),
        Field("default", ("default",), _SWITCH, "Charged for members who have no other default."),
        Field("from", ("from",), _NAMES, "What the identity provider calls it: org:team."),
        Field("quota", ("quota",), _AMOUNTS, "What all may hold together: servers=3."),
        Field("member-quota", ("member_quota",), _AMOUNTS, "What each may hold in it: cpu=2."),
    ),
    Kind.IMAGE: (
        _TITLE,
        Field("description", ("description",), _TEXT, "What it is good for."),
        Field("reference", ("reference",), _TEXT, "The image: quay.io/jupyter/base-notebook@…"),
        Field("pattern", ("pattern",), _TEXT, "Instead, images that users name: quay.io/acme/*."),
    ),
    Kind.TIER: (
        _TITLE,
        Field("description", ("description",), _TEXT, "What it is good for."),
        Field("request", ("requests",), _AMOUNTS, "What is reserved and counted: cpu=1."),
        Field("limit", ("limits",), _AMOUNTS, "What a server may use at most: memory=4Gi."),
        Field("image", ("images",), _NAMES, "An image to choose from; the first is preselected."),
        Field("allow-group", ("access", "groups"), _NAMES, "A group whose members may use it."),
        Field("allow-user", ("access", "users"), _NAMES, "A user who may use it."),
        Field("allow-level", ("access", "levels"), _NAMES, "A level that may use it.", _LEVELS),
        Field("requestable", ("requestable",), _SWITCH, "Whether others see it, and may ask."),
        Field("max-lifetime", ("max_lifetime",), _TEXT, "A server is stopped so long after: 12h."),
        Field("idle-timeout", ("idle_timeout",), _TEXT, "A server is stopped if unused: 60m."),
    ),
    Kind.GRANT: (
        Field("user", ("user",), _TEXT, "The user it is for; else name a group."),
        Field("group", ("group",), _TEXT, "The group it is for; else name a user."),
        Field("account", ("account",), _TEXT, "With --user: the one group in which it counts."),
        Field("add", ("add",), _AMOUNTS, "What may be held on top: servers=1."),
        Field("tier", ("tier",), _TEXT, "A tier that may be used during that time."),
        Field("level", ("level",), _TEXT, "With --user: their level during that time.", _LEVELS),
        Field("by", ("by",), _TEXT, "Who decided it; by default the owner of the token."),
    ),
}
"""The options of each noun; whatever else a document may say, ``--document`` says."""


def with_fields(kind: Kind, *, removes: bool) -> Callable[[Command], Command]:
    """Give a command the options of a kind; with ``removes`` also those that remove names."""
    options = [_make_option(each) for each in FIELDS[kind]]
    if removes:
        options += [
            click.option(f"--remove-{f.option}", f.removal, multiple=True, help="Take one away.")
            for f in FIELDS[kind]
            if f.shape is _NAMES
        ]

    def add(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return add


def _make_option(field: Field) -> Callable[[Command], Command]:
    name = f"--{field.option}"
    if field.shape is _SWITCH:
        return click.option(
            f"{name}/--not-{field.option}", field.parameter, default=None, help=field.help
        )
    kind = click.Choice(field.choices) if field.choices else None
    many = field.shape is not _TEXT
    metavar = "RESOURCE=AMOUNT" if field.shape is _AMOUNTS else None
    return click.option(
        name, field.parameter, type=kind, multiple=many, metavar=metavar, help=field.help
    )


def merge(kind: Kind, document: Mapping[str, Any], given: Mapping[str, Any]) -> Document:
    """Return a document with the options that were ``given``.

    Texts are replaced, amounts are replaced by resource, and names are added.

    Raises
    ------
    click.UsageError
        Raised if an amount cannot be read.
    """
    merged: Document = deepcopy(dict(document))
    for field in FIELDS[kind]:
        value, removed = given.get(field.parameter), given.get(field.removal) or ()
        if value in (None, ()) and not removed:
            continue
        *above, key = field.path
        within = merged
        for name in above:
            within = within.setdefault(name, {})
        match field.shape:
            case Shape.AMOUNTS:
                within[key] = _set_amounts(within.get(key) or {}, field, value or ())
            case Shape.NAMES:
                names = dict.fromkeys([*(within.get(key) or ()), *(value or ())])
                within[key] = [name for name in names if name not in removed]
            case _:
                within[key] = value
    return merged


def unset(document: Mapping[str, Any], paths: Iterable[str]) -> Document:
    """Return a document without the keys at these paths.

    Raises
    ------
    click.UsageError
        Raised if there is no such key.
    """
    left: Document = deepcopy(dict(document))
    for path in paths:
        *above, key = path.split(".")
        within: Any = left
        for name in above:
            within = within.get(name) if isinstance(within, dict) else None
        if not isinstance(within, dict) or key not in within:
            raise click.UsageError(f"It says nothing at {path!r}; jhp … show prints its keys.")
        del within[key]
    return left


def _set_amounts(amounts: Mapping[str, Any], field: Field, given: Iterable[str]) -> Document:
    return {**amounts, **read_amounts(field.option, given)}


def read_amounts(option: str, given: Iterable[str]) -> Document:
    """Read ``cpu=2``, ``memory=4Gi``.

    Raises
    ------
    click.UsageError
        Raised if one is not a resource with its amount.
    """
    found: Document = {}
    for each in given:
        resource, equals, amount = each.partition("=")
        if not (resource and equals and amount):
            raise click.UsageError(
                f"--{option} {each!r} is not RESOURCE=AMOUNT; write for example cpu=2, "
                "memory=4Gi or servers=3."
            )
        found[resource] = int(amount) if amount.isdecimal() and amount.isascii() else amount
    return found
