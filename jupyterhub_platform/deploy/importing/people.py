"""Who may come in, and as whom: from an authenticator's settings to users, rules and providers."""

from collections.abc import Iterable
from typing import Any, Final

from jupyterhub_platform.core.document.faults import KeyPath
from jupyterhub_platform.deploy.importing.draft import MEMBERS, Draft
from jupyterhub_platform.deploy.importing.entries import Computed, Entry
from jupyterhub_platform.deploy.importing.providers import (
    OF_PROVIDERS,
    PASSWORDS,
    Settings,
    kind_of,
    make_provider,
)
from jupyterhub_platform.deploy.importing.secret_values import is_secret
from jupyterhub_platform.deploy.importing.site import Site

STAND_IN: Final = "write the user name of your first admin"
"""The user who is declared where a source names no admin: no provider gives such a name."""
_RULES: Final = ("identity", "rules")
_PASSWORD: Final = "is a password, and is not written: users get invites instead, see jhp invite"  # noqa: S105
_BLOCKED: Final = "blocked in the configuration that was imported"
_ELEVATED: Final = (
    "is a rule that makes whomever the provider puts there an admin; remove it if that is not meant"
)
_GROUPS: Final = ("allowed_groups", "allowed_organizations", "allowed_gitlab_groups")
_USERS: Final = ("admin_users", "allowed_users", "blocked_users")
_DOMAINS: Final = ("hosted_domain", "allowed_domains")


