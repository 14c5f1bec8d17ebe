"""Options of a start: tier, size, account, image; in this request, or at an earlier start."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, NamedTuple, Protocol

from jupyterhub_platform.core.image_references import MAX_LENGTH
from jupyterhub_platform.core.levels import Level
from jupyterhub_platform.core.offers import Asking, list_images, list_sizes
from jupyterhub_platform.core.policy import Policy
from jupyterhub_platform.core.tiers import label_of

OPTION_NAMES: Final = ("tier", "size", "account", "image")
PROFILE: Final = "profile"
"""KubeSpawner's name, and that of packages built on it, for the option that names a tier."""
_MAX_OPTION_LENGTH: Final = 64
_MAX_FAULTS: Final = 5


@dataclass(frozen=True, slots=True)
class Options:
    """What a person named: a tier, its size, an account, an image; empty where they left it open.

    ``faults`` says what was wrong with what they sent. Options only name things. ``remembered``
    ones were not named in this request: the server was started with them before.
    """

    tier: str = ""
    account: str = ""
    image: str = ""
    faults: tuple[str, ...] = ()
    remembered: bool = False
    size: str = ""


def read_options(raw: object, *, remembered: bool = False) -> Options:
    """Read ``user_options``, strictly: known keys, text values, nothing else.

    A ``profile`` is a tier by another name, and ``gpu/large`` a tier in a size. Never raises: what
    is wrong becomes a denial, like every other reason.
    """
    options = _read_options(raw)
    return replace(options, remembered=True) if remembered else options


def _read_options(raw: object) -> Options:
    if raw is None:
        return Options()
    if not isinstance(raw, Mapping):
        what = "Options are an object with the keys tier, size, account and image."
        return Options(faults=(what,))
    faults: list[str] = []
    named: dict[str, str] = {}
    for key, value in raw.items():
        if key not in (*OPTION_NAMES, PROFILE):
            faults.append(f"{str(key)[:_MAX_OPTION_LENGTH]!a} is not an option.")
        elif not isinstance(value, str):
            faults.append(f"The option {key} is a name, not a {_json_type(value)}.")
        elif not _is_name(key, value):
            faults.append(f"The option {key} is not a name.")
        else:
            named[key] = value
    faults += _fold_names(named)
    if len(faults) > _MAX_FAULTS:
        faults[_MAX_FAULTS:] = ["There are more faults in the options."]
    tier, size, account, image = (named.get(name, "") for name in OPTION_NAMES)
    return Options(tier, account, image, tuple(faults), size=size)


def _fold_names(named: dict[str, str]) -> Iterator[str]:
    """Fold other ways to name tier and size into those options; yield what contradicts itself."""
    profile = named.pop(PROFILE, "")
    if profile and named.get("tier", profile) not in {profile, ""}:
        yield "The options tier and profile name different tiers."
    elif profile:
        named["tier"] = profile
    tier, slash, size = named.get("tier", "").partition("/")
    if slash and named.get("size", size) not in {size, ""}:
        yield "The options tier and size name different sizes."
    elif slash:
        named |= {"tier": tier, "size": size}


def _is_name(key: str, value: str) -> bool:
    parts = value.split("/", 1) if key in {"tier", PROFILE} else [value]
    longest = MAX_LENGTH if key == "image" else _MAX_OPTION_LENGTH
    return value.isprintable() and all(len(part) <= longest for part in parts)


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


class Filled(NamedTuple):
    """Tier, size, account and image of a start, with defaults; empty where that is not settled."""

    tier: str
    size: str
    account: str
    image: str


def fill_in(policy: Policy, options: Options, asker: Asker) -> Filled:
    """Fill in the defaults for what was left open: the first that is open to the asker."""
    tier = options.tier or policy.defaults.tier
    account = options.account or _find_only_account(asker.accounts)
    known = policy.tiers.get(tier)
    if known is None:
        return Filled(tier, options.size, account, options.image)
    asking = Asking(asker.name, asker.level, account)
    size, image = options.size, options.image
    if not size and known.sizes:
        size = next(iter(list_sizes(known, asking)), known.sizes[0].name)
    if not image:
        images = list_images(policy, known, asking)
        image = next(iter((*images.names, *images.closed)), "")
    return Filled(tier, size, account, image)


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
    asking = Asking(asker.name, asker.level, charged)
    image = size = ""
    if known is not None:
        image = options.image if list_images(policy, known, asking).has(options.image) else ""
        # A size is one of its tier: without that, it means nothing.
        is_theirs = tier != "" and options.size in list_sizes(known, asking)
        size = options.size if is_theirs else ""
    meant = Options(tier, account, image, remembered=True, size=size)
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
    label = label_of(meant.tier, meant.size)
    named: dict[str, list[object]] = {name: [getattr(meant, name)] for name in OPTION_NAMES}
    named |= {name: [meant.tier, label] for name in ("tier", PROFILE)}
    return {
        key: value for key, value in raw.items() if key in others or value in named.get(key, ())
    }


def _find_only_account(accounts: tuple[str, ...]) -> str:
    """Return the account of a user who has exactly one; empty for others."""
    return accounts[0] if len(accounts) == 1 else ""
