"""The answers that a repository is made of: a line each, checked, and read into what they mean."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Final
from urllib.parse import urlsplit

from jupyterhub_platform.core.document.schema_deployment import ON_AWS
from jupyterhub_platform.core.errors import IdentityError, QuantityError
from jupyterhub_platform.core.identity import check_name, normalise_user
from jupyterhub_platform.core.quantities import parse_quantity
from jupyterhub_platform.core.resource_names import MEMORY
from jupyterhub_platform.deploy.repository.pools import AnswerError, Pool

TARGETS: Final = ("laptop", "cluster", "eks", "eks-govcloud", "other")
LOCAL: Final = "local"
NONE: Final = "none"
PIPELINES: Final = ("github", "gitlab", NONE)
_ENGINES: Final = {NONE: 0, "push": 0, "argocd": 1, "flux": 1}
_QUOTA: Final = re.compile(r"(\d{1,5})\s*,\s*(\d{1,5})")
_HOST: Final = re.compile(r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?(?::\d{1,5})?(?:/[a-z0-9._/-]+)?")
_MAIL: Final = re.compile(r"[^@\s<>,]{1,64}@[A-Za-z0-9.-]{1,190}")


@dataclass(frozen=True, slots=True)
class Place:
    """Where it runs; region and account are of AWS alone."""

    target: str
    region: str = ""
    account: str = ""

    @property
    def is_aws(self) -> bool:
        """Whether Amazon runs it."""
        return self.target in ON_AWS


@dataclass(frozen=True, slots=True)
class Provider:
    """Where users log in: nothing of it is of local accounts."""

    kind: str
    issuer: str = ""
    client: str = ""


@dataclass(frozen=True, slots=True)
class Home:
    """The volume of a user: its size, and its StorageClass."""

    size: str
    storage_class: str = ""


@dataclass(frozen=True, slots=True)
class Egress:
    """What servers reach: the internet, or the ranges that are named; and where images are."""

    registry: str = ""
    ranges: tuple[str, ...] = ()
    internet: bool = False


@dataclass(frozen=True, slots=True)
class Secrets:
    """Where secrets are: a backend, and what it needs to find them."""

    backend: str
    where: str = ""


@dataclass(frozen=True, slots=True)
class Engine:
    """What brings commits into force, from which repository, and whose pipeline checks it."""

    engine: str
    repository: str = ""
    pipeline: str = "github"


def read_place(text: str) -> Place:
    """Read a target; on AWS with a region and an account.

    Raises
    ------
    AnswerError
        Raised if it is none.
    """
    target, *rest = text.split() or [""]
    if target not in TARGETS:
        raise AnswerError(f"“{target}” is no target. Answer one of {', '.join(TARGETS)}.")
    if target not in ON_AWS:
        if rest:
            raise AnswerError(f"{target} needs nothing after it. Answer {target}.")
        return Place(target)
    is_gov = target == "eks-govcloud"
    region = "us-gov-west-1" if is_gov else "eu-central-1"
    if len(rest) != 2 or not re.fullmatch(r"\d{12}", rest[1]):
        raise AnswerError(
            f"{target} needs a region and an account. Answer for example "
            f"{target} {region} 123456789012."
        )
    if rest[0].startswith("us-gov-") != is_gov:
        raise AnswerError(f"“{rest[0]}” is not a region of {target}. Answer for example {region}.")
    return Place(target, *rest)


def read_address(text: str, place: Place) -> str:
    """Read the address of the Hub; empty if an operator forwards a port.

    Raises
    ------
    AnswerError
        Raised if it is none, or plain HTTP where a load balancer is.
    """
    if text == NONE:
        if place.is_aws:
            raise AnswerError("Users come in through a load balancer. Answer https://HOST.")
        return ""
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username:
        raise AnswerError(f"“{text}” is not an address. Answer https://HOST, or {NONE}.")
    if parts.scheme == "http" and place.target not in {"laptop", "cluster"}:
        raise AnswerError("Passwords would cross the network as plain text. Answer https://HOST.")
    return text.rstrip("/")


def read_provider(text: str) -> Provider:
    """Read where users log in: ``local``, ``oidc ISSUER CLIENT-ID`` or ``github CLIENT-ID``.

    Raises
    ------
    AnswerError
        Raised if it is none of these.
    """
    kind, *rest = text.split() or [""]
    if kind == LOCAL and not rest:
        return Provider(LOCAL)
    if kind == "oidc" and len(rest) == 2 and rest[0].startswith("https://"):
        return Provider("oidc", rest[0], rest[1])
    if kind == "github" and len(rest) == 1:
        return Provider("github", client=rest[0])
    raise AnswerError(
        f"Answer {LOCAL}, or oidc https://ISSUER CLIENT-ID, or github CLIENT-ID. The secret is "
        "not asked for here."
    )


def read_admin(text: str) -> str:
    """Read the user name of the first admin.

    Raises
    ------
    AnswerError
        Raised if it is not a name.
    """
    try:
        return normalise_user(text)
    except IdentityError as error:
        raise AnswerError(f"{error}.") from None


def read_groups(text: str) -> dict[str, tuple[str, ...]]:
    """Read groups with their members: ``vision: kim lee, language``.

    Raises
    ------
    AnswerError
        Raised if a name is none, or a group occurs twice.
    """
    groups: dict[str, tuple[str, ...]] = {}
    for part in filter(None, (each.strip() for each in text.split(","))):
        name, _, members = part.partition(":")
        try:
            check_name(name.strip(), "group")
            people = tuple(normalise_user(each) for each in members.split())
        except IdentityError as error:
            raise AnswerError(f"{error}.") from None
        if name.strip() in groups:
            raise AnswerError(f"“{name.strip()}” occurs twice. Name each group once.")
        groups[name.strip()] = people
    if not groups:
        raise AnswerError("Servers are charged to groups: name at least one, such as research.")
    return groups


def read_quota(text: str) -> tuple[int, int]:
    """Read how many servers a user and a group may have at once: ``2, 10``.

    Raises
    ------
    AnswerError
        Raised if these are no two numbers, or the second is smaller.
    """
    found = _QUOTA.fullmatch(text.strip())
    if not found or not 0 < int(found[1]) <= int(found[2]):
        raise AnswerError("Answer two numbers, servers of a user and of a group, such as 2, 10.")
    return int(found[1]), int(found[2])


def read_home(text: str) -> Home | None:
    """Read the size of homes and their StorageClass: ``10Gi gp3``; ``none`` for no volume.

    Raises
    ------
    AnswerError
        Raised if the size is none.
    """
    if text == NONE:
        return None
    size, *rest = text.split() or [""]
    try:
        if parse_quantity(size, MEMORY) < 2**20 or len(rest) > 1:
            raise AnswerError("Answer a size and a StorageClass, such as 10Gi, or 10Gi gp3.")
    except QuantityError as error:
        raise AnswerError(f"{error}.") from None
    return Home(size, *rest)


def read_egress(text: str, place: Place) -> Egress:
    """Read what servers reach: ``internet`` with your registry, or a mirror with ranges.

    Raises
    ------
    AnswerError
        Raised if it is neither, or nothing where nothing else is reached.
    """
    first, *rest = text.split() or [""]
    if first == "internet":
        if place.target == "eks-govcloud":
            raise AnswerError("Answer your mirror, and the ranges of AWS's endpoints: HOST CIDR.")
        if place.target == "other" and not rest:
            raise AnswerError("Nodes pull the images from somewhere: answer internet REGISTRY.")
        of_account = f"{place.account}.dkr.ecr.{place.region}.amazonaws.com"
        registry = rest[0] if rest else of_account if place.is_aws else ""
        if len(rest) > 1 or (registry and not _HOST.fullmatch(registry)):
            raise AnswerError("Answer internet, or internet REGISTRY, where your images are.")
        return Egress(registry, internet=True)
    if not _HOST.fullmatch(first):
        raise AnswerError("Answer internet, or the HOST/PATH of your mirror, then ranges.")
    ranges = tuple(map(_read_range, rest))
    if place.target == "eks-govcloud" and not ranges:
        raise AnswerError("Name the ranges of AWS's endpoints after the mirror: HOST CIDR.")
    return Egress(first, ranges)


def _read_range(text: str) -> str:
    try:
        return str(ip_network(text))
    except ValueError:
        raise AnswerError(f"“{text}” is not a range. Answer for example 10.0.64.0/24.") from None


def read_secrets(text: str, place: Place) -> Secrets:
    """Read where secrets are: a backend, then the path or the key that it needs.

    Raises
    ------
    AnswerError
        Raised if it is none, or something is missing.
    """
    backend, *rest = text.split() or [""]
    needs = {"kubernetes": 0, "external-secrets": 1, "sops": 1}
    if backend not in needs or len(rest) != needs[backend]:
        raise AnswerError(
            "Answer kubernetes, or external-secrets /PATH/IN/THE/STORE, or sops KEY. Never the "
            "secret itself."
        )
    if backend == "sops" and place.target == "eks-govcloud" and rest[0].startswith("age"):
        raise AnswerError("The cryptography of age is not validated. Name a key of AWS KMS.")
    return Secrets(backend, *rest)


def read_engine(text: str, place: Place) -> Engine:
    """Read what brings commits into force: ``push gitlab``, ``argocd REPOSITORY github``.

    The last word says whose pipeline checks merge requests; without it, it is GitHub's.

    Raises
    ------
    AnswerError
        Raised if it is none, or the engine has no repository.
    """
    engine, *rest = text.split() or [""]
    pipeline = rest.pop() if rest and rest[-1] in PIPELINES else PIPELINES[0]
    if engine not in _ENGINES or len(rest) != _ENGINES[engine]:
        raise AnswerError(
            "Answer none, push, argocd REPOSITORY or flux REPOSITORY, and then github or gitlab."
        )
    if place.target == "laptop" and engine in {"argocd", "flux"}:
        raise AnswerError(f"{engine} needs a cluster. Answer none or push.")
    return Engine(engine, rest[0] if rest else "", pipeline)


def read_alerts(text: str) -> tuple[str, ...]:
    """Read the e-mail addresses of those who are told of faults; ``none`` for nobody.

    Raises
    ------
    AnswerError
        Raised if one is not an address.
    """
    if text == NONE:
        return ()
    found = tuple(filter(None, re.split(r"[,\s]+", text)))
    for each in found:
        if not _MAIL.fullmatch(each):
            raise AnswerError(f"“{each}” is not an e-mail address. Answer NAME@HOST, or {NONE}.")
    return found


@dataclass(frozen=True, slots=True)
class Answers:
    """All answers, read."""

    place: Place
    address: str
    provider: Provider
    admin: str
    groups: Mapping[str, tuple[str, ...]]
    pools: tuple[Pool, ...]
    quota: tuple[int, int]
    home: Home | None
    egress: Egress
    secrets: Secrets
    engine: Engine
    alerts: tuple[str, ...]
