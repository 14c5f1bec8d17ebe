"""The table of authenticators: settings that stand together, and what the Hub has of a user then.

The documentation has it, and what is said there is seen of a real Hub, row by row.
"""

from dataclasses import dataclass
from itertools import pairwise

POLICY = """\
version: 1
users:
  root: {level: admin}
  kim: {level: developer}
groups:
  vision: {members: [kim, root]}
  research: {from: ["org:team"]}
  language: {from: ["org:language"]}
images: {lab: {reference: "quay.io/jupyter/base-notebook:latest"}}
tiers: {small: {requests: {cpu: 100m, memory: 256Mi}, images: [lab]}}
"""
FIRST = ("org:team", "level:admin")
LATER = ("org:language", "level:operator")
LOADED = {"collab": {"users": ["Kim"]}, "level:admin": {"users": ["kim"]}}


@dataclass(frozen=True)
class Cell:
    """What the Hub has of kim: groups beside the level's, and roles beside ``user``."""

    level: str
    groups: frozenset[str]
    roles: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Row:
    """An authenticator with settings, and what the Hub has after each of three things.

    The Hub asks every user's authenticator again when it has been restarted, whatever the age.
    """

    authenticator: str
    settings: frozenset[str]
    login: Cell
    refresh: Cell
    restart: Cell

    @property
    def name(self) -> str:
        """Its settings in the order of the table."""
        return " ".join(each for each in SETTINGS if each in self.settings)


RULES = """\
identity:
  providers:
    site: {kind: authenticator, title: Campus}
  rules:
    - {provider: site, when: {groups: "org:team"}, level: user, groups: [vision]}
    - {provider: site, when: {groups: "org:language"}, level: operator, allow_elevated: true}
    - {provider: site, level: viewer}
"""
SETTINGS = {
    "manage_groups": "c.Authenticator.manage_groups = True",
    "manage_roles": "c.Authenticator.manage_roles = True",
    "load_groups": f"c.JupyterHub.load_groups = {LOADED!r}",
    "auto_login": "c.Authenticator.auto_login = True",
    "allowed_groups": 'c.OAuthenticator.allowed_groups = {"org:team"}',
    "admin_groups": 'c.OAuthenticator.admin_groups = {"org:team"}',
    "refresh": "c.Authenticator.auth_refresh_age = 1\nc.OAuthenticator.enable_auth_state = True",
    "rules": "",
}
"""What each setting of the table is in a configuration; the last one is in the policy."""
EXCLUDED = {
    ("allowed_groups", "manage_groups"): "oauthenticator wants manage_groups for it",
    ("admin_groups", "manage_groups"): "oauthenticator wants manage_groups for it",
}
"""Settings that exist only with another, and why."""


def cell(level: str, groups: str = "", roles: str = "") -> Cell:
    return Cell(level, frozenset(groups.split()), frozenset(roles.split()))


def row(authenticator: str, settings: str, *cells: Cell) -> Row:
    """Return a row; a cell that is left out is as the one before."""
    login, refresh, restart = (*cells, *(cells[-1:] * (3 - len(cells))))
    return Row(authenticator, frozenset(settings.split()), login, refresh, restart)


DECLARED = cell("developer", "vision")
LOADED_TOO = cell("developer", "vision collab")
ROWS = (
    row("dummy", "manage_groups manage_roles load_groups", LOADED_TOO),
    row("dummy", "refresh rules", cell("viewer")),
    row("GitHub", "load_groups auto_login", LOADED_TOO),
    row(
        "GitHub",
        "manage_groups manage_roles auto_login allowed_groups admin_groups refresh rules",
        cell("user", "vision org:team research"),
        cell("operator", "org:language language"),
    ),
    row(
        "Google",
        "manage_groups auto_login allowed_groups rules",
        cell("user", "vision org:team research"),
    ),
    row(
        "Google",
        "manage_groups manage_roles load_groups admin_groups refresh",
        cell("developer", "vision collab org:team research"),
        cell("developer", "vision collab org:language language"),
    ),
    row("CILogon", "manage_roles load_groups refresh rules", cell("viewer", "collab")),
    row(
        "CILogon",
        "manage_groups auto_login allowed_groups admin_groups",
        cell("developer", "vision org:team research"),
    ),
    row(
        "Azure AD",
        "manage_roles auto_login rules",
        cell("user", "vision research"),
    ),
    row(
        "Azure AD",
        "manage_groups load_groups allowed_groups admin_groups refresh",
        cell("developer", "vision collab org:team research"),
    ),
    row(
        "LTI 1.3",
        "manage_groups manage_roles auto_login",
        cell("developer", "vision org:team research"),
    ),
    row("LTI 1.3", "load_groups refresh rules", cell("viewer", "collab")),
    row(
        "a class of your own",
        "manage_groups load_groups rules",
        cell("user", "vision collab org:team research"),
        cell("user", "vision collab org:team research"),
        cell("operator", "collab org:language language"),
    ),
    row(
        "a class of your own",
        "manage_groups manage_roles refresh",
        cell("developer", "vision org:team research", "of-org-team"),
        cell("developer", "vision org:language language", "of-org-language"),
    ),
    row("a class of your own", "refresh", DECLARED),
)


def render_table() -> str:
    """Render the table as the documentation has it."""
    head = (
        "Authenticator",
        "Settings",
        "After the first login",
        "After a refresh",
        "After a restart",
    )
    lines = [head, ("---",) * len(head)]
    for each in ROWS:
        texts = [say(each.login), say(each.refresh), say(each.restart)]
        seen = [texts[0]] + ["the same" if new == old else new for old, new in pairwise(texts)]
        settings = ", ".join(f"`{name}`" for name in each.name.split())
        lines.append((each.authenticator, settings, *seen))
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def say(known: Cell) -> str:
    groups = ", ".join(f"`{each}`" for each in sorted(known.groups)) or "no group"
    roles = ", ".join(f"`{each}`" for each in sorted(known.roles))
    return f"{known.level}: {groups}" + (f"; the role {roles}" if roles else "")
