"""The schema of tiers and images in ``platform.yaml``."""

from typing import Annotated

from pydantic import Field, Strict

from jupyterhub_platform.core.document.schema_metadata import Environment, PodAnnotations, PodLabels
from jupyterhub_platform.core.document.schema_pods import (
    DeclaredDevice,
    DeclaredInitContainer,
    DeclaredNodeRule,
    DeclaredSecurityContext,
    DeclaredToleration,
    LabelKey,
    ObjectName,
)
from jupyterhub_platform.core.document.schema_volumes import (
    DeclaredEmptyDir,
    DeclaredHome,
    DeclaredVolume,
)
from jupyterhub_platform.core.document.value_types import (
    Amounts,
    Bounds,
    Count,
    Declared,
    Duration,
    LabelValue,
    Levels,
    Line,
    Names,
    Reference,
    Text,
)


class DeclaredAccessRule(Declared):
    """Groups, people and levels together: a user is meant whom each kind that is there names."""

    groups: Names = Field((), description="Charged to one of these groups.")
    users: Names = Field((), description="One of these people, by user name.")
    levels: Levels = Field((), description="With one of these permission levels.")


class DeclaredAccess(Declared):
    """Who may use it. Being named once is enough. If no one is named, everyone may use it."""

    groups: Names = Field((), description="Groups whose members may use it, charged to that group.")
    users: Names = Field((), description="People who may use it, by user name.")
    levels: Levels = Field((), description="Permission levels that may use it.")
    rules: Annotated[tuple[DeclaredAccessRule, ...], Strict(strict=False)] = Field(
        (),
        description="People who are named by a group and a level, for example, both at once.",
        examples=[[{"groups": ["vision"], "levels": ["developer"]}]],
    )


class DeclaredImage(Declared):
    """One approved image, or a pattern of images that users name themselves.

    People choose it by its key; only this file says what it is.
    """

    title: Line = Field("", description="What people read when they choose.")
    description: Text = Field("", description="What it is good for, in a sentence.")
    reference: Reference | None = Field(
        None,
        description="Image reference; a digest (…@sha256:…) cannot change behind your back.",
        examples=["quay.io/jupyter/scipy-notebook:2025-03-31"],
    )
    pattern: Line | None = Field(
        None,
        description="Instead of a reference: users name any image of these repositories.",
        examples=["quay.io/acme/*"],
    )
    access: DeclaredAccess = Field(
        DeclaredAccess(), description="Who may use it, in any tier; absent: everybody."
    )


class DeclaredSize(Declared):
    """One size of a tier. What it leaves out is as the tier says."""

    title: Line = Field("", description="What people call it.")
    description: Text = Field("", description="What it is good for, in a sentence.")
    requests: Amounts = Field({}, description="What the scheduler reserves and quotas count.")
    limits: Bounds = Field({}, description="What a server may use at most, or “unlimited”.")
    node_selector: dict[LabelKey, LabelValue] = Field(
        {}, description="Labels that a Kubernetes node must have, beside those of the tier."
    )
    access: DeclaredAccess = Field(
        DeclaredAccess(), description="Who may use it, of those who may use the tier."
    )


class DeclaredAtOnce(Declared):
    """How many servers of one tier may run at once; what is absent, quotas decide."""

    platform: Count = Field(None, description="By all people together.")
    account: Count = Field(None, description="Within one group.")
    user: Count = Field(None, description="By one person.")


class DeclaredTier(Declared):
    """One tier: what a server of it asks for, gives, starts and where."""

    title: Line = Field("", description="What people call it.")
    description: Text = Field("", description="What it is good for, in a sentence.")
    requests: Amounts = Field(
        {}, description="What the scheduler reserves and quotas count; absent: the limits."
    )
    limits: Bounds = Field(
        {},
        description="What a server may use at most, or “unlimited”; absent: the requests.",
    )
    sizes: dict[str, DeclaredSize] = Field(
        {},
        description="Sizes to choose from, by key; the first that is open is preselected.",
        examples=[{"large": {"requests": {"cpu": 8, "memory": "32Gi"}}}],
    )
    devices: Annotated[tuple[DeclaredDevice, ...], Strict(strict=False)] = Field(
        (), description="Devices that come by a claim, counted on top of the requests."
    )
    images: Names = Field(
        description="Images to choose from, by key; the first is preselected.", examples=[["lab"]]
    )
    access: DeclaredAccess = Field(
        DeclaredAccess(), description="Who may use it; absent: everybody."
    )
    at_once: DeclaredAtOnce = Field(
        DeclaredAtOnce(), description="How many servers of this tier may run at once."
    )
    requestable: bool = Field(
        False, description="Whether people who may not use it see it, and may ask for it."
    )
    observe: bool = Field(
        False, description="Record what would be denied, and admit: to try new quotas out."
    )
    max_lifetime: Duration | None = Field(
        None,
        description="A server is stopped so long after it was admitted; absent: never.",
        examples=["12h"],
    )
    idle_timeout: Duration | None = Field(
        None,
        description="A server is stopped after so long without use; absent: never.",
        examples=["60m"],
    )
    node_selector: dict[LabelKey, LabelValue] = Field(
        {}, description="Labels that a Kubernetes node must have."
    )
    tolerations: Annotated[tuple[DeclaredToleration, ...], Strict(strict=False)] = Field(
        (), description="Taints of Kubernetes nodes that servers accept."
    )
    node_affinity: Annotated[tuple[DeclaredNodeRule, ...], Strict(strict=False)] = Field(
        (), description="Conditions on Kubernetes nodes, and wishes."
    )
    priority_class: ObjectName | None = Field(
        None, description="Kubernetes priority class of its pods."
    )
    runtime_class: ObjectName | None = Field(
        None, description="Kubernetes runtime class of its pods, such as gvisor."
    )
    service_account: ObjectName | None = Field(
        None,
        description="Kubernetes service account, and so cloud identity; before that of the group.",
    )
    environment: Environment = Field(
        {},
        description="Environment variables: a text, a key of a Secret, or a claim of the person.",
        examples=[{"API_KEY": {"secret": "vision-keys", "key": "api-key"}}],
    )
    labels: PodLabels = Field({}, description="Labels of its pods.")
    annotations: PodAnnotations = Field({}, description="Annotations of its pods.")
    security_context: DeclaredSecurityContext = Field(
        DeclaredSecurityContext(), description="As which user a server runs."
    )
    home: DeclaredHome | None = Field(
        None, description="The volume that outlives a server; absent: that of defaults."
    )
    volumes: Annotated[tuple[DeclaredVolume, ...], Strict(strict=False)] = Field(
        (), description="Volumes that its servers have, besides those of defaults and groups."
    )
    empty_dirs: Annotated[tuple[DeclaredEmptyDir, ...], Strict(strict=False)] = Field(
        (), description="Empty directories that end with the server, such as shared memory."
    )
    init_containers: Annotated[tuple[DeclaredInitContainer, ...], Strict(strict=False)] = Field(
        (), description="What runs before a server, in this order."
    )
