"""The result of a check: its status, and for each problem what, why it matters and the fix."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from jupyterhub_platform.deploy.doctor.facts import DoctorFacts, Objects


class Status(StrEnum):
    """The status of a check, from well to bad."""

    OK = "ok"
    UNKNOWN = "unknown"
    WARNING = "warning"
    FAILED = "failed"

    @property
    def severity(self) -> int:
        """How bad it is, for the worst of several."""
        return list(Status).index(self)


@dataclass(frozen=True, slots=True)
class Finding:
    """One problem: what it is, why it matters, and exactly what to do."""

    status: Status
    what: str
    why: str
    fix: str


def failed(what: str, why: str, fix: str) -> Finding:
    """Make a finding of what does not work."""
    return Finding(Status.FAILED, what, why, fix)


def warning(what: str, why: str, fix: str) -> Finding:
    """Make a finding of what works now and may not always."""
    return Finding(Status.WARNING, what, why, fix)


def unknown(what: str, why: str, fix: str) -> Finding:
    """Make a finding of what could not be found out."""
    return Finding(Status.UNKNOWN, what, why, fix)


READ_RIGHTS: Final = (
    "kubectl apply -f helm-values/doctor-role.yaml && kubectl create clusterrolebinding "
    "jupyterhub-platform-doctor --clusterrole jupyterhub-platform-doctor --user YOU"
)
"""Gives a user the rights that the checks read with."""
FROM_OUTSIDE: Final = (
    "Run jhp doctor outside of the Hub's pod, with --namespace and a kubeconfig of yours: here it "
    "reads with the Hub's own rights, which are to stay as few as they are."
)


def read_rights(objects: Objects) -> str:
    """Say how objects can be read that could not be: never by widening what the Hub may do."""
    return FROM_OUTSIDE if objects.as_hub else READ_RIGHTS


def unread(whose: str, objects: Objects, why: str) -> Iterator[Finding]:
    """Yield that objects could not be read, if that is so."""
    if objects.unread:
        yield unknown(f"{whose} {objects.unread}.", why, read_rights(objects))


def describe_tiers(names: Sequence[str]) -> str:
    """Name one tier or several within a sentence."""
    return f"tier {names[0]}" if len(names) == 1 else f"the tiers {', '.join(names)}"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing to check.

    Attributes
    ----------
    code
        Its stable name.
    needs
        What :meth:`DoctorFacts.has` must be true of; it is left out otherwise.
    message
        What it says if it finds nothing.
    find
        Yields what is not well; pure.
    """

    code: str
    needs: tuple[str, ...]
    message: str
    find: Callable[[DoctorFacts], Iterable[Finding]]


@dataclass(frozen=True, slots=True)
class Result:
    """What one check found."""

    check: Check
    findings: tuple[Finding, ...]

    @property
    def status(self) -> Status:
        """The worst of what was found."""
        statuses = (finding.status for finding in self.findings)
        return max(statuses, key=lambda status: status.severity, default=Status.OK)

    def to_json(self) -> dict[str, Any]:
        """Render for ``--json``."""
        return {
            "code": self.check.code,
            "status": str(self.status),
            "message": self.check.message if not self.findings else None,
            "findings": [
                {"status": str(each.status), "what": each.what, "why": each.why, "fix": each.fix}
                for each in self.findings
            ],
        }
