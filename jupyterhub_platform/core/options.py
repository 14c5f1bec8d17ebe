"""Options of a start: tier, size, account, image; in this request, or at an earlier start."""

from collections.abc import Collection, Iterable, Iterator, Mapping
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


class ChosenAccount(NamedTuple):
    """The account of a start that names none; empty without one. ``rule`` is what says so.

    That is a key path of the policy, or one of the two below.
    """

    name: str
    rule: str

    def say_why(self, whose: str) -> str:
        """Say why it is the account; ``whose`` account, such as ``your`` or ``kim's``."""
        if self.rule.startswith("users."):
            return f"It is {whose} default account."
        if self.rule.startswith("groups."):
            return "It is the default account of this platform."
        return f"It was charged for {whose} last server." if self.rule == CHARGED_LAST else ""


CHARGED_LAST: Final = "charged last"
ONLY_ONE: Final = "the only one"
NO_ACCOUNT: Final = ChosenAccount("", "")


def choose_account(policy: Policy, asker: Asker, used: Iterable[str] = ()) -> ChosenAccount:
    """Return the account of a start that names none.

    It is the one that the policy names for this person, or one ``used`` before, the latest first,
    or the first group that is marked as default, or the only one. A group that they have left is
    passed over, so that no start is refused for what it does not name.
    """
    person = policy.people.get(asker.name)
    candidates = (
        (person.account if person else "", f"users.{asker.name}.account"),
        *((name, CHARGED_LAST) for name in used),
        *((name, f"groups.{name}.default") for name in policy.default_groups),
        *((name, ONLY_ONE) for name in asker.accounts if len(asker.accounts) == 1),
    )
    theirs = (ChosenAccount(*each) for each in candidates if each[0] in asker.accounts)
    return next(theirs, NO_ACCOUNT)


class Filled(NamedTuple):
    """Tier, size, account and image of a start, with defaults; empty where that is not settled."""

    tier: str
    size: str
    account: str
    image: str


def fill_in(policy: Policy, options: Options, asker: Asker, last_account: str = "") -> Filled:
    """Fill in the defaults for what was left open: the first that is open to the asker."""
    tier = options.tier or policy.defaults.tier
    account = options.account or choose_account(policy, asker, (last_account,)).name
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
    policy: Policy, options: Options, asker: Asker, now: datetime, last_account: str = ""
) -> tuple[Options, tuple[str, ...]]:
    """Return options without what is gone, or is not this person's any more, and that beside them.

    Only remembered ones: this request did not name them, so a default takes their place. The
    account that the policy names for this person does so, too, where the tier can be used in it.
    """
    if not options.remembered:
        return options, ()
    known = policy.tiers.get(options.tier)

    def is_theirs(charged: str) -> bool:
        # Without a level or an account there is nothing to tell of tiers, and another denial comes.
        if known is None or asker.level is None or not charged:
            return known is not None
        return policy.may_use(known, asker.name, asker.level, charged, now)

    account = options.account if options.account in asker.accounts else ""
    charged = choose_account(policy, asker, (account, last_account)).name
    if account and (is_theirs(account) and not is_theirs(charged)):
        charged = account
    account = charged if account else ""
    tier = options.tier if is_theirs(charged) else ""
    known = policy.tiers.get(tier or policy.defaults.tier)
    asking = Asking(asker.name, asker.level, charged)
    image = size = ""
    if known is not None:
        image = options.image if list_images(policy, known, asking).has(options.image) else ""
        # A size is one of its tier: without that, it means nothing.
        has_size = tier != "" and options.size in list_sizes(known, asking)
        size = options.size if has_size else ""
    meant = Options(tier, account, image, remembered=True, size=size)
    passed_over = [
        f"{each} {getattr(options, each)}"
        for each in OPTION_NAMES
        if getattr(options, each) != getattr(meant, each)
        and not (each == "account" and options.account in asker.accounts)
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
