"""From a ``nebari-config.yaml`` to the settings of the Hub that Nebari makes of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from jupyterhub_platform.core.document.faults import KeyPath
from jupyterhub_platform.deploy.importing.deployments import add_of_nebari
from jupyterhub_platform.deploy.importing.draft import MEMBERS, Draft, shorten
from jupyterhub_platform.deploy.importing.entries import Entry
from jupyterhub_platform.deploy.importing.findings import Findings
from jupyterhub_platform.deploy.importing.lifetimes import set_lifetimes
from jupyterhub_platform.deploy.importing.site import Site
from jupyterhub_platform.deploy.importing.staying import note_staying
from jupyterhub_platform.deploy.importing.values import ValuesSource

_LEVELS: Final[Mapping[str, str]] = {"admin": "admin", "developer": "developer", "analyst": "user"}
"""The groups that Nebari makes, and what each is here."""
_POOLS: Final[Mapping[str, str]] = {
    "amazon_web_services": "eks.amazonaws.com/nodegroup",
    "google_cloud_platform": "cloud.google.com/gke-nodepool",
    "azure": "azure-node-pool",
}
_CLOUDS: Final = (*_POOLS, "local", "existing", "digital_ocean")
_CLUSTER: Final = "is of the cluster, which what made it keeps; platform.yaml is about people"
_BESIDE: Final = "is a part of Nebari beside the Hub, which it keeps"
_OF_CLUSTER: Final = frozenset(
    {
        *("provider", "namespace", "nebari_version", "project_name", "domain", "certificate"),
        *("terraform_state", "ci_cd", "dns", "ingress", "prevent_deploy", "external_container_reg"),
        *("kubernetes_version", "helm_extensions", "tf_extensions", "cert_manager"),
    }
)
_OF_NEBARI: Final[Mapping[str, str]] = {
    "conda_store": _BESIDE,
    "argo_workflows": _BESIDE,
    "monitoring": _BESIDE,
    "prefect": _BESIDE,
    "ceph": _BESIDE,
    "cdsdashboards": _BESIDE,
}
_LOST: Final[Mapping[str, str]] = {
    "environments": "are environments of conda-store, which the platform has not; build images",
    "jhub_apps": "is a package beside the Hub; install it as docs/existing-hub.md says",
    "clearml": "is no part of the platform",
}
_SECRET: Final = "is a secret, and is not written; it belongs to Keycloak, which keeps it"  # noqa: S105
_KEYCLOAK: Final = "keycloak"
_MINUTE: Final = 60


@dataclass(slots=True)
class NebariSource:
    """Reads a configuration of Nebari; ``site`` is what the Hub would be given."""

    findings: Findings
    site: Site
    root: Entry
    _values: ValuesSource | None = None

    def read(self) -> None:
        """Read what is of the Hub, and note the rest."""
        root = self.root
        self.site.is_chart = self.site.has_provider = True
        self.site.group_prefix = "/"
        if image := root.get("default_images", "jupyterlab"):
            self.site.settings["KubeSpawner.image"] = image
        self._read_pool()
        if overrides := root.get("jupyterhub", "overrides"):
            self._values = ValuesSource(self.findings, self.site)
            self._values.read_part(overrides)
        # What Nebari says of each profile comes after all values.
        if profiles := root.get("profiles", "jupyterlab"):
            self.site.settings["KubeSpawner.profile_list"] = profiles
        self._read_home()
        for part in root.items():
            self._note(part)

    def add(self, draft: Draft) -> None:
        """Add what Nebari has beside the Hub: Keycloak, its groups, shared directories."""
        add_of_nebari(self.root, draft)
        self._add_provider(draft)
        self._add_groups(draft)
        self._read_access(draft)
        self._add_lifetimes(draft)
        theme = self.root.get("theme", "jupyterhub")
        title = (theme.text_at("hub_title") if theme else "") or self.root.text_at("project_name")
        if title:
            draft.put(("name",), shorten(title, "JupyterHub"), theme or self.root)
        for each in theme.items() if theme else ():
            if each.name == "hub_title":
                self.findings.carried(each, ("name",))
            else:
                why = "is a setting of c.Platform: docs/reference/settings.md"
                self.findings.changed(each, why)

    def _read_pool(self) -> None:
        for cloud in _CLOUDS:
            part = self.root.get(cloud)
            if part is None:
                continue
            selector = part.get("node_selectors", "user")
            if selector is not None and selector.text_at("key"):
                value = {selector.text_at("key"): selector.text_at("value")}
                self.site.settings["KubeSpawner.node_selector"] = selector.with_value(value)
            elif cloud in _POOLS:
                pool = part.get("node_groups", "user") or part
                self.site.settings["KubeSpawner.node_selector"] = pool.with_value(
                    {_POOLS[cloud]: "user"}
                )

    def _read_home(self) -> None:
        storage = self.root.get("storage", "shared_filesystem") or self.root.with_value("200Gi")
        wanted = f"jupyterhub-{self.root.text_at('namespace') or 'dev'}-share"
        volume = {"name": "home", "persistentVolumeClaim": {"claimName": wanted}}
        mount = {"name": "home", "mountPath": "/home/{username}", "subPath": "home/{username}"}
        settings = self.site.settings
        settings["KubeSpawner.volumes"] = storage.with_value((storage.with_value(volume),))
        settings["KubeSpawner.volume_mounts"] = storage.with_value((storage.with_value(mount),))
        why = f"is the volume {wanted}, of which homes and directories of groups are parts"
        self.findings.changed(storage, why, ("defaults", "home"))

    def _add_provider(self, draft: Draft) -> None:
        security = self.root.get("security") or self.root.with_value({})
        domain = self.root.get("domain")
        at: KeyPath = ("identity", "providers", _KEYCLOAK)
        if domain is None or not domain.text():
            why = "names no domain, so that the address of Keycloak is not known"
            self.findings.impossible(self.root, why, ("identity",))
            draft.put(("identity", "local"), "everyone")
            return
        host = domain.text().strip().strip("/")
        provider = {
            "title": "Log in",
            "issuer": f"https://{host}/auth/realms/nebari",
            "client": {"id": "jupyterhub", "secret": {"env": "KEYCLOAK_CLIENT_SECRET"}},
            "name": ["preferred_username"],
            "names": "assigned",
            "groups": ["groups"],
        }
        draft.put(at, provider, domain)
        draft.put(("identity", "local"), "admins")
        kind = security.get("authentication", "type") or domain
        why = "is behind Keycloak, which stays the provider; its client of the Hub, and its secret"
        self.findings.changed(kind, f"{why} in KEYCLOAK_CLIENT_SECRET, are the platform's", at)

    def _add_groups(self, draft: Draft) -> None:
        if draft.get("identity", "providers", _KEYCLOAK) is None:
            return
        source = self.root.get("security") or self.root
        rules: list[dict[str, Any]] = []
        for name, level in _LEVELS.items():
            rule: dict[str, Any] = {"title": name.title(), "when": {"groups": f"/{name}"}}
            rule |= {"level": level, "groups": [MEMBERS]}
            rules.append({**rule, "allow_elevated": True} if level == "admin" else rule)
        draft.put(("identity", "rules"), rules, source)
        why = "Nebari's groups are rules: /admin makes an admin, /developer and /analyst let in"
        self.findings.changed(source, why, ("identity", "rules"))
        shared = self.root.get("security", "shared_users_group")
        names = [*_LEVELS, *(["users"] if shared and shared.flag() else [])]
        for name in names:
            group = draft.add_group(f"/{name}", source)
            if group and (home := draft.get("defaults", "home")) and home.get("claim"):
                directory = {"claim": home["claim"], "sub_path": f"shared/{name}"}
                mount = {"mount": f"/shared/{name}", "read_only": False}
                draft.append(("groups", group, "volumes"), {**directory, **mount}, source)
        if shared is not None:
            self.findings.carried(shared, ("groups",))

    def _read_access(self, draft: Draft) -> None:
        """Close the profiles that Keycloak's roles open, by a group for each."""
        for profile in self.root.entries_at("profiles", "jupyterlab"):
            access = profile.get("access")
            if access is None or access.value in ("all", "yaml"):
                if access is not None:
                    self.findings.carried(access)
                continue
            title = profile.text_at("display_name")
            why = (
                "is by an attribute of users in Keycloak: make a group there, put users into it, "
                "and write its path under from of this group"
            )
            for name in list(draft.get("tiers") or {}):
                if draft.sources.get(("tiers", name)) is None or not title:
                    continue
                if draft.sources["tiers", name].key == profile.key:
                    group = draft.add_group(f"/profiles/{title}", access)
                    wanted = {"groups": [group]} if group else {"levels": ["admin"]}
                    draft.put(("tiers", name, "access"), wanted, access)
                    self.findings.impossible(access, why, ("groups", group))

    def _add_lifetimes(self, draft: Draft) -> None:
        culler = self.root.get("jupyterlab", "idle_culler")
        overrides = self._values.cull if self._values else None
        if overrides is not None and self._values is not None:
            self._values.add(draft)
            return
        if culler is None:
            culler = self.root.with_value({})
        minutes = 0
        for key in ("kernel_cull_idle_timeout", "server_shutdown_no_activity_timeout"):
            entry = culler.get(key)
            value = entry.value if entry else 15
            is_number = isinstance(value, int) and not isinstance(value, bool) and value > 0
            minutes += int(value) if is_number and value < 10**6 else 15
        set_lifetimes(draft, culler, str(minutes * _MINUTE), "0")
        why = "was the server's own timeouts: how long kernels, then a server without any, may idle"
        self.findings.changed(culler, why)

    def _note(self, part: Entry) -> None:
        name = part.name
        if name in _IN_PARTS:
            self._note_parts(part)
        elif name in _CLOUDS or name in _OF_CLUSTER:
            self._note_staying(part, _CLUSTER)
        elif name in _OF_NEBARI:
            self._note_staying(part, _OF_NEBARI[name])
        else:
            self.findings.impossible(part, _LOST.get(name, "is not known of Nebari"))

    def _note_staying(self, part: Entry, why: str) -> None:
        note_staying(part, self.findings, why, _SECRET)

    def _note_parts(self, part: Entry) -> None:
        for each in part.items():
            where = (part.name, each.name)
            if where in _READ:
                continue
            if where == ("security", "keycloak"):
                self._note_staying(each, "is Keycloak's")
            elif where == ("security", "authentication"):
                for one in each.items():
                    if one.name != "type":
                        self._note_staying(one, "is Keycloak's")
            elif where in _PARTS_LOST:
                self.findings.impossible(each, _PARTS_LOST[where])
            else:
                self._note_staying(each, _BESIDE)


_IN_PARTS: Final = frozenset(
    {
        *("profiles", "security", "jupyterhub", "theme", "default_images", "storage"),
        "jupyterlab",
    }
)
_READ: Final = frozenset(
    {
        *(("profiles", "jupyterlab"), ("jupyterhub", "overrides"), ("theme", "jupyterhub")),
        *(("default_images", "jupyterlab"), ("storage", "shared_filesystem")),
        *(("security", "shared_users_group"), ("jupyterlab", "idle_culler")),
    }
)
_PARTS_LOST: Final[Mapping[tuple[str, str], str]] = {
    ("profiles", "dask_worker"): (
        "are sizes of Dask workers, which Dask Gateway keeps; observed_pods counts workers"
    ),
    ("jupyterlab", "default_settings"): "are settings in servers; build them into the image",
    ("jupyterlab", "gallery_settings"): "is an extension in servers; build it into the image",
    ("jupyterlab", "initial_repositories"): "are cloned by Nebari; use an init container",
    ("jupyterlab", "preferred_dir"): "is a setting in servers; build it into the image",
}
