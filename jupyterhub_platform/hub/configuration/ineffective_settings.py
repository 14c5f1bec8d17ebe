"""Settings of a site that have no effect here, reported when the Hub starts."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from jupyterhub.auth import Authenticator
from traitlets.config import Config

from jupyterhub_platform.core.identity_providers import AUTHENTICATOR
from jupyterhub_platform.core.policy import Policy
from jupyterhub_platform.hub.configuration.hardening import read_setting

PROFILES: Final = "profile_list"
LOST: Final[Mapping[str, str]] = {
    PROFILES: "its choices, and whatever they override: volumes, environment, node selectors. "
    "The tiers of platform.yaml take its place. "
    "Write each profile as a tier of platform.yaml, with its sizes, images, volumes, environment "
    "and placement; what all servers shall have stays in c.KubeSpawner",
    "options_form": "that form, since the spawn page shows the tiers. Write its choices as tiers, "
    "images and groups of platform.yaml",
    "options_from_form": "what it makes of a form, since the spawn page is the platform's. Options "
    "that another package sends over the API go into c.Platform.other_options",
    "profile_form_template": "that template, since the spawn page shows the tiers. Templates of "
    "other pages still work",
    "additional_profile_form_template_paths": "those templates, since the spawn page shows the "
    "tiers. Templates of other pages still work",
}
"""Each trait of a spawner, what is lost with it, and what replaces it."""
LOST_ADMINS: Final = (
    "that its members are admins, since admins are those to whom platform.yaml gives the level "
    "admin, under users"
)
_OVERRIDES: Final = "group_overrides"
_OAUTHENTICATOR: Final = "OAuthenticator"
"""The section of oauthenticator that the platform's own providers read, too."""
_SHOWN: Final = 5
_GOVERNED: Final = "Governed"


def find_ineffective(app: Any) -> Iterator[str]:
    """Yield a sentence for each setting of a site that has no effect, whatever the policy says."""
    yield from _find_of_spawner(app.config, app.spawner_class)
    yield from _find_of_overrides(app.config, app.spawner_class)
    yield from _find_of_authenticator(app.config, app.authenticator_class)


def list_replaced(app: Any) -> list[str]:
    """Return the settings of a site's spawner that the tiers replace, as they are written."""
    config, spawner = app.config, app.spawner_class
    return [
        f"c.{_section(config, spawner, trait)}.{trait}"
        for trait in getattr(spawner, "replaced_by_tier", ())
        if read_setting(config, spawner, trait)[0]
    ]


def find_unused_providers(app: Any, policy: Policy) -> Iterator[str]:
    """Yield a sentence for each provider at which nobody logs in, and for rules that none reads."""
    is_ours = _is_ours(app.authenticator_class)
    chosen = (
        "is unset" if is_ours else f"is {app.authenticator_class.__name__.removeprefix(_GOVERNED)}"
    )
    identity = policy.identity
    if identity.rules and not identity.providers and not is_ours:
        yield (
            f"identity.rules has no effect: c.JupyterHub.authenticator_class {chosen}. Remove that "
            "setting, or declare a provider with kind: authenticator, so that rules read what it "
            "says."
        )
    for key, provider in identity.providers.items():
        if is_ours == (provider.kind == AUTHENTICATOR):
            fix = "Set it" if is_ours else "Remove that setting"
            yield (
                f"Nobody logs in by identity.providers.{key}: c.JupyterHub.authenticator_class "
                f"{chosen}. {fix}, or remove the provider."
            )


def find_unfed(app: Any, policy: Policy) -> Iterator[str]:
    """Yield a sentence for each group of a site's settings that the platform calls otherwise.

    Under a provider's own name a group has no members, unless the authenticator manages groups.
    """
    if app.authenticator.manage_groups:
        return
    named = [(f"the role {role['name']}", role.get("groups") or ()) for role in app.load_roles]
    for key, entry in _read_overrides(app.config, app.spawner_class).items():
        named.append((f"{key} of {_OVERRIDES}", entry.get("groups") or ()))
    for who, groups in named:
        for group in sorted({*groups} - policy.groups.keys()):
            if fed := policy.groups_fed_by([group]):
                ours = " or ".join(sorted(fed))
                yield (
                    f"The group {group} of {who} has no members: a provider calls it so, and "
                    f"here it is {ours}. Write {ours} there."
                )


