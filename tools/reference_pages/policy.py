"""The page of the keys of ``platform.yaml``, from its JSON Schema."""

from collections.abc import Iterator, Mapping
from typing import Any

from jupyterhub_platform.core.document.schema import render_schema
from reference_pages.markdown import plain, render_table


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
    if found == "Bounds":
        return "[amounts, or unlimited](#amounts-and-limits)"
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
        # Of several ways to be complete, the one in a single file is shown.
        whole = definition.get("anyOf", ({},))[0]
        required = {*definition.get("required", ()), *whole.get("required", ())}
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
            "`null` (whatever the next rule says). `servers` exists in limits only. What a server "
            "may use is an amount, or `unlimited`."
        ),
        render_table(("Name", "What it counts"), amounts),
    ]
    return "\n\n".join(parts)
