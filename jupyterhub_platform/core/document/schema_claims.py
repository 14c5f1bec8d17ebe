"""The schema of names of claims in ``platform.yaml``."""

from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Strict, WithJsonSchema

from jupyterhub_platform.core.document.value_types import refusal


def _check_claim(value: str) -> str:
    if not value.strip() or len(value) > 200 or not value.isprintable():
        raise refusal(f"“{value[:64]}” is not the name of a claim", "write it as the provider does")
    return value


ClaimName = Annotated[str, AfterValidator(_check_claim)]
ClaimNames = Annotated[tuple[ClaimName, ...], Strict(strict=False)]
OneOrMoreClaims = Annotated[
    ClaimNames,
    BeforeValidator(lambda value: (value,) if isinstance(value, str) else value),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}),
]
