"""Turns errors of the Kubernetes API into sentences for users and lines for the log.

Kubernetes' own text never reaches a page or an API of ours, except for the amounts of a quota: it
may repeat what was sent, and a pod carries its server's token. SpawnExceptions, unlike Kubernetes'
own errors, do not count towards the failures after which a Hub gives up.
"""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Final

from kubernetes_asyncio.client import ApiException

from jupyterhub_platform.core.causes import Cause
from jupyterhub_platform.core.manifests import Manifest, items, part
from jupyterhub_platform.hub.denials import AdmissionDenied
from jupyterhub_platform.hub.kubernetes.guard.check import EXCEEDS, Violation
from jupyterhub_platform.hub.kubernetes.rejections import explain_rejection
from jupyterhub_platform.hub.retry_after import retry_after

BUSY: Final = frozenset({429, 500, 502, 503, 504})
"""Statuses with which the cluster says "later": a retry may succeed."""
RETRY_SECONDS: Final = 30

_MAX_DIGITS: Final = 6
_MAX_LOGGED: Final = 1024
_MAX_READ: Final = 8192
_SECRET_NAME: Final = re.compile(r"TOKEN|SECRET|PASSW|CREDENTIAL|KEY", re.IGNORECASE)


def read_message(error: ApiException) -> str:
    """Return the API's message in ``error``, without the headers and the rest of the answer."""
    try:
        answer = json.loads(error.body or "")
    except (TypeError, ValueError):
        return ""
    message = answer.get("message", "") if isinstance(answer, dict) else ""
    return str(message)[:_MAX_READ]


def secrets_in(pod: Manifest) -> frozenset[str]:
    """Return the values in a pod's environment that no log may hold, by their names."""
    spec = part(pod, "spec")
    variables = (
        variable
        for key in ("containers", "initContainers")
        for container in items(spec, key)
        for variable in items(container, "env")
    )
    return frozenset(
        str(variable["value"])
        for variable in variables
        if variable.get("value") and _SECRET_NAME.search(str(variable.get("name", "")))
    )


def for_log(error: ApiException, secrets: Iterable[str]) -> str:
    """Describe ``error`` in one line for the log, without any of ``secrets``."""
    message = read_message(error)
    # Longest first: a secret may be part of another.
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        message = message.replace(secret, "[redacted]")
    return f"HTTP {error.status}: {message[:_MAX_LOGGED]!a}"


def explain(error: ApiException) -> AdmissionDenied:
    """Turn the API's answer into a sentence that a user can act on."""
    if (rejected := explain_rejection(error.status, read_message(error))) is not None:
        return rejected
    if error.status in BUSY:
        return busy(wanted_seconds(error))
    return AdmissionDenied(
        "The cluster refused to create this server. That is a fault in how the platform is set up, "
        "and trying again will not help. Tell an operator; the Hub's log says why.",
        status=500,
        code="cluster.refused",
    )


def wanted_seconds(error: ApiException) -> int:
    """Return the cluster's ``Retry-After`` in seconds."""
    headers: Mapping[str, str] = error.headers or {}
    wanted = headers.get("Retry-After", "")
    return int(wanted) if wanted.isdecimal() and len(wanted) < _MAX_DIGITS else 0


def busy(wanted: int = 0) -> AdmissionDenied:
    """Create the refusal of a start that the cluster was too busy for, with its retry delay."""
    return _retry_later(
        "The cluster is too busy to start this server. Nothing was started. Try again in a minute.",
        "cluster.busy",
        seconds=max(wanted, RETRY_SECONDS),
    )


def no_answer() -> AdmissionDenied:
    """Create the refusal of a start that the cluster did not answer."""
    return _retry_later(
        "The cluster does not answer, so this server could not be started. Whatever was begun "
        "is cleaned up. Try again in a minute.",
        "cluster.no_answer",
    )


def status_unknown() -> AdmissionDenied:
    """Create the answer to a poll or a stop that the cluster did not answer."""
    return _retry_later(
        "The cluster does not say whether this server runs, so nothing was done about it. "
        "Try again in a minute.",
        "cluster.no_answer",
    )


