"""Explains rejections by the cluster's admission: one sentence for each known reason."""

import re
from collections.abc import Callable, Mapping
from typing import Final

from jupyterhub_platform.core.errors import QuantityError
from jupyterhub_platform.core.quantities import describe_amount, parse_quantity
from jupyterhub_platform.core.resource_names import CPU, MEMORY, is_accelerator
from jupyterhub_platform.hub.denials import AdmissionDenied

_QUOTA: Final = re.compile(
    r"exceeded quota: (?P<quota>[^\s,]{1,253}), requested: (?P<requested>\S+), "
    r"used: (?P<used>\S+), limited: (?P<limited>\S+)"
)
_RANGE: Final = re.compile(
    r"(?P<bound>maximum|minimum) (?P<resource>[A-Za-z0-9./_-]{1,128}) usage per \w+ is "
    r"(?P<allowed>[^\s,\]]{1,32})[.,] but (?:limit|request) is (?P<asked>[^\s,\]]{1,32})"
)
_RATIO: Final = re.compile(
    r"(?P<resource>[A-Za-z0-9./_-]{1,128}) max limit to request ratio per \w+ is "
)
_REFUSED, _BUSY, _BROKEN = 400, 429, 500
_NAME: Final = r"(?P<name>[A-Za-z0-9][A-Za-z0-9.:_/-]{0,252})"
_ACCOUNT: Final = re.compile(rf'serviceaccount "{_NAME}" not found')
_PRIORITY: Final = re.compile(rf"no PriorityClass with name {_NAME} was found")
_RUNTIME: Final = re.compile(rf'RuntimeClass "{_NAME}" not found')
_WEBHOOK: Final = re.compile(rf'admission webhook "{_NAME}" denied the request')
_RULE: Final = re.compile(rf"ValidatingAdmissionPolicy '{_NAME}' .{{0,300}}denied request")
_STANDARD: Final = re.compile(r'violates PodSecurity "(?P<standard>baseline|restricted)[:"]')


def explain_rejection(status: int | None, message: str) -> AdmissionDenied | None:
    """Return the refusal that explains a rejection; ``None`` if the reason is unknown."""
    if status is None or not _REFUSED <= status < _BROKEN or status == _BUSY:
        return None
    for pattern, deny in _SORTED:
        if match := pattern.search(message):
            return deny(match)
    return None


def _over_quota(match: re.Match[str]) -> AdmissionDenied:
    requested, used, limited = (_amounts(match[key]) for key in ("requested", "used", "limited"))
    parts = [
        f"of {name} {_describe(name, limited.get(name))} are allowed, "
        f"{_describe(name, used.get(name))} "
        f"used and {_describe(name, asked)} asked for"
        for name, asked in requested.items()
    ]
    return AdmissionDenied(
        f"The quota {match['quota']} of the cluster's namespace leaves no room for this server: "
        f"{'; '.join(parts)}. Stop a server, choose a smaller tier, or ask an operator to raise "
        "that quota.",
        status=409,
        code="cluster.quota",
    )


def _out_of_range(match: re.Match[str]) -> AdmissionDenied:
    resource = match["resource"]
    side = "at most" if match["bound"] == "maximum" else "at least"
    bound, asked = (
        _describe(resource, match["allowed"]),
        _describe(resource, match["asked"]),
    )
    return AdmissionDenied(
        f"A LimitRange of the cluster's namespace allows {bound} of {resource} {side}, and this "
        f"server's pod has {asked}. Choose another tier, or ask an operator to bring that tier "
        "and the LimitRange together.",
        status=409,
        code="cluster.limit_range",
    )


def _out_of_ratio(match: re.Match[str]) -> AdmissionDenied:
    return AdmissionDenied(
        f"A LimitRange of the cluster's namespace keeps request and limit of {match['resource']} "
        "closer together than this server's tier has them. Choose another tier, or ask an operator "
        "to bring that tier and the LimitRange together.",
        status=409,
        code="cluster.limit_range",
    )


def _too_powerful(match: re.Match[str]) -> AdmissionDenied:
    return AdmissionDenied(
        f"The cluster's namespace takes pods of the security standard {match['standard']} only, "
        "and this Hub's are not. That is a fault in how the platform is set up, and trying again "
        "will not help. Tell an operator; the Hub's log says what is missing.",
        status=500,
        code="cluster.pod_security",
    )


def _missing(code: str, what: str, where: str) -> Callable[[re.Match[str]], AdmissionDenied]:
    def deny(match: re.Match[str]) -> AdmissionDenied:
        return AdmissionDenied(
            f"There is no {what} {match['name']} in the cluster, which this server's pod names. "
            f"Ask an operator to make it, or to correct {where}; until then choose a tier "
            "without it.",
            status=500,
            code=code,
        )

    return deny


def _denied_by(what: str) -> Callable[[re.Match[str]], AdmissionDenied]:
    def deny(match: re.Match[str]) -> AdmissionDenied:
        return AdmissionDenied(
            f"The cluster's {what} {match['name']} does not admit this server's pod, and trying "
            "again will not help. Choose another tier, or ask an operator: the Hub's log has its "
            "reason.",
            status=500,
            code="cluster.webhook",
        )

    return deny


_SORTED: Final = (
    # First: a webhook's message may contain the words of all others.
    (_WEBHOOK, _denied_by("admission webhook")),
    (_RULE, _denied_by("ValidatingAdmissionPolicy")),
    (
        _ACCOUNT,
        _missing(
            "cluster.no_service_account",
            "service account",
            "service_account of the tier or group, or c.KubeSpawner.service_account",
        ),
    ),
    (
        _PRIORITY,
        _missing(
            "cluster.no_priority_class",
            "PriorityClass",
            "priority_class of the tier, or c.KubeSpawner.priority_class_name",
        ),
    ),
    (
        _RUNTIME,
        _missing("cluster.no_runtime_class", "RuntimeClass", "runtime_class of the tier"),
    ),
    (_QUOTA, _over_quota),
    (_RANGE, _out_of_range),
    (_RATIO, _out_of_ratio),
    (_STANDARD, _too_powerful),
)
"""The cluster's rejections, by their wording."""


def _amounts(listed: str) -> Mapping[str, str]:
    pairs = (pair.partition("=") for pair in listed.split(","))
    return {name: amount for name, _, amount in pairs if name and amount}


def _describe(name: str, quantity: str | None) -> str:
    """Render an amount under a ResourceQuota's name, such as ``requests.cpu``, in users' units."""
    if quantity is None:
        return "an unknown amount"
    resource = name.removeprefix("requests.").removeprefix("limits.")
    if resource == "storage":
        resource = MEMORY
    known = resource in {CPU, MEMORY, "ephemeral-storage"} or is_accelerator(resource)
    if not known or name.startswith("count/"):
        return quantity
    try:
        return describe_amount(resource, parse_quantity(quantity, resource))
    except QuantityError:
        return quantity
