"""Describe answers as JSON Schema: models as they are, and reports as they are rendered.

Reports are dataclasses, which :mod:`jupyterhub_platform.usecases.reports.as_json` renders. Whatever
it does not render field by field is described here.
"""

from collections.abc import Iterable
from typing import Any, Final

from pydantic import TypeAdapter
from pydantic.json_schema import (
    GenerateJsonSchema,
    JsonSchemaMode,
    JsonSchemaValue,
)
from pydantic_core import core_schema

from jupyterhub_platform.core.resources import Resources
from jupyterhub_platform.rest.decisions import Limit
from jupyterhub_platform.usecases.holdings import LimitLine
from jupyterhub_platform.usecases.reports.paging import Page

REFERENCE: Final = "#/components/schemas/{model}"


class ReportedLimit(Limit):
    """A limit, what is held against it, and where it is declared (``file:line``, if known)."""

    figures: str
    state: str
    declared_at: str


class _Schema(GenerateJsonSchema):
    """Describes reports as :func:`~jupyterhub_platform.usecases.reports.as_json.render_json`."""

    def dataclass_schema(self, schema: core_schema.DataclassSchema) -> JsonSchemaValue:
        """Describe a part of a report."""
        kind = schema["cls"]
        if issubclass(kind, LimitLine):
            return self.generate_inner(ReportedLimit.__pydantic_core_schema__)
        if issubclass(kind, Resources):
            amounts = {"type": "object", "additionalProperties": {"type": "integer"}}
            return amounts | {"title": "Amounts", "description": _AMOUNTS}
        described = self._page_schema(schema) if kind is Page else super().dataclass_schema(schema)
        # Values that are not set are rendered, too.
        described["required"] = list(described["properties"])
        for each in described["properties"].values():
            each.pop("default", None)
        return described | {"additionalProperties": False}

    def _page_schema(self, schema: core_schema.DataclassSchema) -> JsonSchemaValue:
        fields: Any = schema["schema"]
        (items,) = (each["schema"] for each in fields["fields"] if each["name"] == "items")
        whole = {"type": "integer"}
        further = {"anyOf": [{"type": "string"}, {"type": "null"}], "description": _NEXT}
        properties = {"total": whole, "limit": whole, "offset": whole, "next": further}
        return {
            "type": "object",
            "description": "A part of a list. `total` counts everything that the search finds.",
            "properties": {"items": self.generate_inner(items)} | properties,
        }

    def timedelta_schema(self, schema: core_schema.TimedeltaSchema) -> JsonSchemaValue:
        """Describe a time span, which is rendered as seconds."""
        del schema
        return {"type": "number", "description": "Seconds."}

    def get_title_from_name(self, name: str) -> str:
        """Return nothing: the title of a key would only repeat its name."""
        del name
        return ""


_NEXT: Final = "The `cursor` of the next part; null at the end."
_AMOUNTS: Final = "By resource, in base units: thousandths of a core, bytes, devices, servers."


def render_schemas(
    types: Iterable[tuple[Any, JsonSchemaMode]],
) -> tuple[dict[tuple[Any, JsonSchemaMode], JsonSchemaValue], dict[str, Any]]:
    """Describe types, each with whether it is read or written, and all types that they refer to.

    Returns
    -------
    tuple
        The schema of each type, and the named schemas that they refer to.
    """
    inputs = [(kind, mode, TypeAdapter[Any](kind)) for kind, mode in types]
    described, named = TypeAdapter.json_schemas(
        inputs, ref_template=REFERENCE, schema_generator=_Schema
    )
    return described, _without_titles(named.get("$defs", {}))


def _without_titles(schema: Any) -> Any:
    """Drop titles that only repeat a name, and turn literals of docstrings into Markdown."""
    if isinstance(schema, list):
        return [_without_titles(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    cleaned = {
        key: _without_titles(value)
        for key, value in schema.items()
        if not (key == "title" and isinstance(value, str))
    }
    if isinstance(cleaned.get("description"), str):
        cleaned["description"] = cleaned["description"].replace("``", "`")
    return cleaned
