"""The schema of what a pod says of itself: environment variables, labels and annotations."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Final

from pydantic import AfterValidator, WithJsonSchema
from typing_extensions import TypeAliasType

from jupyterhub_platform.core.document.schema_pods import LabelKey, Value
from jupyterhub_platform.core.document.value_types import LabelValue, describe_value, refusal
from jupyterhub_platform.core.pods import PersonClaim, SecretKey, Variable

_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,254}")
_SECRET: Final = re.compile(r"[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?")
_SECRET_KEY: Final = re.compile(r"[-._a-zA-Z0-9]{1,253}")
_MAX_VALUE: Final = 4096
_KEPT_VARIABLES: Final = (
    *("JUPYTERHUB_", "JPY_", "JUPYTER_IMAGE"),
    *("CPU_GUARANTEE", "CPU_LIMIT", "MEM_GUARANTEE", "MEM_LIMIT"),
)
"""What names of variables that the Hub and its spawners set begin with."""
_KEPT_LABELS: Final = frozenset({"app", "chart", "component", "heritage", "release"})
"""Labels without a domain by which the Hub, its chart and network policies choose pods."""
_KEPT_DOMAINS: Final = (
    *("jupyterhub-platform/", "hub.jupyter.org/", "helm.sh/", "kubernetes.io/", "k8s.io/"),
)
"""Domains whose labels and annotations mean something to the Hub, its chart or the cluster."""
_OPEN_DOMAINS: Final = frozenset({"cluster-autoscaler.kubernetes.io"})
"""Domains of Kubernetes' own whose annotations are there for users of a cluster."""
_SOURCES: Final = "write a text, {secret: NAME, key: KEY} or {claim: NAME}"


def _check_variable(value: str) -> str:
    if not _VARIABLE.fullmatch(value):
        fix = "use letters, digits and _, and no digit first"
        raise refusal(f"“{value[:64]}” is not the name of an environment variable", fix)
    if value.startswith(_KEPT_VARIABLES):
        raise refusal(f"“{value[:64]}” is set by the Hub itself", "choose another name")
    return value


def _check_source(value: Any) -> Variable:
    if isinstance(value, str):
        return _check_text(value)
    if not isinstance(value, Mapping):
        fix = "write text; numbers and dates that are meant as text go into quotes"
        raise refusal(f"is {describe_value(value)}, not text", fix)
    named = {key: str(text) for key, text in value.items() if isinstance(text, str)}
    if named.keys() == value.keys() == {"secret", "key"}:
        if not _SECRET.fullmatch(named["secret"]) or not _SECRET_KEY.fullmatch(named["key"]):
            raise refusal("is not the name and the key of a Secret", _SOURCES)
        return SecretKey(named["secret"], named["key"])
    if named.keys() == value.keys() == {"claim"}:
        name = named["claim"]
        if not (0 < len(name) <= 255 and name.isprintable()):
            raise refusal("is not the name of a claim", _SOURCES)
        return PersonClaim(name)
    raise refusal("is not where a value comes from", _SOURCES)


def _check_text(value: str) -> str:
    if len(value) > _MAX_VALUE:
        raise refusal("is too long", f"write {_MAX_VALUE} characters at most")
    if any(not (c.isprintable() or c in "\n\t") for c in value):
        raise refusal("has characters that cannot be seen", "remove them")
    return value


def is_reserved(key: str, *, annotation: bool) -> bool:
    """Tell whether the Hub, its chart or the cluster gives a label or an annotation its meaning."""
    domain, slash, _ = key.rpartition("/")
    if not slash:
        return not annotation and key in _KEPT_LABELS
    if annotation and domain in _OPEN_DOMAINS:
        return False
    return any(f".{domain}/".endswith(f".{kept}") for kept in _KEPT_DOMAINS)


def _check_label(value: str) -> str:
    return _check_own(value, "label", annotation=False)


def _check_annotation(value: str) -> str:
    return _check_own(value, "annotation", annotation=True)


def _check_own(value: str, kind: str, *, annotation: bool) -> str:
    if is_reserved(value, annotation=annotation):
        what = f"“{value[:64]}” is no {kind} of a site: the Hub or the cluster reads it"
        raise refusal(what, f"write one with a domain of yours, such as example.org/{kind}")
    return value


VariableName = Annotated[str, AfterValidator(_check_variable)]
_TEXT_SCHEMA: Final[dict[str, Any]] = {"type": "string", "maxLength": _MAX_VALUE}
_SOURCE_SCHEMA: Final[dict[str, Any]] = {
    "anyOf": [
        {**_TEXT_SCHEMA, "description": "The value itself. No secrets: this file is read by many."},
        {
            "type": "object",
            "properties": {"secret": {"type": "string"}, "key": {"type": "string"}},
            "required": ["secret", "key"],
            "additionalProperties": False,
            "description": "A key of a Secret in the namespace of servers.",
        },
        {
            "type": "object",
            "properties": {"claim": {"type": "string"}},
            "required": ["claim"],
            "additionalProperties": False,
            "description": "A claim of the person, as the identity provider gave it.",
        },
    ]
}
Environment = TypeAliasType(
    "Environment",
    Annotated[
        dict[VariableName, Annotated[Any, AfterValidator(_check_source)]],
        WithJsonSchema({"type": "object", "additionalProperties": _SOURCE_SCHEMA}),
    ],
)
PodLabels = dict[Annotated[LabelKey, AfterValidator(_check_label)], LabelValue]
PodAnnotations = dict[Annotated[LabelKey, AfterValidator(_check_annotation)], Value]
