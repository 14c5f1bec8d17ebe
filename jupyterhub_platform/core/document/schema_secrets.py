"""The schema of secrets in ``platform.yaml``: where one is, never what it is."""

import re
from typing import Annotated, Any, Final, Self

from pydantic import AfterValidator, Field, model_validator

from jupyterhub_platform.core.document.value_types import Declared, refusal

_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,254}")
_WHERE: Final = "write {env: NAME} or {file: /path}"


def _check_path(value: str) -> str:
    if not value.startswith("/") or not value.isprintable():
        raise refusal("is not the path of a file", "write it from the root: /etc/…")
    return value


def _check_variable(value: str) -> str:
    if not _VARIABLE.fullmatch(value):
        raise refusal(
            "is not the name of an environment variable", "write its name, never the secret itself"
        )
    return value


Variable = Annotated[str, AfterValidator(_check_variable)]
FilePath = Annotated[str, AfterValidator(_check_path)]


class DeclaredSecret(Declared):
    """Where a secret is. The secret itself never stands in this file."""

    @model_validator(mode="before")
    @classmethod
    def _is_a_place(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            # Not repeated: it may be the secret itself.
            raise refusal("does not say where the secret is", _WHERE)
        return value

    env: Variable | None = Field(
        None, description="Variable of the Hub's environment; else name a file."
    )
    file: FilePath | None = Field(
        None, description="File that the Hub can read; read again when it changes."
    )

    @model_validator(mode="after")
    def _names_one(self) -> Self:
        if (self.env is None) == (self.file is None):
            what = "names neither a variable nor a file" if self.env is None else "names both"
            raise refusal(what, _WHERE)
        return self
