"""Sources to import: whole ones, and others made of them by chance."""

import copy
import keyword
import random
from pathlib import Path
from typing import Any, Final

import yaml

from jupyterhub_platform.deploy.importing.findings import Kind

HERE: Final = Path(__file__).parent
BY_FORM: Final = (
    "ghp_CANARY0123456789CANARY0123",
    "-----BEGIN PRIVATE KEY-----CANARY",
    "AKIACANARYCANARYCANA",
    "postgres://hub:CANARY-of-a-database@db/hub",
)
"""Secrets that their form shows, wherever they stand."""
RANDOM: Final = "c0ffee" * 8
"""A secret by its form, except where something public has that form."""
BY_NAME: Final = "CANARY-by-its-name"
"""A secret that only its name shows."""

JUNK: Final[tuple[Any, ...]] = (
    *(None, True, False, 0, -1, 1, 3.5, float("inf"), float("nan"), 10**30, "", " ", "x", "0"),
    *(
        "1G",
        "8Gi",
        "banana",
        "-1",
        "1e999",
        "{username}",
        "{nope}",
        "../..",
        "/",
        "/etc",
        "level:admin",
    ),
    *("a" * 300, "a" * 5000, "\u202ex", "a\nb", "\x07", "김", "a:b", "*", "~", "[]", "{}", "c.X.y"),
    *([], {}, [[]], [{}], {"": ""}, {"name": "x"}, [None], ["x", "x"], {"a": {"b": {"c": [1]}}}),
    *({"limit": 1, "guarantee": 2}, {"key": 1}, [{"display_name": 5}], {"choices": []}),
    *({"display_name": "x", "kubespawner_override": {"image": None, "mem_limit": "x"}},),
)
"""What stands anywhere instead of what belongs there."""


def list_places(value: Any) -> list[tuple[Any, Any]]:
    """Return each place within a value: what holds it, and the key there."""
    found: list[tuple[Any, Any]] = []
    waiting = [value]
    while waiting:
        each = waiting.pop()
        keys = list(each) if isinstance(each, dict) else range(len(each))
        for key in keys:
            found.append((each, key))
            if isinstance(each[key], dict | list):
                waiting.append(each[key])
    return found


def damage(document: Any, dice: random.Random) -> Any:
    """Return a document with some of its parts replaced, left out, renamed or repeated."""
    changed = copy.deepcopy(document)
    for _ in range(dice.randint(1, 8)):
        places = list_places(changed)
        if not places:
            break
        holder, key = dice.choice(places)
        match dice.randrange(5):
            case 0 | 1:
                holder[key] = copy.deepcopy(dice.choice(JUNK))
            case 2:
                del holder[key]
            case 3 if isinstance(holder, dict):
                holder[str(dice.choice(JUNK))[:100]] = holder.pop(key)
            case _:
                other, at = dice.choice(places)
                part = (
                    copy.deepcopy(other[at])
                    if at in (other if isinstance(other, dict) else range(len(other)))
                    else None
                )
                holder[key] = part
    return changed


def render_yaml(document: Any) -> bytes:
    """Render a document as YAML without aliases."""
    text: str = yaml.dump(document, allow_unicode=True, sort_keys=False, Dumper=_Plain)
    return text.encode()


class _Plain(yaml.SafeDumper):  # type: ignore[misc] # no types
    def ignore_aliases(self, data: Any) -> bool:
        return True


def render_python(document: Any, dice: random.Random) -> bytes:
    """Render values as a configuration in Python: of each class a section, of each key a trait."""
    lines = ["c = get_config()", "A = 'x'", "def f(spawner):", "    return {'display_name': A}"]
    for section, traits in document.items() if isinstance(document, dict) else ():
        for trait, value in traits.items() if isinstance(traits, dict) else ():
            written = dice.choice([repr(value), "f", "A", f"[*{value!r}]", f"{value!r} + A"])
            line = f"c.{_identify(section)}.{_identify(trait)} = {written}"
            lines.append(dice.choice([line, line, line, f"if A:\n    {line}"]))
    return "\n".join(lines).encode("utf-8", "surrogateescape")


def _identify(name: object) -> str:
    """Return what a name is as one of Python."""
    text = "".join(c if c.isalnum() else "_" for c in str(name))[:100]
    return text if text.isidentifier() and not keyword.iskeyword(text) else "y"


def read_whole(kind: Kind) -> Any:
    """Return the whole source of a format, as plain values; of Python its settings."""
    name = "values" if kind is Kind.CONFIG else kind
    found = yaml.safe_load((HERE / "data" / f"{name}.yaml").read_text())
    if kind is not Kind.CONFIG:
        return found
    shared = {"image": "quay.io/acme/lab:1", "profile_list": found["singleuser"]["profileList"]}
    storage = found["singleuser"]["storage"]
    volumes = {"volumes": storage["extraVolumes"], "volume_mounts": storage["extraVolumeMounts"]}
    return {**found["hub"]["config"], "KubeSpawner": {**shared, **volumes}}


def make_source(seed: int) -> tuple[Kind, bytes]:
    """Return a source of any format, damaged by chance."""
    dice = random.Random(seed)
    kind = dice.choice(list(Kind))
    damaged = damage(read_whole(kind), dice)
    return kind, render_python(damaged, dice) if kind is Kind.CONFIG else render_yaml(damaged)
