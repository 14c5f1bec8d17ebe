"""The schema of ``identity:``: who vouches for people, and what their claims make of them."""

from typing import Annotated, Any, Literal

from pydantic import Field, Strict

from jupyterhub_platform.core.document.schema_providers import DeclaredProvider
from jupyterhub_platform.core.document.value_types import (
    Declared,
    Duration,
    Instant,
    LevelName,
    Line,
    Names,
    Text,
)


class DeclaredRule(Declared):
    """What people are whose claims match. The first rule that matches decides alone."""

    title: Line = Field("", description="What the rule is for.", examples=["Vision team"])
    provider: str | None = Field(None, description="Only people of this provider; absent: all.")
    when: dict[str, Any] = Field(
        {},
        description=(
            "Claims and what they must hold: a value, or a list of values any of which will do. "
            "A * stands for any text. Empty: everybody."
        ),
        examples=[{"groups": "/projects/vision", "email": "*@example.org"}],
    )
    refuse: Text | None = Field(
        None, description="Why people who match are not let in; they are told.", examples=["alumni"]
    )
    level: LevelName | None = Field(None, description="Their level; absent: that of defaults.")
    groups: Names = Field((), description="Groups that they are members of.")
    until: Instant | None = Field(None, description="When what the rule gives ends.")
    within: Duration | None = Field(
        None, alias="for", description="How long after their first login what it gives ends."
    )
    allow_elevated: bool = Field(
        False, description="Must be true where the level is above developer."
    )


class DeclaredIdentity(Declared):
    """Who vouches for people beside the platform itself, and what their claims make of them."""

    local: Literal["everyone", "admins", "off"] = Field(
        "everyone",
        description="Who may log in with a password that the platform keeps.",
    )
    providers: dict[str, DeclaredProvider] = Field(
        {}, description="Providers of identities, in the order of their buttons."
    )
    rules: Annotated[tuple[DeclaredRule, ...], Strict(strict=False)] = Field(
        (), description="Rules from claims to people; the first that matches decides."
    )
