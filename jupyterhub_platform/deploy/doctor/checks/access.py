"""Checks that the API server answers, and that the Hub may do there what it has to."""

from collections.abc import Iterator

from jupyterhub_platform.deploy.doctor.facts import DoctorFacts
from jupyterhub_platform.deploy.doctor.findings import Finding, failed, unknown, unread


def check_api(facts: DoctorFacts) -> Iterator[Finding]:
    """Find out whether the API server answers."""
    cluster = facts.cluster
    if cluster is not None and cluster.unreachable:
        yield failed(
            f"The API server at {cluster.address} does not answer: {cluster.unreachable}.",
            "Nothing about the cluster can be looked at, and a Hub there starts no servers.",
            "kubectl cluster-info, with the same --kubeconfig and --context, says more; a private "
            "API server is reached from inside its network only.",
        )


def check_namespace(facts: DoctorFacts) -> Iterator[Finding]:
    """Find out whether the namespace is there."""
    cluster = facts.cluster
    if cluster is None:
        return
    found = cluster.of("namespaces")
    yield from unread(f"The namespace {cluster.namespace}", found, "It may not be there at all.")
    if not found.listed and not found.unread:
        yield failed(
            f"There is no namespace {cluster.namespace}.",
            "The other results about servers are for the wrong namespace.",
            "Name the one that the Hub and its servers are in: --namespace NAME",
        )


def check_role(facts: DoctorFacts) -> Iterator[Finding]:
    """Find out which verbs the Hub's service account lacks."""
    cluster = facts.cluster
    if cluster is None:
        return
    place = f"{cluster.namespace}:{cluster.account}"
    lacking = [right for right, may in cluster.rights.items() if may is False]
    if lacking:
        yield failed(
            f"The service account {place} may not {_join(map(str, lacking))}.",
            "The Hub needs each of these to start, follow and stop servers, or to make homes.",
            f"kubectl apply --namespace {cluster.namespace} -f helm-values/role.yaml && "
            f"kubectl create rolebinding jupyterhub-platform --namespace {cluster.namespace} "
            f"--role jupyterhub-platform --serviceaccount {place}",
        )
    untold = [right for right, may in cluster.rights.items() if may is None]
    if untold:
        yield unknown(
            f"Whether the service account {place} may {_join(map(str, untold))} is not known.",
            "Asking for another account needs the right to create localsubjectaccessreviews.",
            "Run jhp doctor in the Hub's pod, or outside with helm-values/doctor-role.yaml bound "
            "to a user, never to the Hub's own account.",
        )


def _join(words: Iterator[str]) -> str:
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last
