"""Write the reference below ``docs/reference/`` from the code, or check that it is current.

::

    .venv/bin/python tools/reference.py            writes the pages
    .venv/bin/python tools/reference.py --check    exit code 1 if one of them is not current

What the code says is taken from it: traits, the JSON Schema, levels and scopes, calls, verbs.
What it does not say, ``reference_facts`` adds; a page without its entry there stops the run.
"""

import argparse
import inspect
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import click
from progress import say
from reference_facts import (
    AUDIT_ACTIONS,
    DECISION_CODES,
    ENVIRONMENT,
    HUB_ROUTES,
    OTHER_CODES,
    SERVICE_NAMES,
    SERVICE_ROUTES,
)
from traitlets import Bool, Float, Int, List, TraitType, Tuple, Undefined, Unicode
from traitlets.traitlets import DefaultHandler

from jupyterhub_platform.cli.main import VERBS, main
from jupyterhub_platform.core.document.schema import render_schema
from jupyterhub_platform.core.levels import LEVELS, level_group
from jupyterhub_platform.deploy.doctor.table import CHECKS
from jupyterhub_platform.hub.auth.authenticator import PlatformAuthenticator
from jupyterhub_platform.hub.configuration.hardening import ALWAYS_ON, LEFT_OUT, SETTINGS
from jupyterhub_platform.hub.denials import STATUSES
from jupyterhub_platform.hub.kubernetes.spawner import PlatformKubeSpawner
from jupyterhub_platform.hub.local.spawner import PlatformLocalSpawner
from jupyterhub_platform.hub.people import roles
from jupyterhub_platform.hub.platform import Platform
from jupyterhub_platform.hub.routes import platform_handlers
from jupyterhub_platform.rest.document import render_document
from jupyterhub_platform.rest.hub_calls import HUB_CALLS
from jupyterhub_platform.rest.operations import Operation
from jupyterhub_platform.rest.service_calls import SERVICE_CALLS
from jupyterhub_platform.service.app import ROUTES

ROOT: Final = Path(__file__).resolve().parent.parent
PAGES_DIRECTORY: Final = ROOT / "docs" / "reference"
WRITTEN_BY: Final = "<!-- Written by tools/reference.py; changes here are lost. -->"
_METHODS: Final = ("get", "post", "put", "patch", "delete")

# -- Markdown ------------------------------------------------------------------------------------


