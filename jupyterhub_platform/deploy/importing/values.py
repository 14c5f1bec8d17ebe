"""From values of Zero to JupyterHub to the settings of the Hub that the chart makes of them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from jupyterhub_platform.core.errors import PolicyError
from jupyterhub_platform.deploy.importing.deployments import add_of_values
from jupyterhub_platform.deploy.importing.draft import Draft
from jupyterhub_platform.deploy.importing.entries import Entry
from jupyterhub_platform.deploy.importing.findings import Findings
from jupyterhub_platform.deploy.importing.lifetimes import set_lifetimes
from jupyterhub_platform.deploy.importing.python_source import PythonSource
from jupyterhub_platform.deploy.importing.site import Site
from jupyterhub_platform.deploy.importing.staying import note_staying

OF_CHART: Final = frozenset(
    {
        *("hub", "proxy", "singleuser", "scheduling", "prePuller", "ingress", "httpRoute", "cull"),
        *("rbac", "debug", "global", "imagePullSecret", "imagePullSecrets", "custom", "enabled"),
        *("nameOverride", "fullnameOverride"),
    }
)
_MARKS: Final = frozenset({"hub", "singleuser", "proxy"})
_UMBRELLAS: Final = ("jupyterhub", "basehub", "daskhub")
_TRAITS: Final[Mapping[tuple[str, ...], str]] = {
    ("cpu", "limit"): "cpu_limit",
    ("cpu", "guarantee"): "cpu_guarantee",
    ("memory", "limit"): "mem_limit",
    ("memory", "guarantee"): "mem_guarantee",
    ("extraResource", "limits"): "extra_resource_limits",
    ("extraResource", "guarantees"): "extra_resource_guarantees",
    ("nodeSelector",): "node_selector",
    ("extraTolerations",): "tolerations",
    ("serviceAccountName",): "service_account",
    ("profileList",): "profile_list",
}
_HUB_TRAITS: Final[Mapping[str, str]] = {
    "allowNamedServers": "allow_named_servers",
    "namedServerLimitPerUser": "named_server_limit_per_user",
    "activeServerLimit": "active_server_limit",
}
_READ: Final = frozenset({"cpu", "memory", "extraResource", "image", "storage"})
_SECRET: Final = (
    "is a secret, and is not written; keep it in a Secret, as helm-values/README.md says"  # noqa: S105
)
_CHART: Final = "stays a value of the chart"


@dataclass(slots=True)
class ValuesSource:
    """Reads values; ``site`` is what the Hub would be given."""

    findings: Findings
    site: Site
    cull: Entry | None = None
    _root: Entry | None = None
    _volumes: list[Entry] = field(default_factory=list)
    _mounts: list[Entry] = field(default_factory=list)

    def read(self, root: Entry) -> None:
        """Read the values of the chart, and note those that stay."""
        self.site.is_chart, self._root = True, root
        self._set("KubeSpawner.mem_guarantee", self.site.whole.with_value("1G"))
        self.read_part(root)
        if root.get("singleuser", "storage") is None:
            self._read_storage(self.site.whole.with_value({}))

    def read_part(self, root: Entry) -> None:
        """Read values that are laid over others, without the defaults of the chart."""
        # The chart's own settings come first, then those of hub.config, then code.
        for part in sorted(root.items(), key=lambda each: each.name == "hub"):
            if part.name == "hub":
                self._read_hub(part)
            elif part.name == "singleuser":
                self._read_singleuser(part)
            elif part.name == "cull":
                self.cull = part
            elif part.name == "auth":
                self._read_old_auth(part)
            elif part.name in OF_CHART:
                self._note(part)
            else:
                self.findings.stays(part, "is no value of the chart jupyterhub, and stays")
        self._read_extra_config(root.get("hub", "extraConfig"))

    def add(self, draft: Draft) -> None:
        """Add what the chart does beside the Hub: it ends servers without use."""
        if self._root is not None:
            add_of_values(self._root, draft)
        whole = self.site.whole
        cull = self.cull or whole.with_value({})
        enabled = cull.get("enabled")
        if enabled is not None and enabled.flag() is False:
            self.findings.carried(cull, why="ends no server, and neither does a tier")
            return
        if (users := cull.get("users")) is not None and users.flag():
            why = "removes users, and users are those whom users: and rules let in"
            self.findings.impossible(users, why)
        idle, longest = cull.text_at("timeout") or "3600", cull.text_at("maxAge") or "0"
        set_lifetimes(draft, cull, idle, longest)
        self.findings.changed(cull, "set cull.enabled to false: the tiers end servers")

    def _set(self, setting: str, entry: Entry) -> None:
        self._note_overridden(self.site.settings.get(setting), entry)
        self.site.settings[setting] = entry

    def _note_overridden(self, before: Entry | None, entry: Entry) -> None:
        if before is not None and before.key != entry.key:
            self.findings.carried(before, why=f"has no effect: {entry.dotted} comes after it")

    def _read_hub(self, hub: Entry) -> None:
        for part in hub.items():
            if part.name in _HUB_TRAITS:
                self._set(f"JupyterHub.{_HUB_TRAITS[part.name]}", part)
            elif part.name == "config":
                for section in part.items():
                    for trait in section.items():
                        self._set(f"{section.name}.{trait.name}", trait)
            elif part.name == "services":
                self._read_services(part)
            elif part.name == "loadRoles":
                self._set("JupyterHub.load_roles", part.with_value(_list_values(part)))
            elif part.name != "extraConfig":
                self._note(part)

    def _read_services(self, part: Entry) -> None:
        listed = [
            {"name": each.name, **each.value}
            for each in part.items()
            if isinstance(each.value, dict)
        ]
        marks = {str(number): each.mark for number, each in enumerate(part.items())}
        self._set("JupyterHub.services", Entry(listed, part.key, (part.line, marks)))

    def _read_singleuser(self, part: Entry) -> None:
        for path, trait in _TRAITS.items():
            if (entry := part.get(*path)) is not None:
                self._set(f"KubeSpawner.{trait}", entry)
            elif path[0] in {"cpu", "memory"} and path[-1] in _keys(part.get(path[0])):
                self.site.settings.pop(f"KubeSpawner.{trait}", None)
        if image := part.get("image"):
            self._read_image(image)
        if (storage := part.get("storage")) is not None:
            self._read_storage(storage)
        for each in part.items():
            if each.name in _READ or (each.name,) in _TRAITS:
                continue
            self._note(each)

    def _read_image(self, image: Entry) -> None:
        name, tag = image.text_at("name"), image.text_at("tag")
        if name and tag:
            mark = "@" if tag.startswith("sha256:") else ":"
            self._set("KubeSpawner.image", image.with_value(f"{name}{mark}{tag}"))
        elif name:
            self._set("KubeSpawner.image", image.with_value(name))
        for each in image.items():
            if each.name not in {"name", "tag"}:
                self._note(each)

    def _read_storage(self, storage: Entry) -> None:
        kind = storage.text_at("type") or "dynamic"
        home = storage.text_at("homeMountPath") or "/home/jovyan"
        wanted, sub_path = "", ""
        if kind == "dynamic":
            wanted = "{pvc_name}"
            self._set("KubeSpawner.storage_pvc_ensure", storage.with_value(True))
            size = storage.get("capacity") or storage.with_value("10Gi")
            self._set("KubeSpawner.storage_capacity", size)
            if kept := storage.get("dynamic", "storageClass"):
                self._set("KubeSpawner.storage_class", kept)
        elif kind == "static":
            wanted = storage.text_at("static", "pvcName")
            sub_path = storage.text_at("static", "subPath") or "{username}"
        if wanted:
            volume = {"name": "home", "persistentVolumeClaim": {"claimName": wanted}}
            mount = {"name": "home", "mountPath": home}
            self._volumes.append(storage.with_value(volume))
            more = {"subPath": sub_path} if sub_path else {}
            self._mounts.append(storage.with_value({**mount, **more}))
        elif kind == "none":
            self.findings.carried(storage, why="has no homes of its own")
        else:
            self.findings.impossible(storage, "is no kind of storage that the chart has")
        self._add_volumes(storage)
        for name in ("extraLabels", "dynamic"):
            for each in storage.items_at(name):
                if each.name != "storageClass":
                    self._note(each)

    def _add_volumes(self, storage: Entry) -> None:
        for name, collected, trait in (
            ("extraVolumes", self._volumes, "volumes"),
            ("extraVolumeMounts", self._mounts, "volume_mounts"),
        ):
            listed = storage.get(name)
            if listed is not None:
                is_mapping = isinstance(listed.value, dict)
                collected += listed.items() if is_mapping else listed.entries()
            # Each keeps its own place in the source.
            self._set(f"KubeSpawner.{trait}", storage.with_value(tuple(collected)))

    def _read_extra_config(self, part: Entry | None) -> None:
        if part is None:
            return
        before = dict(self.site.settings)
        python = PythonSource(self.findings, self.site.settings)
        is_text = isinstance(part.value, str)
        for each in [part] if is_text else sorted(part.items(), key=lambda one: one.name):
            try:
                # The text of a block begins on the line below its key.
                python.read(each.text(), each.key, each.line)
            except PolicyError as error:
                (fault,) = error.faults
                self.findings.impossible(each, fault.what)
        for setting, entry in before.items():
            self._note_overridden(entry, self.site.settings[setting])
        self.site.bases = python.bases
        self.site.profiles += python.profiles

    def _read_old_auth(self, part: Entry) -> None:
        """Read what charts before 1.0 said of users; the rest of it has no effect any more."""
        for path, trait in (
            (("admin", "users"), "admin_users"),
            (("whitelist", "users"), "allowed_users"),
        ):
            if (entry := part.get(*path)) is not None:
                self._set(f"Authenticator.{trait}", entry)
        why = "is of charts before 1.0; write it as hub.config, as their upgrade notes say"
        for each in part.items():
            if each.name not in {"admin", "whitelist"}:
                self.findings.impossible(each, why)

    def _note(self, part: Entry) -> None:
        note_staying(part, self.findings, _CHART, _SECRET)


def _list_values(part: Entry) -> list[object]:
    return [
        {"name": each.name, **each.value} for each in part.items() if isinstance(each.value, dict)
    ]


def _keys(part: Entry | None) -> frozenset[str]:
    return (
        frozenset(part.value) if part is not None and isinstance(part.value, dict) else frozenset()
    )


def find_values(root: Entry) -> Entry | None:
    """Return the values of the chart, also where it is a part of another one."""
    waiting: list[tuple[Entry, int]] = [(root, 0)]
    while waiting:
        entry, levels = waiting.pop(0)
        if not _MARKS.isdisjoint(_keys(entry)):
            return entry
        if levels < len(_UMBRELLAS):
            waiting += [(each, levels + 1) for name in _UMBRELLAS if (each := entry.get(name))]
    return None


def list_beside(root: Entry, chart: Entry) -> Iterator[Entry]:
    """Yield what stands beside the values of the chart, in those of the charts around it."""
    entry = root
    for key in chart.key[len(root.key) :]:
        yield from (each for each in entry.items() if each.name != str(key))
        below = entry.get(str(key))
        if below is None:
            return
        entry = below
