"""Checks that pods of users' own controllers are seen, and charged to a user."""

from collections.abc import Iterator

from jupyterhub_platform.deploy.doctor.facts import DoctorFacts
from jupyterhub_platform.deploy.doctor.findings import Finding, warning


def check_observed_pods(facts: DoctorFacts) -> Iterator[Finding]:
    """Find out whether the pods that the policy observes are listed, and whose they are."""
    pods = (facts.hub.health.get("observed_pods") if facts.hub else None) or {}
    if pods.get("sources") and not pods["seconds"]:
        yield warning(
            "The policy has observed_pods, and the Hub lists no pods.",
            "What users' own controllers make counts in no quota.",
            "Run servers as pods of one namespace, with c.PlatformKubeSpawner.observe_seconds "
            "above 0; or remove observed_pods.",
        )
    if pods.get("fault"):
        since = pods["looked_at"] or "the Hub began"
        yield warning(
            f"The observed pods could not be listed since {since}: {pods['fault']}.",
            "What they held then counts until they are listed again.",
            "See that the cluster answers, and that the Hub's Role may list pods.",
        )
    for each in pods.get("examples", ()):
        yield warning(
            f"The pod {each['pod']} ({each['source']}) is charged to nobody: {each['reason']}",
            "What it holds counts in no quota.",
            "Have what makes it set the label, or correct observed_pods in the policy.",
        )
