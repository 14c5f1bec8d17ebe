"""The schema of ``platform.yaml``: its keys, their types, and what each is for.

Tiers and images are in ``schema_tiers``.

The JSON Schema that editors complete from is made of these classes. Whether what is written also
makes sense together is asked in ``references``.
"""

from typing import Annotated, Any, Final, Self

from pydantic import (
    Field,
    ModelWrapValidatorHandler,
    Strict,
    ValidationInfo,
    model_validator,
)

from jupyterhub_platform.core.document.schema_deployment import DeclaredDeployment
from jupyterhub_platform.core.document.schema_identity import DeclaredIdentity
from jupyterhub_platform.core.document.schema_metadata import Environment, PodAnnotations, PodLabels
from jupyterhub_platform.core.document.schema_observed_pods import DeclaredObservedPods
from jupyterhub_platform.core.document.schema_pods import ObjectName
from jupyterhub_platform.core.document.schema_tiers import DeclaredImage as DeclaredImage
from jupyterhub_platform.core.document.schema_tiers import DeclaredTier as DeclaredTier
from jupyterhub_platform.core.document.schema_volumes import DeclaredHome, DeclaredVolume
from jupyterhub_platform.core.document.value_types import (
    Amounts,
    Declared,
    Instant,
    LevelName,
    Limits,
    Line,
    Names,
    ProvidedNames,
    Text,
    Version,
)
from jupyterhub_platform.core.levels import Level

SECTIONS: Final = ("users", "groups", "images", "tiers", "grants")
"""What may be in files that are included."""


class DeclaredDefaults(Declared):
    """What holds where a person or a group says nothing of its own."""

    level: LevelName = Field(Level.USER, description="Level of people who name none.")
    tier: str = Field(
        "", description="The tier that is preselected; everybody must be able to use it."
    )
    user_quota: Limits = Field({}, description="What one person may hold in all accounts together.")
    member_quota: Limits = Field({}, description="What one member may hold within one group.")
    group_quota: Limits = Field({}, description="What all members of a group may hold together.")
    home: DeclaredHome | None = Field(
        None, description="The volume of servers whose tier names none; absent: the site's own."
    )
    volumes: Annotated[tuple[DeclaredVolume, ...], Strict(strict=False)] = Field(
        (), description="Volumes that all servers have."
    )


class DeclaredSuspension(Declared):
    """Keeps a user out for a while, or until it is removed; none of their data is deleted."""

    reason: Text = Field(description="Why, for later readers.", examples=["left the project"])
    until: Instant | None = Field(
        None,
        description="When it ends by itself, with a time zone; absent: when it is removed.",
        examples=["2030-01-31T18:00:00Z"],
    )


class DeclaredPerson(Declared):
    """One person. The key is the user name."""

    title: Line = Field("", description="Full name, or what the person is here for.")
    level: LevelName | None = Field(None, description="Permission level; else that of defaults.")
    groups: Names = Field(
        (), description="Groups that the person is a member of, besides those that list them."
    )
    account: str | None = Field(
        None,
        description="The group that is charged for starts that name none, while the person is in "
        "it; absent: the one that was charged last.",
    )
    quota: Limits = Field({}, description="What this person may hold in all accounts together.")
    suspended: DeclaredSuspension | None = Field(
        None, description="Keeps this person from logging in and starting; only here it is lifted."
    )

    @model_validator(mode="wrap")
    @classmethod
    def _share(
        cls, value: Any, read: ModelWrapValidatorHandler[Self], info: ValidationInfo
    ) -> Self:
        """Return one person for all who are the same object in the document.

        Of a hundred thousand, most are one of a few: each of its own would take half a kilobyte.
        """
        known: dict[int, Self] = {} if info.context is None else info.context
        if id(value) not in known:
            known[id(value)] = read(value)
        return known[id(value)]


