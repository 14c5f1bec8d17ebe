"""Options of a start: a tier, an account, an image; in this request, or at an earlier start."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Protocol

from jupyterhub_platform.core.levels import Level
from jupyterhub_platform.core.policy import Policy

OPTION_NAMES: Final = ("tier", "account", "image")
PROFILE: Final = "profile"
"""KubeSpawner's name, and that of packages built on it, for the option that names a tier."""
_MAX_OPTION_LENGTH: Final = 64
_MAX_FAULTS: Final = 5


@dataclass(frozen=True, slots=True)
class Options:
    """What a person named: a tier, an account, an image; empty where they left it open.

    ``faults`` says what was wrong with what they sent. Options only name things. ``remembered``
    ones were not named in this request: the server was started with them before.
    """

    tier: str = ""
    account: str = ""
    image: str = ""
    faults: tuple[str, ...] = ()
    remembered: bool = False


def read_options(raw: object, *, remembered: bool = False) -> Options:
    """Read ``user_options``, strictly: known keys, text values, nothing else.

    A ``profile`` is a tier by another name. Never raises: what is wrong becomes a denial, like
    every other reason.
    """
    options = _read_options(raw)
    return replace(options, remembered=True) if remembered else options


def _read_options(raw: object) -> Options:
    if raw is None:
        return Options()
    if not isinstance(raw, Mapping):
        return Options(faults=("Options are an object with the keys tier, account and image.",))
    faults: list[str] = []
    named: dict[str, str] = {}
    for key, value in raw.items():
        if key not in (*OPTION_NAMES, PROFILE):
            faults.append(f"{str(key)[:_MAX_OPTION_LENGTH]!a} is not an option.")
        elif not isinstance(value, str):
            faults.append(f"The option {key} is a name, not a {_json_type(value)}.")
        elif len(value) > _MAX_OPTION_LENGTH or not value.isprintable():
            faults.append(f"The option {key} is not a name.")
        else:
            named[key] = value
    profile = named.pop(PROFILE, "")
    if profile and named.get("tier", profile) not in {profile, ""}:
        faults.append("The options tier and profile name different tiers.")
    elif profile:
        named["tier"] = profile
    if len(faults) > _MAX_FAULTS:
        faults[_MAX_FAULTS:] = ["There are more faults in the options."]
    tier, account, image = (named.get(name, "") for name in OPTION_NAMES)
    return Options(tier, account, image, tuple(faults))


def _json_type(value: object) -> str:
    names = {bool: "truth value", int: "number", float: "number", list: "list", type(None): "null"}
    return names.get(type(value), "structure")


class Asker(Protocol):
    """Who is asked for."""

    @property
    def name(self) -> str:
        """The user's name."""
        ...

    @property
    def level(self) -> Level | None:
        """Their level, if the policy knows them."""
        ...

    @property
    def accounts(self) -> tuple[str, ...]:
        """The groups that their servers may be charged to."""
        ...


def fill_in(policy: Policy, options: Options, accounts: tuple[str, ...]) -> tuple[str, str, str]:
    """Return tier, account and image, with the defaults for what was left open; empty without."""
    tier = options.tier or policy.defaults.tier
    known = policy.tiers.get(tier)
    image = options.image or (known.images[0] if known and known.images else "")
    return tier, options.account or _find_only_account(accounts), image


def still_meant(
    policy: Policy, options: Options, asker: Asker, now: datetime
) -> tuple[Options, tuple[str, ...]]:
    """Return options without what is gone, or is not this person's any more, and that beside them.

    Only remembered ones: this request did not name them, so a default takes their place.
    """
    if not options.remembered:
        return options, ()
    account = options.account if options.account in asker.accounts else ""
    charged = account or _find_only_account(asker.accounts)
    known = policy.tiers.get(options.tier)
    # Without a level or an account there is nothing to tell of tiers, and another denial to come.
    tier = options.tier if known is not None else ""
    if known is not None and asker.level is not None and charged:
        is_theirs = policy.may_use(known, asker.name, asker.level, charged, now)
        tier = tier if is_theirs else ""
    known = policy.tiers.get(tier or policy.defaults.tier)
    image = options.image if known is not None and options.image in known.images else ""
    meant = Options(tier, account, image, remembered=True)
    passed_over = [
        f"{each} {getattr(options, each)}"
        for each in OPTION_NAMES
        if getattr(options, each) != getattr(meant, each)
    ]
    if options.faults:
        passed_over.append("options that name nothing")
    return meant, tuple(passed_over)


def keep_meant(
    raw: Mapping[str, object], meant: Options, others: Collection[str]
) -> dict[str, object]:
    """Return stored ``user_options`` without what was passed over; ``others`` are not ours."""
    named = {name: getattr(meant, name) for name in OPTION_NAMES} | {PROFILE: meant.tier}
    return {key: value for key, value in raw.items() if key in others or value == named.get(key)}


def _find_only_account(accounts: tuple[str, ...]) -> str:
    """Return the account of a user who has exactly one; empty for others."""
    return accounts[0] if len(accounts) == 1 else ""
