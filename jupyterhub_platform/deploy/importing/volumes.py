"""What servers mount: from volumes and mounts to homes, shared volumes and empty directories."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from jupyterhub_platform.core.document.faults import KeyPath
from jupyterhub_platform.core.pods import PERSONAL_NAMES, SUB_PATH_NAMES
from jupyterhub_platform.deploy.importing.amounts import Traits
from jupyterhub_platform.deploy.importing.draft import Draft
from jupyterhub_platform.deploy.importing.entries import Entry

_NAME: Final = re.compile(r"\{([^{}]*)\}")
_OWN: Final = re.compile(r"\{pvc_name\}|.*\{(?:username|user_server|unescaped_username)\}.*")
_ALLOWED: Final = frozenset(
    {
        *("name", "configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "image"),
        *("persistentVolumeClaim", "projected", "secret"),
    }
)
"""The kinds of volumes that every server may have; NFS is one that the document names."""
_MOUNT_KEYS: Final = frozenset({"name", "mountPath", "subPath", "readOnly"})
OF_VOLUMES: Final = (
    *("volumes", "volume_mounts"),
    *("storage_pvc_ensure", "storage_capacity", "storage_class"),
)
_REFUSED: Final = "reaches the node, or storage past a claim, which no server may; make a claim"
_STAYS: Final = "is no volume that the document can have; it stays a volume of all servers"
_LOST: Final = "is no volume that a tier can have; give it to all servers in c.KubeSpawner.volumes"


@dataclass(frozen=True, slots=True)
class Storage:
    """The volumes of servers, and the storage of homes that are made for them."""

    volumes: Mapping[str, Entry]
    mounts: tuple[Entry, ...]
    size: Entry | None = None
    storage_class: Entry | None = None
    ensures: Entry | None = None

    @classmethod
    def of(cls, traits: Traits) -> "Storage":
        """Take the storage out of settings."""
        ensured = traits.get("storage_pvc_ensure")
        ensures = ensured is not None and ensured.value is True
        return cls(
            {
                each.text_at("name") or f"({each.name})": each
                for each in _list(traits.get("volumes"))
                if isinstance(each.value, dict)
            },
            tuple(each for each in _list(traits.get("volume_mounts"))),
            traits.get("storage_capacity") if ensures else None,
            traits.get("storage_class") if ensures else None,
            ensured if ensures else None,
        )


def _list(entry: Entry | None) -> list[Entry]:
    if entry is None:
        return []
    if isinstance(entry.value, tuple):
        return [each for each in entry.value if isinstance(each, Entry)]
    return list(entry.items()) if isinstance(entry.value, dict) else list(entry.entries())


class Volumes:
    """Puts volumes at a place of the document: ``defaults``, or one tier.

    What no document can say stays where it is if all servers have it (``is_kept``).
    """

    def __init__(self, draft: Draft, storage: Storage, at: KeyPath, *, is_kept: bool) -> None:
        self._draft, self._storage, self._at, self._is_kept = draft, storage, at, is_kept
        self.empty_dirs: list[tuple[dict[str, Any], Entry]] = []
        """Those that tiers have, and defaults have not."""

    def read(self) -> None:
        """Put each mount, and note volumes that are mounted nowhere."""
        used = set()
        for mount in self._storage.mounts:
            name = mount.text_at("name")
            volume = self._storage.volumes.get(name)
            used.add(name)
            if volume is None:
                self._leave(mount, mount)
            else:
                self._read_mount(volume, mount)
        for name, volume in self._storage.volumes.items():
            if name not in used:
                self._leave(volume, volume)

    def _read_mount(self, volume: Entry, mount: Entry) -> None:
        if volume.value.keys() - _ALLOWED - {"nfs"}:
            self._leave(volume, mount)
            return
        path = str(mount.value.get("mountPath", "")).rstrip("/")
        place = self._read_source(volume, mount)
        sub_path = mount.value.get("subPath")
        names = _NAME.findall(str(sub_path or ""))
        is_odd = bool(mount.value.keys() - _MOUNT_KEYS) or not path
        if empty := volume.get("emptyDir"):
            self._read_empty(volume, mount, empty, path)
        elif place is None or is_odd or not set(names) <= set(SUB_PATH_NAMES):
            self._leave(volume, mount)
        elif "size" in place:
            self._put_home(volume, mount, {**place, "mount": path})
        elif set(names) & set(PERSONAL_NAMES):
            self._put_home(volume, mount, {**place, "sub_path": sub_path, "mount": path})
        elif "{" in path:
            self._leave(volume, mount)
        else:
            more = {"sub_path": str(sub_path)} if sub_path else {}
            self._put_shared(volume, mount, {**place, **more, "mount": path})

    def _read_source(self, volume: Entry, mount: Entry) -> dict[str, Any] | None:
        """Return which storage a volume is; nothing if it is none that a document can name."""
        if nfs := volume.get("nfs"):
            server, path = nfs.get("server"), nfs.get("path")
            if server is None or path is None:
                return None
            return {"nfs": {"server": server.text(), "path": path.text()}}
        wanted = volume.get("persistentVolumeClaim", "claimName")
        if wanted is None or not isinstance(wanted.value, str):
            return None
        if "{" not in wanted.value:
            return {"claim": wanted.value}
        if (
            not _OWN.fullmatch(wanted.value)
            or self._storage.size is None
            or "subPath" in mount.value
        ):
            return None
        size, kind = self._storage.size, self._storage.storage_class
        return {"size": size.text(), **({"storage_class": kind.text()} if kind else {})}

    def _put_home(self, volume: Entry, mount: Entry, home: dict[str, Any]) -> None:
        path = (*self._at, "home")
        has_one = self._at[0] == "groups" or self._draft.get(*map(str, path)) is not None
        if has_one or mount.value.get("readOnly"):
            self._leave(volume, mount)
            return
        self._draft.put(path, home, mount)
        storage = self._storage
        made = (storage.size, storage.storage_class, storage.ensures) if "size" in home else ()
        self._note((volume, mount, *made), path)

    def _put_shared(self, volume: Entry, mount: Entry, shared: dict[str, Any]) -> None:
        whole = volume.get("persistentVolumeClaim", "readOnly") or volume.get("nfs", "readOnly")
        reads = bool(mount.value.get("readOnly")) or (whole is not None and whole.flag() is True)
        made = shared if reads else {**shared, "read_only": False}
        path = self._draft.append((*self._at, "volumes"), made, mount)
        self._note((volume, mount), path)

    def _read_empty(self, volume: Entry, mount: Entry, empty: Entry, path: str) -> None:
        size, medium = empty.get("sizeLimit"), empty.get("medium")
        is_memory = medium is not None and medium.value == "Memory"
        fits = is_memory or path != "/dev/shm"  # noqa: S108 # a mount in a container
        if size is None or not fits or mount.value.keys() - {"name", "mountPath"}:
            self._leave(volume, mount)
            return
        made = {"mount": path, "size": size.text()}
        if is_memory and path != "/dev/shm":  # noqa: S108
            made["medium"] = "memory"
        self.empty_dirs.append((made, mount))
        self._draft.findings.carried(volume, ("tiers",), why="is in each tier, under empty_dirs")
        if mount is not volume:
            self._draft.findings.carried(mount, ("tiers",), why="is in each tier, under empty_dirs")

    def _note(self, entries: Iterable[Entry | None], path: KeyPath) -> None:
        for each in {each.key: each for each in entries if each is not None}.values():
            self._draft.findings.carried(each, path)

    def _leave(self, volume: Entry, mount: Entry) -> None:
        # What is a mount alone has its volume elsewhere, or in code.
        known = volume.value if isinstance(volume.value, dict) else {}
        is_refused = "mountPath" not in known and bool(known.keys() - _ALLOWED)
        for each in {volume.key: volume, mount.key: mount}.values():
            if each.why_unknown:
                self._draft.findings.impossible(each, each.why_unknown)
            elif is_refused:
                self._draft.findings.impossible(each, _REFUSED)
            elif self._is_kept:
                self._draft.findings.stays(each, _STAYS)
            else:
                self._draft.findings.impossible(each, _LOST)