class DeclaredGroup(Declared):
    """One group: the account that the servers of its members are charged to."""

    title: Line = Field("", description="What people call the group.")
    members: Names = Field((), description="User names of people who may charge servers to it.")
    managers: Names = Field((), description="People in charge: level manager or admin.")
    default: bool = Field(
        False,
        description="Whether it is charged for members who name no account and have none; of "
        "several, the first.",
    )
    quota: Limits = Field({}, description="What all members may hold together.")
    member_quota: Limits = Field({}, description="What each member may hold within this group.")
    users: dict[str, Limits] = Field(
        {}, description="What one named person may hold within this group, instead of member_quota."
    )
    provided_by: ProvidedNames = Field(
        (),
        alias="from",
        description="What the identity provider calls it: whom it puts there is a member, too.",
        examples=[["/projects/vision", "org:team"]],
    )
    service_account: ObjectName | None = Field(
        None,
        description="Kubernetes service account, and so cloud identity, of servers charged to it.",
    )
    volumes: Annotated[tuple[DeclaredVolume, ...], Strict(strict=False)] = Field(
        (), description="Volumes that the servers of all members share."
    )
    environment: Environment = Field(
        {},
        description="Environment variables of servers charged to it; the tier's come before them.",
    )
    labels: PodLabels = Field({}, description="Labels of pods charged to it.")
    annotations: PodAnnotations = Field({}, description="Annotations of pods charged to it.")


class DeclaredGrant(Declared):
    """A time-limited addition for one person or one group, with who, why and until when."""

    user: str | None = Field(None, description="The person it is for; else name a group.")
    group: str | None = Field(None, description="The group it is for; else name a user.")
    account: str | None = Field(
        None, description="With user: the one group in which it counts; absent: in every group."
    )
    add: Amounts = Field({}, description="What may be held on top.")
    tier: str | None = Field(None, description="A tier that may be used during that time.")
    level: LevelName | None = Field(
        None,
        description="With user: their permission level during that time; then it is as before.",
    )
    starts: Instant | None = Field(None, alias="from", description="Since when; absent: always.")
    until: Instant = Field(
        description="When it ends, with a time zone.", examples=["2030-01-31T18:00:00Z"]
    )
    by: str = Field(description="User name of who decided it.", examples=["admin"])
    reason: Text = Field(description="Why, for later readers.", examples=["paper deadline"])


class Declaration(Declared):
    """The platform: people, groups, images, tiers, quotas and grants."""

    version: Version = Field(description="Version of this format: 1.", examples=[1])
    name: Line = Field("JupyterHub", description="What people call the platform.")
    include: Names = Field(
        (),
        description="Files and folders beside this file that declare more users, groups, images, "
        "tiers and grants; of a folder, each *.yaml and *.yml in the order of their names.",
        examples=[["tiers.yaml", "people"]],
    )
    quota: Limits = Field({}, description="What everybody together may hold.")
    defaults: DeclaredDefaults = Field(
        DeclaredDefaults(), description="What holds where nothing else is said."
    )
    users: dict[str, DeclaredPerson | None] = Field(
        {}, description="People, by user name; case is folded, so that Kim and kim are one person."
    )
    groups: dict[str, DeclaredGroup] = Field({}, description="Groups, by name.")
    images: dict[str, DeclaredImage] = Field(
        description="Approved images, by the name that people choose.",
        examples=[{"lab": {"reference": "quay.io/jupyter/base-notebook:2025-03-31"}}],
    )
    tiers: dict[str, DeclaredTier] = Field(
        description="What can be started, by name, in the order of the page.",
        examples=[{"small": {"requests": {"cpu": "500m", "memory": "1Gi"}, "images": ["lab"]}}],
    )
    grants: Annotated[tuple[DeclaredGrant, ...], Strict(strict=False)] = Field(
        (), description="Time-limited additions."
    )
    identity: DeclaredIdentity = Field(
        DeclaredIdentity(), description="Providers that vouch for people, and rules for them."
    )
    observed_pods: dict[str, DeclaredObservedPods] = Field(
        {}, description="Pods that users' own controllers make, such as Dask workers, by name."
    )
    deployment: DeclaredDeployment | None = Field(
        None, description="Where the platform runs; the Hub reads none of it."
    )


def render_schema(*, included: bool = False) -> dict[str, Any]:
    """Render the JSON Schema of the document (draft 2020-12), from which editors complete.

    ``included`` is for that of a file that another one includes.
    """
    schema = Declaration.model_json_schema()
    needed = [key for key in schema["required"] if key in SECTIONS]
    if included:
        schema["properties"] = {each: schema["properties"][each] for each in SECTIONS}
        schema["description"] = "A part of the platform, which its platform.yaml includes."
        del schema["required"]
    else:
        schema["required"] = [key for key in schema["required"] if key not in SECTIONS]
        # What is needed may be in a file that is included.
        schema["anyOf"] = [{"required": needed}, {"required": ["include"]}]
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
