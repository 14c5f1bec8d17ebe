"""Settings of a site that have no effect on servers here, reported when the Hub starts."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from traitlets.config import Config

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
}
"""Each trait of a spawner, what is lost with it, and what replaces it."""


def find_ineffective(app: Any) -> Iterator[str]:
    """Yield a sentence for each setting of a site's spawner that has no effect."""
    config, spawner = app.config, app.spawner_class
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
