"""Checks that the Hub is well: its store, the policy in force, its settings, what is held."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from jupyterhub_platform.core.errors import Fault
from jupyterhub_platform.deploy.doctor.facts import DoctorFacts
from jupyterhub_platform.deploy.doctor.findings import Finding, failed, unknown, warning

MAX_SHOWN: Final = 3
_LOOKS_MISSED: Final = 5


def check_hub(facts: DoctorFacts) -> Iterator[Finding]:
    """Find out whether the Hub answers."""
    hub = facts.hub
    if hub is not None and hub.unreachable:
        yield failed(
            hub.unreachable,
            "Users cannot start servers, and nothing about the Hub can be looked at.",
            "See that the Hub runs and reads your token: its log says why, and the token needs "
            "custom:platform:read, operate or admin.",
        )


def check_store(facts: DoctorFacts) -> Iterator[Finding]:
    """Find out whether the store answers."""
    store = _part(facts, "store")
    if store.get("fault"):
        yield failed(
            f"The store cannot be used: {store['fault']}.",
            "No start is admitted until it answers. Running servers are not affected.",
            "Bring the database back; docs/operations.md, “When something fails”, has the commands."
            " The Hub then recovers by itself.",
        )
    if store.get("waiting"):
        yield warning(
            f"{store['waiting']} entries wait to be written into the store.",
            "Servers that ended in between count as held in the ledger until they are.",
            "Bring the database back; they are entered by themselves.",
        )


def check_schema(facts: DoctorFacts) -> Iterator[Finding]:
    """Find out whether the store has the schema that this Hub's code knows."""
    store = _part(facts, "store")
    found, known = store.get("schema"), store.get("newest_schema")
    if found is None:
        yield unknown(
            "The schema version of the store is not known.",
            "A schema of another version of the platform breaks the Hub at its next start.",
            "Bring the database back, and run jhp doctor again.",
        )
    elif found != known:
        yield failed(
            f"The store has schema version {found}, and the Hub that runs knows {known}.",
            "Another version of the platform has used this store; the Hub will not start again.",
            "Restart the Hub with the version that wrote it, or restore the backup from before.",
        )


def check_policy(facts: DoctorFacts) -> Iterator[Finding]:
    """Find out whether the Hub's policy file is the policy in force."""
    policy = _part(facts, "policy")
    faults = [str(fault) for fault in policy.get("faults", ())]
    if faults:
        yield failed(
            f"The policy file has {count(len(faults), 'fault')}, so that the last good policy, "
            f"revision {policy['revision']}, stays in force: {_first(faults)}",
            "Changes in the file have no effect, even after a restart of the Hub.",
            f"Correct {policy['file']}: each fault says its line and the fix. "
            f"jhp validate FILE says them all.",
        )
    elif policy.get("digest") not in {None, policy.get("file_digest")}:
        yield warning(
            f"The policy file is not the policy in force, which is revision {policy['revision']}.",
            "Changes in the file have no effect yet.",
            "curl -X POST -H 'Authorization: token …' HUB/hub/api/platform/reload; where a file is "
            "watched, it is taken up within seconds.",
        )


def check_file(facts: DoctorFacts) -> Iterator[Finding]:
    """Find out whether the file named here is valid, and the one in force."""
    file, in_force = facts.file, _part(facts, "policy")
    if file is None:
        return
    if file.faults:
        yield failed(
            f"{file.name} has {count(len(file.faults), 'fault')}: {_first(_render(file.faults))}",
            "The Hub would refuse it, and its tiers cannot be compared with the cluster.",
            f"jhp validate {file.name}",
        )
    elif in_force.get("digest") not in {None, file.digest}:
        yield warning(
            f"{file.name} is not the policy in force, which is revision {in_force['revision']}.",
            "What is said here about tiers is about the file, not about the Hub.",
            "Bring the file to the Hub, or name the one that it has with --file.",
        )