def not_ready(cause: Cause) -> AdmissionDenied:
    """Create the end of a start whose pod did not get ready in time, for a known cause."""
    is_full = cause.code.startswith("cluster.")
    refusal = AdmissionDenied(str(cause), status=503 if is_full else 500, code=cause.code)
    refusal.cause = cause
    return retry_after(refusal, RETRY_SECONDS) if is_full else refusal


def still_leaving() -> AdmissionDenied:
    """Create the refusal of a start whose earlier pod is still terminating."""
    return _retry_later(
        "The last run of this server has not ended yet: its pod is still shutting down. "
        "Try again in a minute.",
        "cluster.still_leaving",
    )


def _retry_later(sentence: str, code: str, seconds: int = RETRY_SECONDS) -> AdmissionDenied:
    return retry_after(AdmissionDenied(sentence, status=503, code=code), seconds)


def name_taken(pod: str, namespace: str) -> AdmissionDenied:
    """Create the refusal of a start whose pod name another owner's pod has."""
    return AdmissionDenied(
        f"The pod {pod} exists already in the namespace {namespace} and does not belong to this "
        "server, so it was left alone. Start a server with another name, or ask an operator to "
        "look at that pod.",
        status=409,
        code="cluster.name_taken",
    )


def claim_not_readable(claim: str) -> AdmissionDenied:
    """Create the refusal of a start whose claim the cluster does not let the Hub look up."""
    return AdmissionDenied(
        f"The cluster does not say whether the volume {claim} exists, so nothing was started: "
        "otherwise a new, empty one could take the place of your files. Ask an operator whether "
        "the Hub's Role has get on persistentvolumeclaims; the Hub's log has the answer.",
        status=500,
        code="pod.volume_not_said",
    )


def another_users_claim(claim: str) -> AdmissionDenied:
    """Create the refusal of a start whose claim was made for another user before an upgrade."""
    return AdmissionDenied(
        f"The volume {claim}, which this server would use, was made for another user whose name "
        "was written like that before an upgrade, so it was left alone and nothing was started. "
        "Ask an operator to give this user another name, or to change "
        "c.KubeSpawner.pvc_name_template; the Hub's log says whose it is.",
        status=409,
        code="pod.volume_taken",
    )


def misconfigured(setting: str) -> AdmissionDenied:
    """Create the refusal of a start that an operator's setting would break."""
    return _at_fault(
        f"The setting {setting} replaces what the Hub itself puts into a pod, so that no server "
        "could work. Ask an operator to use c.KubeSpawner.environment or extra_containers instead."
    )


def unreadable(fault: str) -> AdmissionDenied:
    """Create the refusal of a start whose settings do not make a valid pod."""
    return _at_fault(
        f"A setting of this site does not make a valid pod: {fault[:200]}. Nothing was started. "
        "Ask an operator to look at c.KubeSpawner's volumes, containers and extra_pod_config."
    )


def not_a_pod() -> AdmissionDenied:
    """Create the refusal of a start whose manifest is invalid after the operator's hook."""
    return _at_fault(
        "The site's own modify_pod_hook returned no pod, so nothing was started. "
        "Ask an operator to return the pod from it."
    )


def _at_fault(sentence: str) -> AdmissionDenied:
    return AdmissionDenied(sentence, status=500, code="pod.configuration")


def pod_rejected(violations: tuple[Violation, ...]) -> AdmissionDenied:
    """Create the refusal of a pod that exceeds what was admitted."""
    first = violations[0]
    more = f" and {len(violations) - 1} more" if len(violations) > 1 else ""
    goes = (
        "asks for more than was reserved" if first.code == EXCEEDS else "is not what was admitted"
    )
    return AdmissionDenied(
        f"This server was not started, because its pod {goes}: {first}{more}. A setting of this "
        "Hub adds that, not you. Ask an operator to correct it; the Hub's log names every place.",
        status=409,
        code=first.code,
    )