class People:
    """Puts users, providers and rules into a document."""

    def __init__(self, site: Site, draft: Draft) -> None:
        self._site, self._draft = site, draft
        self._settings: Settings = {}
        self._provider = ""
        self._is_own = False

    def read(self) -> None:
        """Read everything that is said of who may log in."""
        self._draft.add_members()
        chosen = self._site.settings.get("JupyterHub.authenticator_class")
        name = self._name_class(chosen)
        names = [name, *self._list_bases(name), "OAuthenticator", "Authenticator"]
        self._settings = self._collect(names, kind_of(self._find_known(name)))
        if self._site.has_provider:
            self._provider = name = "keycloak"
        else:
            self._read_class(chosen, name)
        self._read_users()
        self._read_rules()
        for setting, entry in self._settings.items():
            self._read_rest(setting, entry)

    def _name_class(self, chosen: Entry | None) -> str:
        if chosen is None:
            return "dummy" if self._site.is_chart else ""
        value = chosen.value
        return value.name if isinstance(value, Computed) else chosen.text()

    def _list_bases(self, name: str) -> list[str]:
        found: list[str] = []
        waiting = [name]
        while waiting and len(found) < 20:
            for base in self._site.bases.get(waiting.pop(0), ()):
                if base not in found:
                    found.append(base)
                    waiting.append(base)
        return found

    def _find_known(self, name: str) -> str:
        """Return the class that is known: itself, as a class of the site's own is none."""
        return name if name not in self._site.bases else ""

    def _collect(self, names: Iterable[str], kind: str) -> Settings:
        """Return the settings of the authenticator; those of its own class come first."""
        found: dict[str, Entry] = {}
        known = [each.rpartition(".")[2].lower() for each in names if each]
        known += [f"{each}authenticator" for each in known]
        for section in sorted(self._site.sections(), key=lambda each: each == "Authenticator"):
            is_of_kind = bool(kind) and kind_of(section) == kind
            if section.lower() not in known and not is_of_kind:
                continue
            for name, entry in self._site.settings.items():
                if name.startswith(f"{section}.") and entry.value is not None:
                    found.setdefault(name.partition(".")[2], entry)
        return found

    def _read_class(self, chosen: Entry | None, name: str) -> None:
        kind = kind_of(self._find_known(name))
        at: KeyPath = ("identity",)
        whole = chosen or self._site.whole
        short = name.rpartition(".")[2].lower()
        if not name or short in PASSWORDS:
            self._draft.put((*at, "local"), "everyone", whole)
            if chosen is not None or short:
                why = "users have passwords of the platform's own instead, by an invite of an admin"
                self._draft.findings.changed(whole, why, (*at, "local"))
            return
        key = {"generic": "oidc", "azuread": "entra"}.get(kind, kind)
        made = make_provider(kind, self._settings, key, self._draft) if kind else None
        self._draft.put((*at, "local"), "admins", whole)
        if made is None:
            self._is_own = True
            self._provider = "site"
            path = (*at, "providers", self._provider)
            self._draft.put(path, {"kind": "authenticator", "title": "Log in"}, whole)
            why = "stays the Hub's authenticator, and rules read what it says of its users"
            self._draft.findings.changed(whole, why, path, stays=True)
            return
        self._provider = key
        self._draft.put((*at, "providers", key), made, whole)
        self._draft.findings.carried(whole, (*at, "providers", key))
        secret = self._settings.get("client_secret")
        if secret is None:
            why = f"wants the client's secret in the variable {made['client']['secret']['env']}"
            self._draft.findings.changed(whole, why, (*at, "providers", key, "client", "secret"))

    def _read_users(self) -> None:
        for entry in self._list("blocked_users"):
            suspended = {"reason": _BLOCKED}
            if name := self._draft.add_user(entry.text(), entry, suspended=suspended):
                self._draft.findings.carried(entry, ("users", name, "suspended"))
        for entry in self._list("admin_users"):
            name = self._draft.add_user(entry.text(), entry)
            if not name:
                continue
            if self._draft.get("users", name, "suspended"):
                self._draft.findings.changed(entry, "is blocked as well, and so is no admin")
                continue
            self._draft.put(("users", name, "level"), "admin", entry)
            self._draft.findings.carried(entry, ("users", name, "level"))
        for entry in self._list("allowed_users"):
            if name := self._draft.add_user(entry.text(), entry):
                self._draft.findings.carried(entry, ("users", name))

    def _read_rules(self) -> None:
        if not self._provider:
            for name in (*_GROUPS, "admin_groups"):
                for entry in self._list(name):
                    self._draft.findings.impossible(entry, "no provider says who is in it")
            return
        for entry in self._list("admin_groups"):
            rule = {"title": "Admins", "when": self._groups(entry), "level": "admin"}
            path = self._draft.append(_RULES, {**rule, "allow_elevated": True}, entry)
            self._draft.document["identity"]["rules"][path[-1]]["groups"] = [MEMBERS]
            self._draft.findings.changed(entry, _ELEVATED, path)
        wanted = [(name, entry) for name in _GROUPS for entry in self._list(name)]
        for name, entry in wanted:
            when = self._groups(entry)
            if name == "allowed_organizations" and ":" not in entry.text():
                when = {"organizations": entry.text()}
            self._add_rule(entry.text()[:200], when, entry)
        for entry in (each for name in _DOMAINS for each in self._list(name)):
            self._add_rule(entry.text()[:200], {"email": f"*@{entry.text()}"}, entry)
        everybody = self._settings.get("allow_all") or self._settings.get("allow_existing_users")
        opens = everybody is not None and everybody.flag() is True
        if opens and everybody is not None:
            self._add_rule("Whom the provider knows", {}, everybody)
        elif self._is_own and not wanted and not self._list("allowed_users"):
            why = "lets in whom it knows; the rule at the end lets in whom the authenticator does"
            path = self._draft.append(
                _RULES,
                {"title": "Whom the authenticator lets in", "level": "user", "groups": [MEMBERS]},
                self._site.whole,
            )
            self._draft.findings.changed(self._whole_class(), why, path)

    def _whole_class(self) -> Entry:
        return self._site.settings.get("JupyterHub.authenticator_class") or self._site.whole

    def _groups(self, entry: Entry) -> dict[str, Any]:
        return {"groups": entry.text()}

    def _add_rule(self, title: str, when: dict[str, Any], entry: Entry) -> None:
        if "*" in entry.text():
            why = "has a *, which stands for any text in a rule; write the rule by hand"
            self._draft.findings.impossible(entry, why)
            return
        rule: dict[str, Any] = {"title": title.strip() or "Members"}
        rule |= {"when": when} if when else {}
        path = self._draft.append(_RULES, {**rule, "level": "user", "groups": [MEMBERS]}, entry)
        self._draft.findings.carried(entry, path)

    def _list(self, name: str) -> list[Entry]:
        """Return the texts of a setting; a mapping stands for its keys."""
        entry = self._settings.get(name)
        if entry is None or entry.why_unknown:
            return []
        if isinstance(entry.value, dict):
            return [each.with_value(each.name) for each in entry.items()]
        return [each for each in entry.entries() if each.text().strip()]

    def _read_rest(self, name: str, entry: Entry) -> None:
        findings = self._draft.findings
        is_of_people = name in (*_GROUPS, *_DOMAINS, *_USERS, "admin_groups")
        if entry.why_unknown and (is_of_people or name == "allow_all"):
            findings.impossible(entry, f"{entry.why_unknown}; write who is meant")
        elif is_of_people or (name in _DONE and self._provider):
            return
        elif is_secret(name, entry.value):
            self._note_secret(name, entry)
        elif self._is_own:
            findings.stays(entry)
        elif name in OF_PROVIDERS:
            if name not in _NOTED:
                findings.carried(entry, ("identity", "providers", self._provider))
        elif name in _HARMLESS:
            findings.stays(entry)
        elif name in _DONE:
            findings.changed(entry, "has no effect: whom users: declares may log in")
        else:
            why = "is not known of a provider of the platform; see identity.providers, and rules"
            findings.impossible(entry, why)

    def _note_secret(self, name: str, entry: Entry) -> None:
        if name == "client_secret" and self._provider and not self._is_own:
            at = ("identity", "providers", self._provider, "client", "secret")
            variable = (self._draft.get(*at) or {}).get("env", "")
            why = f"is a secret, and is not written: put it into the Hub's variable {variable}"
            self._draft.findings.changed(entry, why, at)
        elif self._provider:
            why = "is a secret, and is not written; keep it in a Secret or a variable of the Hub"
            self._draft.findings.changed(entry, why, stays=True)
        else:
            self._draft.findings.changed(entry, _PASSWORD)


_DONE: Final = frozenset({"allow_all", "allow_existing_users", "any_allow_config"})
_NOTED: Final = frozenset(
    {
        *("client_id", "scope", "username_claim", "username_key", "claim_groups_key"),
        *("auth_state_groups_key", "login_service", "extra_authorize_params", "client_secret"),
    }
)
_HARMLESS: Final = frozenset(
    {"auto_login", "auth_refresh_age", "refresh_pre_spawn", "delete_invalid_users"}
)
