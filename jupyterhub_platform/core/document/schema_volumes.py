"""The schema of volumes in ``platform.yaml``: homes, what is shared, what ends with a server."""

import re
from collections.abc import Iterable
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field

from jupyterhub_platform.core.document.schema_pods import ObjectName
from jupyterhub_platform.core.document.value_types import Amount, Declared, Levels, refusal
from jupyterhub_platform.core.pods import PERSONAL_NAMES, SUB_PATH_NAMES

_PATH: Final = re.compile(r"(?:/[A-Za-z0-9._-]{1,100}){1,10}")
_HOST: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.:-]{0,251}[A-Za-z0-9])?")
_SUB_PATH_PART: Final = re.compile(r"(?:[A-Za-z0-9._-]|\{[^{}/]{0,40}\}){1,100}")
_NAME: Final = re.compile(r"\{([^{}/]{0,40})\}")
_MAX_PARTS: Final = 10
_KEPT_MOUNTS: Final = (
    *("/proc", "/sys", "/dev", "/etc", "/usr", "/bin", "/lib", "/sbin", "/opt", "/run"),
    *("/var/lib", "/var/run"),
)
SHARED_MEMORY: Final = "/dev/shm"  # noqa: S108 # the mount, in a container of its own


def _is_path(value: str) -> bool:
    return bool(_PATH.fullmatch(value)) and not {".", ".."} & set(value.split("/"))


def _check_mount(value: str) -> str:
    if not _is_path(value):
        raise refusal("is not an absolute path", "write for example /home/jovyan")
    if any(value == kept or value.startswith(f"{kept}/") for kept in _KEPT_MOUNTS):
        raise refusal("would hide what the image needs to run", "choose a directory of your own")
    return value


def _check_home_mount(value: str) -> str:
    _check_names(value, PERSONAL_NAMES)
    _check_mount(_NAME.sub("name", value))
    return value


def _check_empty_mount(value: str) -> str:
    return value if value == SHARED_MEMORY else _check_mount(value)


def _check_path(value: str) -> str:
    if value != "/" and not _is_path(value):
        raise refusal("is not an absolute path", "write for example /export/homes")
    return value


def _check_host(value: str) -> str:
    if not _HOST.fullmatch(value):
        raise refusal("is not a host", "write for example nfs.example.org or 10.0.0.5")
    return value


def _check_sub_path(value: str) -> str:
    parts = value.split("/")
    is_relative = len(parts) <= _MAX_PARTS and all(map(_SUB_PATH_PART.fullmatch, parts))
    if not is_relative or {".", ".."} & set(parts):
        raise refusal("is not a path within a volume", "write for example home/{username}")
    _check_names(value, SUB_PATH_NAMES)
    return value


def _check_names(value: str, names: Iterable[str]) -> None:
    for name in _NAME.findall(value):
        if name not in names:
            known = ", ".join(f"{{{each}}}" for each in names)
            raise refusal(f"“{{{name}}}” is not known here", f"use one of {known}")


Mount = Annotated[str, AfterValidator(_check_mount)]
HomeMount = Annotated[str, AfterValidator(_check_home_mount)]
EmptyMount = Annotated[str, AfterValidator(_check_empty_mount)]
NfsPath = Annotated[str, AfterValidator(_check_path)]
NfsHost = Annotated[str, AfterValidator(_check_host)]
SubPath = Annotated[str, AfterValidator(_check_sub_path)]


class DeclaredNfs(Declared):
    """An NFS volume, mounted without a claim. Namespaces that enforce restricted refuse it."""

    server: NfsHost = Field(description="Its host.", examples=["nfs.example.org"])
    path: NfsPath = Field(description="The exported directory.", examples=["/export/homes"])


class DeclaredHome(Declared):
    """A volume that outlives the server: one of its own, or a directory of one for all."""

    size: Amount | None = Field(
        None,
        description="Size of a volume of its own; one that exists keeps its.",
        examples=["10Gi"],
    )
    storage_class: ObjectName | None = Field(
        None, description="Storage class; absent: the cluster's default one."
    )
    claim: ObjectName | None = Field(
        None, description="Instead of size: the claim that holds all homes.", examples=["homes"]
    )
    nfs: DeclaredNfs | None = Field(
        None, description="Instead of size: the NFS volume that holds all homes."
    )
    sub_path: SubPath | None = Field(
        None,
        description="Where in that volume: names of user or server make it their own.",
        examples=["home/{username}"],
    )
    mount: HomeMount = Field(
        "/home/jovyan", description="Where the server has it, such as /home/{username}."
    )


class DeclaredVolume(Declared):
    """A volume that servers share. Its claim must exist."""

    claim: ObjectName | None = Field(
        None, description="Name of the PersistentVolumeClaim.", examples=["vision-data"]
    )
    nfs: DeclaredNfs | None = Field(None, description="Instead of a claim: an NFS volume.")
    sub_path: SubPath | None = Field(
        None,
        description="The directory of the volume; absent: all of it.",
        examples=["shared/{group}"],
    )
    mount: Mount = Field(description="Where servers have it.", examples=["/shared/vision"])
    read_only: bool = Field(True, description="Whether it can only be read.")
    writers: Levels = Field(
        (), description="Levels whose servers may write, although it can only be read."
    )
    levels: Levels = Field((), description="Levels whose servers have it; absent: all.")


class DeclaredEmptyDir(Declared):
    """An empty directory that ends with the server, at most of a size."""

    mount: EmptyMount = Field(
        description="Where the server has it; /dev/shm is shared memory.", examples=["/scratch"]
    )
    size: Amount = Field(description="Its size, at most.", examples=["2Gi"])
    medium: Literal["disk", "memory"] | None = Field(
        None,
        description="Absent: memory at /dev/shm, else disk. Memory counts as the server's own.",
    )
