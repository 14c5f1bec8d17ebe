"""Gathers what ``jhp doctor`` checks: a policy file, a Hub, a cluster, saved nodes.

What was not named is left out, and reported; what was named wrongly is a usage error.
"""

import json
import os
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import click

from jupyterhub_platform.cli.audit.record import find_log, find_settings, read_heads, verify_record
from jupyterhub_platform.cli.hub.client import HubClient
from jupyterhub_platform.cli.state import State
from jupyterhub_platform.core.errors import PlatformError, PolicyError, StoreMismatchError
from jupyterhub_platform.core.manifests import Manifest
from jupyterhub_platform.core.policy import Policy
from jupyterhub_platform.deploy.cluster.connection import ClusterConfigurationError, Connection
from jupyterhub_platform.deploy.cluster.reader import read_cluster
from jupyterhub_platform.deploy.doctor.facts import Cluster, DoctorFacts, File, Hub
from jupyterhub_platform.deploy.doctor.rules.service_accounts import list_service_accounts
from jupyterhub_platform.policy_files import read_policy

HEALTH_KEYS: Final = ("now", "store", "policy", "checker")


@dataclass(frozen=True, slots=True)
class NamedCluster:
    """How a cluster was named on the command line."""

    kubeconfig: Path | None
    context: str | None
    namespace: str | None
    account: str | None

    @property
    def is_named(self) -> bool:
        """Whether it was named at all."""
        return bool(self.kubeconfig or self.context or self.namespace)

    def connect(self) -> Connection:
        """Connect to it: by the kubeconfig, or from the pod that this runs in.

        Raises
        ------
        ClusterConfigurationError
            Raised if that cannot be determined.
        """
        is_pod = "KUBERNETES_SERVICE_HOST" in os.environ
        if self.kubeconfig or self.context or not is_pod:
            return Connection.outside(self.kubeconfig, self.context)
        return Connection.inside()


def find_file(path: Path | None, skipped: list[str]) -> File | None:
    """Read the policy file; its faults are facts, too."""
    if path is None:
        skipped.append("The policy file, and what its tiers need: not checked; --file names it.")
        return None
    try:
        read = read_policy(path)
    except PolicyError as error:
        return File(str(path), faults=error.faults)
    return File(str(path), read.policy, read.digest)


def find_hub(url: str | None, state: Path, skipped: list[str]) -> Hub | None:
    """Ask the Hub about its health.

    Raises
    ------
    click.UsageError
        Raised if it was named wrongly, or there is no token for it.
    """
    if url is None and "token" not in State(state).read_json("command.json"):
        skipped.append(
            f"The Hub: not checked, since none was started from {state}; --state or --url names it."
        )
        return None
    try:
        client = HubClient.find(url, state)
    except PlatformError as error:
        raise click.UsageError(str(error)) from None
    with client:
        try:
            asked_at = datetime.now(UTC)
            health = client.get("platform/health", keys=HEALTH_KEYS)
            midway = asked_at + (datetime.now(UTC) - asked_at) / 2
            settings = client.get("platform/settings", keys=("weakened",))
            identity = client.get("platform/identity", keys=("providers",))
        except PlatformError as error:
            return Hub(unreachable=str(error))
    ahead = (datetime.fromisoformat(health["now"]) - midway).total_seconds()
    return Hub("", health, settings, ahead, identity)


def find_record(url: str | None, state: Path) -> dict[str, Any] | None:
    """Check a local store; for a remote Hub, its own health reports the result."""
    settings = find_settings(state)
    is_here = "PLATFORM_DB_URL" in os.environ or (state / "platform.sqlite").exists()
    if url is not None or not is_here:
        return None
    try:
        report = verify_record(settings, read_heads(find_log(settings)))
    except StoreMismatchError as error:
        finding = {"part": "store", "row": "", "what": str(error), "fix": "docs/operations.md"}
        return {"findings": [finding]}
    except click.UsageError as error:
        return {"unread": error.message}
    return {"findings": [asdict(finding) for finding in report.findings]}


def find_cluster(named: NamedCluster, policy: Policy | None, skipped: list[str]) -> Cluster | None:
    """Read a cluster that was named, or that this runs in.

    Raises
    ------
    click.UsageError
        Raised if it was named, and cannot be determined.
    """
    if not (named.is_named or "KUBERNETES_SERVICE_HOST" in os.environ):
        skipped.append("The cluster: not checked; --namespace, --context or --kubeconfig names it.")
        return None
    try:
        connection = named.connect()
    except ClusterConfigurationError as error:
        if named.is_named:
            raise click.UsageError(str(error)) from None
        skipped.append(f"The cluster: not checked. {error}")
        return None
    with closing(connection):
        namespace = named.namespace or connection.namespace
        return read_cluster(connection, namespace, named.account, list_service_accounts(policy))


def note_homes(facts: DoctorFacts, skipped: list[str]) -> None:
    """Report that homes are not checked if no tier has one."""
    if facts.has("api") and facts.has("policy") and not facts.has("homes"):
        skipped.append(
            "Storage classes: not checked, since no tier of the policy has a home. The volumes in "
            "the Hub's own configuration are not known here."
        )


def read_node(path: Path) -> Manifest:
    """Read a saved node.

    Raises
    ------
    click.UsageError
        Raised if the file does not hold one.
    """
    try:
        node = json.loads(path.read_text())
    except ValueError as error:
        raise click.UsageError(f"{path} is not JSON: {error}") from None
    if not isinstance(node, dict) or node.get("kind") != "Node":
        raise click.UsageError(f"{path} is not a node; kubectl get node NAME -o json writes one.")
    return node
