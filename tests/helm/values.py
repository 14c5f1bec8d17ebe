"""The values in ``helm-values/``: which files make a place, and what they say together."""

from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "helm-values"
PLACES = {
    "local": ("base", "local"),
    "aws": ("base", "aws"),
    "aws-govcloud": ("base", "aws", "aws-govcloud"),
}
"""The files of each place, in the order in which Helm is given them."""


def list_files(place: str) -> list[Path]:
    """Return the files of a place."""
    return [FOLDER / f"{name}.yaml" for name in PLACES[place]]


def load(name: str) -> Any:
    """Return what one file says."""
    return YAML(typ="safe").load(FOLDER / f"{name}.yaml")


def load_place(place: str) -> dict[str, Any]:
    """Return what the files of a place say together."""
    values: dict[str, Any] = {}
    for name in PLACES[place]:
        values = merge(values, load(name))
    return values


def merge(under: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """Lay values over others as Helm does: maps are merged, anything else is replaced."""
    merged = dict(under)
    for key, value in over.items():
        known = merged.get(key)
        both = isinstance(value, dict) and isinstance(known, dict)
        merged[key] = merge(known, value) if both else value
    return merged