def render_table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Render a table; a bar or a line break in a cell would end it, and is written otherwise."""
    names = list(head)
    lines = [names, ["---"] * len(names), *([" ".join(c.split()) for c in row] for row in rows)]
    return "\n".join(
        "| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines
    )


def plain(text: str) -> str:
    """Turn the literals of a docstring or a help text into those of Markdown."""
    return re.sub(r"``(.+?)``", r"`\1`", " ".join(text.split()))


def first_line(thing: object) -> str:
    """Return the first line of a docstring."""
    return plain((thing.__doc__ or "").strip().splitlines()[0])


# -- settings ------------------------------------------------------------------------------------


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
    kinds: dict[type, str] = {
        Unicode: "text",
        Bool: "true or false",
        Float: "number",
        Int: "whole number",
        List: "list",
        Tuple: "list",
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


# -- policy --------------------------------------------------------------------------------------


def _reference_of(schema: Mapping[str, Any]) -> str:
    options = [schema, *schema.get("anyOf", ()), *schema.get("allOf", ())]
    return next((str(each["$ref"]).rpartition("/")[2] for each in options if "$ref" in each), "")


def _walk(name: str, schema: Mapping[str, Any], path: str) -> Iterator[tuple[str, str]]:
    """Yield each part of the document that has keys of its own, with its key path."""
    yield path, name
    definition = schema["$defs"][name] if name else schema
    for key, entry in definition.get("properties", {}).items():
        at = f"{path}.{key}" if path else key
        for inner, where in (
            (entry, at),
            (entry.get("additionalProperties", {}), f"{at}.NAME"),
            (entry.get("items", {}), f"{at}[]"),
        ):
            found = _reference_of(inner) if isinstance(inner, dict) else ""
            if found.startswith("Declared"):
                yield from _walk(found, schema, where)


def _say_kind(entry: Mapping[str, Any]) -> str:
    found = _reference_of(entry)
    if found in {"Amounts", "Limits"}:
        return f"[{found.lower()}](#amounts-and-limits)"
    if found == "LevelName":
        return "[level](levels.md)"
    if found or entry.get("type") == "object":
        return "keys"
    if "enum" in entry:
        return " or ".join(map(str, entry["enum"]))
    if "anyOf" in entry:
        return " or ".join(_say_kind(each) for each in entry["anyOf"] if each.get("type") != "null")
    if entry.get("type") == "array":
        return f"list of {_say_kind(entry['items'])}"
    if entry.get("format") == "date-time":
        return "date and time"
    kinds = {"string": "text", "integer": "whole number", "boolean": "true or false"}
    return kinds.get(str(entry.get("type")), str(entry.get("const", entry.get("type", ""))))


def render_policy() -> str:
    """Render the keys of ``platform.yaml``."""
    schema = render_schema()
    parts = [
        "# Keys of platform.yaml",
        (
            "Unknown keys are refused. `jhp schema` prints the same as JSON Schema, from which "
            "editors complete; `jhp validate FILE` says everything that is wrong with a file."
        ),
    ]
    for path, name in _walk("", schema, ""):
        definition = schema["$defs"][name] if name else schema
        required = set(definition.get("required", ()))
        rows = (
            (
                f"`{key}`" + (" (required)" if key in required else ""),
                _say_kind(entry),
                plain(str(entry.get("description", ""))),
            )
            for key, entry in definition["properties"].items()
        )
        parts.append(f"## `{path}`" if path else "## Top level")
        parts.append(render_table(("Key", "Value", "What it says"), rows))
    known = schema["$defs"]["Limits"]["properties"]
    amounts = ((f"`{name}`", plain(str(entry["description"]))) for name, entry in known.items())
    parts += [
        "## Amounts and limits",
        (
            "Amounts are Kubernetes quantities by resource name: `500m` is half a CPU, `8Gi` is "
            "2^33 bytes, `8G` is 8 x 10^9. A limit is an amount, `0` (none), `unlimited`, or "
            "`null` (whatever the next rule says). `servers` exists in limits only."
        ),
        render_table(("Name", "What it counts"), amounts),
    ]
    return "\n\n".join(parts)


# -- codes, levels, routes, verbs ----------------------------------------------------------------


def render_codes() -> str:
    """Render the codes of denials, other refusals and checks, and the actions of the audit."""

    def status(code: str) -> str:
        return next(str(number) for prefix, number in STATUSES if code.startswith(prefix))

    decisions = ((f"`{code}`", status(code), text) for code, text in DECISION_CODES)
    others = ((f"`{code}`", number, text) for code, number, text in OTHER_CODES)
    actions = ((f"`{action}`", text) for action, text in AUDIT_ACTIONS)
    checks = ((f"`{check.code}`", check.fine) for check in CHECKS)
    return "\n\n".join(
        [
            "# Codes",
            (
                "Codes are stable; sentences may change. How to read a denial: "
                "[Read a denial](../read-a-denial.md)."
            ),
            "## Denials of a decision",
            (
                "A decision carries every denial. Its status is the first of 400, 403, 409, 503 "
                "that any of its codes has: fix the request before the policy, the policy before "
                "what is held."
            ),
            render_table(("Code", "Status", "What it means"), decisions),
            "## Other refusals",
            "A dash: it appears in a log or on the terminal, not in an HTTP answer.",
            render_table(("Code", "Status", "What it means"), others),
            "## Checks of jhp doctor",
            render_table(("Check", "Where nothing is wrong"), checks),
            "## Actions in the audit",
            render_table(("Action", "When"), actions),
        ]
    )


def render_levels() -> str:
    """Render levels, their scopes, and what no role may have."""
    everybody = set.intersection(*(set(scopes) for scopes in roles.LEVEL_SCOPES.values()))
    levels = (
        (
            f"`{level}`",
            rule.summary,
            "yes" if rule.may_start else "no",
            f"`{level_group(level)}`",
            ", ".join(f"`{s}`" for s in roles.LEVEL_SCOPES[level] if s not in everybody) or "-",
        )
        for level, rule in LEVELS.items()
    )
    custom = (
        (f"`{scope}`", str(entry["description"])) for scope, entry in roles.CUSTOM_SCOPES.items()
    )
    unsafe = (
        (f"`{scope}`", why, "no" if scope in roles.UNSAFE_WITHIN_GROUPS else "yes")
        for scope, why in roles.UNSAFE.items()
    )
    return "\n\n".join(
        [
            "# Levels and scopes",
            (
                "A level is a static JupyterHub role `platform-LEVEL` on a group `level:LEVEL`; "
                "the policy says who is in which. Level groups are never accounts."
            ),
            "## Levels",
            "Everyone has " + ", ".join(f"`{s}`" for s in sorted(everybody)) + ". Beyond that:",
            render_table(("Level", "What for", "Starts servers", "Group", "Scopes"), levels),
            "Level `admin` also makes a user an admin of the Hub.",
            "## Scopes of the platform",
            render_table(("Scope", "What it allows"), custom),
            "## Scopes that no role may have unfiltered",
            (
                "The Hub does not start if a role of a user who is not an admin has one of these "
                "without a filter. Roles of services alone are not checked."
            ),
            render_table(("Scope", "Its bearer", "A filter by group helps"), unsafe),
        ]
    )


def _methods_of(handler: type) -> Iterator[tuple[str, str]]:
    own = [each for each in handler.__mro__ if each.__module__.startswith("jupyterhub_platform")]
    for name in _METHODS:
        method = next((vars(each)[name] for each in own if name in vars(each)), None)
        if method is not None:
            yield name.upper(), first_line(method)


def _say_arguments(handler: type[Any]) -> str:
    takes = [f"`{name}=`" for name in sorted(getattr(handler, "TAKES", ()))]
    return f" Takes {', '.join(takes)}." if takes else ""


def _describe_call(call: Operation) -> tuple[str, str, str]:
    """Return a row for a call of ours, from what is said of it once."""
    parts = [call.summary, call.note]
    keys = call.body.model_fields if call.body is not None else {}
    if keys:
        needed = [f"`{key}`" + ("" if f.is_required() else "?") for key, f in keys.items()]
        parts.append(f"Body: {', '.join(needed)}.")
    if call.arguments:
        parts.append(f"Takes {', '.join(f'`{each.name}=`' for each in call.arguments)}.")
    return f"`{call.route}`", call.say_who(), plain(" ".join(filter(None, parts)))


def render_rest() -> str:
    """Render the routes in the Hub and those of the service."""
    hub = [_describe_call(call) for call in HUB_CALLS]
    for pattern, handler, *_ in platform_handlers():
        if not pattern.startswith("/api/platform/"):
            path, who, note = HUB_ROUTES[pattern]
            for method, text in list(_methods_of(handler)) or [("GET", "")]:
                hub.append((f"`{method} {path}`", who, f"{text} {note}"))
    service = []
    for pattern, handler in ROUTES:
        shown = f"/services/platform/{SERVICE_NAMES.get(pattern, pattern)}"
        if not pattern.startswith("api/v1/"):
            for method, _ in list(_methods_of(handler)) or [("GET", "")]:
                what = first_line(handler) + _say_arguments(handler)
                service.append((f"`{method} {shown}`", SERVICE_ROUTES[pattern], what))
    service += [_describe_call(call) for call in SERVICE_CALLS]
    head = ("Route", "Who", "What")
    return "\n\n".join(
        [
            "# REST",
            (
                "Send a token of the Hub: `Authorization: token …`. Permissions are scopes, so "
                "that a role of your own can hold them too. [openapi.json](openapi.json) "
                "describes every call of the API, with the keys of its body and of its answers, as "
                "OpenAPI 3.1; a Hub has it at `/hub/api/platform/openapi.json`."
            ),
            "## In the Hub",
            (
                "Changes and decisions. The prefix is that of the Hub. A body is a JSON object; "
                "keys that are marked with a `?` may be left out, and unknown ones are refused."
            ),
            render_table(head, hub),
            (
                "A start goes to the Hub's own route, `POST /hub/api/users/NAME/servers/SERVER`, "
                'with the body `{"user_options": {"tier": …, "account": …, "image": …}}`. A denial '
                "is its sentence as `message`, with the headers `X-Platform-Decision` and `Link` "
                "that lead to the whole decision, and `Retry-After` with a 503."
            ),
            "## Of the service",
            (
                "Reading, and stopping a server. Refusals are JSON: `status`, `message`, `code`. "
                "A call below `api/` takes the arguments that are listed here; others are refused "
                "with 400 and `query.invalid`. A page ignores arguments that it does not take. "
                "`HEAD` is answered as `GET`."
            ),
            render_table(head, service),
        ]
    )


def _render_verb(name: str, command: click.Command, context: click.Context) -> str:
    usage = command.get_usage(click.Context(command, info_name=f"jhp {name}"))
    text = inspect.cleandoc(command.help or "").replace("\b\n", "").replace("\\b\n", "")
    rows = []
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            default = parameter.get_default(context)
            shown = f" Default: `{default}`." if parameter.show_default else ""
            shown += f" Env: `{parameter.envvar}`." if parameter.envvar else ""
            rows.append((f"`{parameter.opts[0]}`", f"{parameter.help}{shown}"))
    parts = [f"## jhp {name}", f"```text\n{usage}\n\n{text}\n```"]
    return "\n\n".join(
        [*parts, *([render_table(("Option", "What it does"), rows)] if rows else [])]
    )


def _list_commands(verb: str, command: click.Command) -> list[tuple[str, click.Command]]:
    """Return a verb, or what there is below it."""
    if not isinstance(command, click.Group):
        return [(verb, command)]
    return [(f"{verb} {name}", below) for name, below in command.commands.items()]


def render_cli() -> str:
    """Render the verbs of ``jhp``."""
    context = click.Context(main, info_name="jhp")
    found = ((name, main.get_command(context, name)) for name in VERBS)
    verbs = [(name, command) for name, command in found if command is not None]
    return "\n\n".join(
        [
            "# jhp",
            (
                "`jhp` is short for `jupyterhub-platform`. Data goes to stdout, progress to "
                "stderr. The exit code is 0 for success, 1 if the answer is no, 2 if the command "
                "was misused. Every verb has `--help`."
            ),
            *(
                _render_verb(name, command, context)
                for verb, group in verbs
                for name, command in _list_commands(verb, group)
            ),
        ]
    )


PAGES: Final[Mapping[str, Callable[[], str]]] = {
    "settings.md": render_settings,
    "policy.md": render_policy,
    "codes.md": render_codes,
    "levels.md": render_levels,
    "rest.md": render_rest,
    "cli.md": render_cli,
    "openapi.json": render_document,
}


def run() -> int:
    """Write the pages, or name those that are not current, and return the exit code."""
    parser = argparse.ArgumentParser(description="Write the reference from the code.")
    parser.add_argument("--check", action="store_true", help="write nothing, exit 1 if not current")
    check = parser.parse_args().check
    stale = []
    for name, render in PAGES.items():
        path, text = PAGES_DIRECTORY / name, render()
        if path.suffix == ".md":
            text = f"{WRITTEN_BY}\n\n{text}\n"
        if path.exists() and path.read_text() == text:
            continue
        stale.append(str(path.relative_to(ROOT)))
        if not check:
            PAGES_DIRECTORY.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    for each in stale:
        say(f"{'Not current' if check else 'Wrote'}: {each}")
    if check and stale:
        say("Write them anew: .venv/bin/python tools/reference.py")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(run())
