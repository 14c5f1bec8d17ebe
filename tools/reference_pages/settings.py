"""The page of what an operator sets, from traits and from what is hardened."""

import inspect
import re
from collections.abc import Iterator
from typing import Any

from traitlets import Bool, Dict, Enum, Float, Int, List, TraitType, Tuple, Undefined, Unicode
from traitlets.traitlets import DefaultHandler

from jupyterhub_platform.hub.auth.authenticator import PlatformAuthenticator
from jupyterhub_platform.hub.configuration.hardening import ALWAYS_ON, LEFT_OUT, SETTINGS
from jupyterhub_platform.hub.kubernetes.spawner import PlatformKubeSpawner
from jupyterhub_platform.hub.local.spawner import PlatformLocalSpawner
from jupyterhub_platform.hub.platform import Platform
from reference_pages.environment import ENVIRONMENT
from reference_pages.markdown import first_line, plain, render_table


def list_own_traits(cls: type) -> Iterator[tuple[str, TraitType[Any, Any], bool]]:
    """Yield the traits that code of ours defines on ``cls``, and whether a default is computed."""
    own = [each for each in cls.__mro__ if each.__module__.startswith("jupyterhub_platform")]
    computed = {
        member.trait_name
        for each in own
        for member in vars(each).values()
        if isinstance(member, DefaultHandler)
    }
    for each in own:
        for name, member in vars(each).items():
            if isinstance(member, TraitType) and member.metadata.get("config"):
                yield name, member, name in computed


def _say_type(trait: TraitType[Any, Any]) -> str:
    if isinstance(trait, Enum):
        return "one of " + ", ".join(f"`{value}`" for value in trait.values or ())
    kinds: dict[type, str] = {
        Unicode: "text",
        Bool: "true or false",
        Float: "number",
        Int: "whole number",
        List: "list",
        Tuple: "list",
        Dict: "mapping",
    }
    return next(word for kind, word in kinds.items() if isinstance(trait, kind))


def _say_default(trait: TraitType[Any, Any], computed: bool) -> str:
    value = trait.default()
    if computed or value is Undefined or value == "":
        return "as said below" if computed else "none"
    return f"`{value!r}`"


def _render_help(text: str) -> str:
    """Render a help text: its prose as it is, its indented examples as code."""
    rendered = []
    for paragraph in re.split(r"\n\s*\n", inspect.cleandoc(text)):
        lines = paragraph.splitlines()
        if all(line.startswith("    ") for line in lines):
            rendered.append("```python\n" + "\n".join(line[4:] for line in lines) + "\n```")
        else:
            rendered.append(plain(paragraph).replace("::", ":"))
    return "\n\n".join(rendered)


def render_settings() -> str:
    """Render what an operator sets."""
    parts = [
        "# Settings",
        (
            "Set them in `jupyterhub_config.py` above `configure(c)`, or under `hub.config` in "
            "Zero to JupyterHub. Only settings of ours are here; those of JupyterHub and "
            "KubeSpawner work as they are documented there."
        ),
    ]
    for cls in (Platform, PlatformAuthenticator, PlatformLocalSpawner, PlatformKubeSpawner):
        parts.append(f"## `c.{cls.__name__}`\n\n{first_line(cls)}")
        for name, trait, computed in list_own_traits(cls):
            head = f"### `{name}`\n\n{_say_type(trait)}, default {_say_default(trait, computed)}"
            parts.append(f"{head}\n\n{_render_help(trait.help)}")
    parts += _render_hardened()
    parts.append("## Environment variables")
    rows = ((f"`{name}`", reader, text) for name, reader, text in ENVIRONMENT)
    parts.append(render_table(("Variable", "Read by", "What it says"), rows))
    return "\n\n".join(parts)


def _render_hardened() -> list[str]:
    rows = (
        (
            f"`{setting.name}`",
            "JupyterHub's own" if setting.value is None else f"`{setting.value!r}`",
            "hard profile" if setting.hard else "always",
            f"Otherwise {setting.reason}.",
        )
        for setting in SETTINGS
    )
    return [
        "## Hardened settings of JupyterHub",
        (
            "Set where your configuration sets nothing. Your own value stays; where it is weaker, "
            "the Hub says so when it starts, and on the platform's *Overview*. The hard profile "
            "needs TLS and a DNS name with a wildcard below it."
        ),
        render_table(("Setting", "Value", "Set", "Why"), rows),
        "What no setting turns off, and what would happen without it:",
        "\n".join(f"- {name}: {reason}." for name, reason in ALWAYS_ON.items()),
        "Left out on purpose:",
        "\n".join(f"- `{name}`: {reason}." for name, reason in LEFT_OUT.items()),
    ]