def check_settings(facts: DoctorFacts) -> Iterator[Finding]:
    """Find out which settings of JupyterHub's a site made weaker."""
    hub = facts.hub
    for weakened in hub.settings.get("weakened", ()) if hub else ():
        yield warning(
            f"{weakened['setting']} is weaker than the platform's own value.",
            str(weakened["sentence"]),
            f"Remove {weakened['setting']} from the Hub's configuration, and restart the Hub.",
        )
    for refused in hub.settings.get("refused_roles", ()) if hub else ():
        yield warning(
            f"A part of the role {refused['role']} is refused.",
            str(refused["sentence"]),
            "Change it in c.JupyterHub.load_roles as that says, and restart the Hub.",
        )


def check_memberships(facts: DoctorFacts) -> Iterator[Finding]:
    """Find out whether the Hub's users and groups follow the policy in force."""
    memberships = _part(facts, "memberships")
    if memberships.get("fault"):
        yield failed(
            f"Users and groups do not follow the policy: {memberships['fault']}.",
            "Levels, scopes and groups in the Hub are those of an earlier policy.",
            "If the store is down, bring it back. It is tried again by itself, at least once a "
            "minute; the Hub's log says more.",
        )


def check_drift(facts: DoctorFacts) -> Iterator[Finding]:
    """Find out whether book, servers and ledger agree, and are being compared."""
    checker = _part(facts, "checker")
    for drift in checker.get("drift", ()):
        yield failed(
            f"Drift ({drift['kind']}): {drift['detail']}",
            "What is held is not what the Hub believes: starts are refused, or admitted wrongly.",
            "Restart the Hub; no server stops. It makes book and ledger equal to what runs.",
        )
    seconds, looked_at = checker.get("seconds"), checker.get("looked_at")
    if not seconds:
        yield warning(
            "Book, servers and ledger are not compared: c.Platform.check_seconds is 0.",
            "A difference would go unnoticed.",
            "Remove c.Platform.check_seconds from the Hub's configuration, and restart the Hub.",
        )
    elif looked_at is not None and _is_old(facts, looked_at, seconds):
        yield warning(
            f"Book, servers and ledger were last compared at {looked_at}.",
            f"They are to be compared every {seconds:g} seconds; a difference goes unnoticed.",
            "If the store is down, bring it back. Otherwise restart the Hub; no server stops.",
        )


def check_notices(facts: DoctorFacts) -> Iterator[Finding]:
    """Find out whether notices arrive by each channel that is configured."""
    for channel in _channels(facts):
        name, failures = f"{channel['channel']} at {channel['target']}", channel["failed"]
        if channel["error"]:
            waiting = count(channel["waiting"], "notice")
            yield warning(
                f"Notices do not arrive by {name}: {channel['error']} {waiting} waiting, "
                f"{failures} failed.",
                "People are not told of requests and grants; they find them on their pages.",
                "Repair it; jhp notices test tries it, and jhp notices retry sends failed ones.",
            )


def _channels(facts: DoctorFacts) -> list[Mapping[str, Any]]:
    """Return the channels of notices; none of a Hub that is older than they are."""
    found = facts.hub.health.get("notices") if facts.hub else None
    return found if isinstance(found, list) else []


def _is_old(facts: DoctorFacts, looked_at: str, seconds: float) -> bool:
    hub = facts.hub
    now = datetime.fromisoformat(hub.health["now"]) if hub else datetime.fromisoformat(looked_at)
    return now - datetime.fromisoformat(looked_at) > timedelta(seconds=seconds * _LOOKS_MISSED)


def _part(facts: DoctorFacts, name: str) -> Mapping[str, Any]:
    found = facts.hub.health.get(name) if facts.hub else None
    return found if isinstance(found, Mapping) else {}


def _render(faults: tuple[Fault, ...]) -> list[str]:
    return [str(fault) for fault in faults]


def _first(faults: list[str]) -> str:
    more = len(faults) - MAX_SHOWN
    return " · ".join(faults[:MAX_SHOWN]) + (f" · and {more} more" if more > 0 else "")


def count(number: int, noun: str) -> str:
    """Say how many of something there are."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
