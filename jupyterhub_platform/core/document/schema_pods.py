"""The schema of pods in ``platform.yaml``: where, as whom, with which devices."""

import re
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field, Strict

from jupyterhub_platform.core.document.value_types import (
    Declared,
    LabelValue,
    Whole,
    refusal,
)

_OBJECT: Final = re.compile(r"[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?")
_LABEL: Final = re.compile(r"[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?")
_LABEL_KEY: Final = re.compile(
    r"(?=.{1,317}$)(?:[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?/)?"
    r"[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?"
)


def _check_object(value: str) -> str:
    if not _OBJECT.fullmatch(value):
        fix = "use small letters, digits and - ., 253 characters at most"
        raise refusal(f"“{value[:64]}” is not the name of a Kubernetes object", fix)
    return value


def _check_container(value: str) -> str:
    if value == "notebook":
        raise refusal("is the name of the server's own container", "choose another one")
    return _check_label(value, "a container")


def _check_claim(value: str) -> str:
    return _check_label(value, "a claim")


def _check_label(value: str, whose: str) -> str:
    if not _LABEL.fullmatch(value):
        fix = "use small letters, digits and -, 63 characters at most"
        raise refusal(f"“{value[:64]}” is not the name of {whose}", fix)
    return value


def _check_label_key(value: str) -> str:
    if not _LABEL_KEY.fullmatch(value):
        fix = "write it as Kubernetes does, such as topology.kubernetes.io/zone"
        raise refusal(f"“{value[:64]}” is not the key of a label", fix)
    return value


def _check_value(value: str) -> str:
    if any(not (c.isprintable() or c in "\n\t") for c in value):
        raise refusal("has characters that cannot be seen", "remove them")
    return value


ObjectName = Annotated[str, AfterValidator(_check_object)]
ContainerName = Annotated[str, AfterValidator(_check_container)]
LabelKey = Annotated[str, AfterValidator(_check_label_key)]
ClaimName = Annotated[str, AfterValidator(_check_claim)]
Value = Annotated[str, Field(max_length=4096), AfterValidator(_check_value)]
NumericId = Annotated[Annotated[int, Field(ge=1, le=2**31 - 1)] | None, Whole]


class DeclaredToleration(Declared):
    """One Kubernetes toleration: a taint of nodes that servers of this tier accept."""

    key: LabelKey | None = Field(None, description="Key of the taint; absent with Exists: all.")
    operator: Literal["Equal", "Exists"] = Field("Equal", description="Equal compares the value.")
    value: LabelValue | None = Field(None, description="Value of the taint, with Equal.")
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = Field(
        None, description="Effect of the taint; absent: all effects."
    )


class DeclaredNodeRule(Declared):
    """One condition on the labels of nodes, as in Kubernetes' node affinity."""

    key: LabelKey = Field(
        description="Label of the node.", examples=["topology.kubernetes.io/zone"]
    )
    operator: Literal["In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"] = Field(
        "In", description="How the label is compared with the values."
    )
    values: Annotated[tuple[LabelValue, ...], Strict(strict=False)] = Field(
        (), description="Values; none with Exists and DoesNotExist, one with Gt and Lt."
    )
    weight: Annotated[Annotated[int, Field(ge=1, le=100)] | None, Whole] = Field(
        None, description="Makes it a wish of this weight, 1 to 100; absent: it must hold."
    )


class DeclaredSecurityContext(Declared):
    """As which user a server runs. Never as root, never with more than it began with."""

    run_as_user: NumericId = Field(None, description="User id; absent: the image's.")
    run_as_group: NumericId = Field(None, description="Group id; absent: the image's.")
    fs_group: NumericId = Field(None, description="Group that volumes belong to.")


class DeclaredDevice(Declared):
    """Devices that Kubernetes gives a server by a claim of its own (resource.k8s.io/v1).

    At most 32: Kubernetes gives no more by one claim.
    """

    name: ClaimName = Field(description="Name of the claim in the pod.", examples=["gpu"])
    template: ObjectName = Field(
        description="Name of the ResourceClaimTemplate, in the namespace of servers.",
        examples=["whole-gpu"],
    )
    resource: str = Field(
        description="What quotas call such a device.", examples=["nvidia.com/gpu"]
    )
    count: Annotated[Annotated[int, Field(ge=1, le=32)], Whole] = Field(
        1, description="How many devices a claim from that template gives."
    )


class DeclaredInitContainer(Declared):
    """Runs to its end before the server, with its volumes and at most its resources."""

    name: ContainerName = Field(description="Name of the container.", examples=["prepare"])
    image: str = Field(description="An image of this document, by key.", examples=["lab"])
    command: Annotated[tuple[Value, ...], Strict(strict=False)] = Field(
        description="Program and arguments.", examples=[["mkdir", "-p", "/home/jovyan/work"]]
    )