def _find_of_authenticator(config: Config, authenticator: type) -> Iterator[str]:
    is_ours = _is_ours(authenticator)
    names = {each.__name__ for each in authenticator.__mro__}
    names |= {_OAUTHENTICATOR} if is_ours else set()
    others = {each.__name__ for each in _list_loaded(Authenticator)} - names
    for section in sorted(config):
        is_other = section in others or (section.endswith("Authenticator") and section not in names)
        if not is_other or not config[section]:
            continue
        traits = sorted(config[section])
        shown = ", ".join(traits[:_SHOWN]) + (", …" if len(traits) > _SHOWN else "")
        where = (
            "c.JupyterHub.authenticator_class is unset, so that users log in at what identity: of "
            "platform.yaml says"
            if is_ours
            else f"c.JupyterHub.authenticator_class is "
            f"{authenticator.__name__.removeprefix(_GOVERNED)}"
        )
        yield f"c.{section} ({shown}) has no effect: {where}."
    is_set, value = read_setting(config, authenticator, "admin_groups")
    if is_set and value:
        section = _section(config, authenticator, "admin_groups")
        yield f"c.{section}.admin_groups has no effect. Lost is {LOST_ADMINS}."
    is_set, value = read_setting(config, authenticator, "allowed_users")
    has_all, all_allowed = read_setting(config, authenticator, "allow_all")
    if is_ours and is_set and value and (all_allowed or not has_all):
        section = _section(config, authenticator, "allowed_users")
        yield (
            f"c.{section}.allowed_users has no effect: whom users and identity.rules of "
            "platform.yaml let in may log in."
        )


def _list_loaded(kind: type[Any]) -> Iterator[type[Any]]:
    for each in kind.__subclasses__():
        yield each
        yield from _list_loaded(each)


def _is_ours(authenticator: type) -> bool:
    return bool(getattr(authenticator, "local_credentials", False))


def _find_of_overrides(config: Config, spawner: Any) -> Iterator[str]:
    replaced = getattr(spawner, "replaced_by_tier", ())
    for key, entry in _read_overrides(config, spawner).items():
        override = entry.get("spawner_override") or {}
        if lost := [trait for trait in (*replaced, PROFILES) if trait in override]:
            groups = ", ".join(entry.get("groups") or ())
            yield (
                f"{key} of {_OVERRIDES} sets {', '.join(lost)} for {groups}, which has no effect: "
                "these are the tier's. Write a tier or a size that is open to that group, with "
                "access."
            )


def _read_overrides(config: Config, spawner: Any) -> Mapping[str, Mapping[str, Any]]:
    is_set, value = read_setting(config, spawner, _OVERRIDES)
    return value if is_set and isinstance(value, Mapping) else {}


def _find_of_spawner(config: Config, spawner: Any) -> Iterator[str]:
    for trait, lost in LOST.items():
        is_set, value = read_setting(config, spawner, trait)
        # The platform's own list shows the tiers to packages that read profiles.
        if is_set and value and not getattr(value, "shows_tiers", False):
            yield f"c.{_section(config, spawner, trait)}.{trait} has no effect. Lost is {lost}."
        elif owner := _find_owner(spawner, trait):
            yield f"{trait} of the class {owner} has no effect. Lost is {lost}."


def _section(config: Config, spawner: type, trait: str) -> str:
    names = (each.__name__ for each in spawner.__mro__)
    return next(name for name in names if name in config and trait in config[name])


def _find_owner(spawner: type, trait: str) -> str:
    """Return the class of a site that sets a trait itself; empty if none does."""
    own = (trait, f"_{trait}_default", f"_{trait}")
    of_others = ("jupyterhub_platform", "kubespawner", "jupyterhub", "traitlets")
    sites = (each for each in spawner.__mro__ if each.__module__.partition(".")[0] not in of_others)
    return next((each.__name__ for each in sites if any(name in vars(each) for name in own)), "")
