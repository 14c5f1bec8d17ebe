"""What rendered files change of a deployment: which part restarts, and what cannot be taken back.

Files are compared, and no cluster is asked: the old ones are those that were applied last.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from jupyterhub_platform.core.errors import PolicyError
from jupyterhub_platform.documents import decode, read_foreign

Change = Literal["none", "starts", "restarts", "migrates", "changes"]
_SECONDS: Final = "some 40 s; running servers go on"
_GONE: Final = object()


@dataclass(frozen=True, slots=True)
class PartChange:
    """What becomes of one part of the deployment. ``destructive`` ones need to be allowed."""

    part: str
    change: Change
    sentence: str
    destructive: bool = False

    @property
    def code(self) -> str:
        """The word by which it is allowed: a manifest's is that of what would be lost."""
        kind, is_manifest, _ = self.part.partition(" ")
        return {"Namespace": "namespace"}.get(kind, "storage") if is_manifest else self.part


@dataclass(frozen=True, slots=True)
class RenderedFiles:
    """Rendered files by their paths; ``values`` are those that Helm is given, in its order.

    Everything else is a manifest, where it is one.
    """

    files: Mapping[str, bytes]
    values: Sequence[str]


def compare_rendered(before: RenderedFiles | None, after: RenderedFiles) -> tuple[PartChange, ...]:
    """Return what applying rendered files does to Hub, proxy, database, storage and namespace.

    Parameters
    ----------
    before
        What was applied last; ``None`` if nothing was.

    Raises
    ------
    PolicyError
        Raised if one of them is not YAML.
    """
    new = _Deployed.read(after)
    if before is None:
        return tuple(PartChange(part, "starts", "is installed") for part in ("hub", "proxy"))
    return tuple(_compare(_Deployed.read(before), new))


@dataclass(frozen=True, slots=True)
class _Deployed:
    """The values of the chart, merged as Helm does, and the manifests by kind and name."""

    values: Mapping[str, Any]
    manifests: Mapping[tuple[str, str, str], Mapping[str, Any]]

    @classmethod
    def read(cls, rendered: RenderedFiles) -> "_Deployed":
        values: dict[str, Any] = {}
        for path in rendered.values:
            for each in _read(path, rendered.files[path]):
                values = _merge(values, each)
        manifests = {
            _identify(each): each
            for path, text in sorted(rendered.files.items())
            if path not in rendered.values and path.endswith((".yaml", ".yml"))
            for each in _read(path, text)
            if isinstance(each.get("metadata"), Mapping)
        }
        return cls(values, manifests)

    def get(self, *path: str) -> Any:
        """Return a value of the chart; ``None`` if it is not there."""
        found: Any = self.values
        for key in path:
            found = found.get(key) if isinstance(found, Mapping) else None
        return found


def _read(path: str, text: bytes) -> Iterator[Mapping[str, Any]]:
    """Yield the documents of a file."""
    try:
        yield from read_foreign(decode(text))
    except PolicyError as error:
        raise PolicyError(tuple(replace(each, file=path) for each in error.faults)) from None


def _identify(manifest: Mapping[str, Any]) -> tuple[str, str, str]:
    metadata = manifest["metadata"]
    return (
        str(manifest.get("kind", "")),
        str(metadata.get("namespace", "")),
        str(metadata.get("name", "")),
    )


_OF_HUB: Final[Sequence[tuple[str, ...]]] = (
    ("hub",),
    ("singleuser",),
    ("cull",),
    ("custom",),
    ("global",),
    ("imagePullSecrets",),
)
"""Values that the chart puts into the Hub's pod or its configuration: another one restarts it."""
_OF_PROXY: Final[Sequence[tuple[str, ...]]] = (
    ("proxy", "secretToken"),
    ("proxy", "chp"),
    ("proxy", "https"),
    ("proxy", "labels"),
    ("proxy", "annotations"),
    ("imagePullSecrets",),
)
_OF_DATABASE: Final = (("hub", "db", "type"), ("hub", "db", "url"), ("hub", "db", "upgrade"))
_OF_STORAGE: Final = (
    ("hub", "db", "pvc", "storageClassName"),
    ("hub", "db", "pvc", "accessModes"),
    ("singleuser", "storage", "type"),
    ("singleuser", "storage", "dynamic", "storageClass"),
    ("singleuser", "storage", "static", "pvcName"),
    ("singleuser", "storage", "homeMountPath"),
)


def _compare(old: _Deployed, new: _Deployed) -> Iterator[PartChange]:
    changed = _list_changed(old, new, _OF_HUB)
    yield (
        PartChange("hub", "restarts", f"restarts for {_SECONDS}: {_name(changed)}")
        if changed
        else PartChange("hub", "none", "goes on")
    )
    changed = _list_changed(old, new, _OF_PROXY)
    yield (
        PartChange(
            "proxy",
            "restarts",
            f"restarts: every connection drops, also those to servers: {_name(changed)}",
            destructive=True,
        )
        if changed
        else PartChange("proxy", "none", "goes on; no connection drops")
    )
    yield from _compare_kept("database", old, new, _OF_DATABASE)
    yield from _compare_kept("storage", old, new, _OF_STORAGE)
    yield from _compare_manifests(old, new)


def _compare_kept(
    part: str, old: _Deployed, new: _Deployed, paths: Sequence[tuple[str, ...]]
) -> Iterator[PartChange]:
    changed = _list_changed(old, new, paths)
    if changed:
        sentence = f"is another one then, and what it holds stays behind: {_name(changed)}"
        yield PartChange(part, "changes", sentence, destructive=True)


_KEPT: Final = frozenset({"Namespace", "PersistentVolumeClaim", "PersistentVolume", "StorageClass"})


def _compare_manifests(old: _Deployed, new: _Deployed) -> Iterator[PartChange]:
    before, after = old.manifests, new.manifests
    for key in sorted(before.keys() - after.keys()):
        yield PartChange(_call(key), "changes", "is removed", destructive=key[0] in _KEPT)
    for key in sorted(before.keys() & after.keys()):
        if before[key] != after[key]:
            is_kept = key[0] in _KEPT and before[key].get("spec") != after[key].get("spec")
            yield PartChange(_call(key), "changes", "says something else", destructive=is_kept)
    for key in sorted(after.keys() - before.keys()):
        yield PartChange(_call(key), "changes", "is added")


def _call(key: tuple[str, str, str]) -> str:
    kind, namespace, name = key
    return f"{kind} {namespace}/{name}" if namespace else f"{kind} {name}"


def _list_changed(old: _Deployed, new: _Deployed, paths: Sequence[tuple[str, ...]]) -> list[str]:
    return [
        found
        for path in paths
        for found in _list_differing(old.get(*path), new.get(*path), ".".join(path))
    ]


def _list_differing(old: Any, new: Any, path: str) -> Iterator[str]:
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in sorted({*old, *new}, key=str):
            yield from _list_differing(old.get(key, _GONE), new.get(key, _GONE), f"{path}.{key}")
    elif old != new:
        yield path


def _merge(into: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(into)
    for key, value in values.items():
        known = merged.get(key)
        if isinstance(known, Mapping) and isinstance(value, Mapping):
            merged[key] = _merge(known, value)
        else:
            merged[key] = value
    return merged


def _name(changed: Sequence[str]) -> str:
    rest = len(changed) - 3
    return ", ".join(changed[:3]) + (f" and {rest} more" if rest > 0 else "")
