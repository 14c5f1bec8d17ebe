"""Whether the amounts of a tier make sense beside each other."""

from collections.abc import Mapping

from jupyterhub_platform.core.findings import Findings, KeyPath
from jupyterhub_platform.core.resources import (
    CPU,
    MEMORY,
    SERVERS,
    is_accelerator,
    render_quantity,
)


def check_amounts(
    findings: Findings, path: KeyPath, requests: Mapping[str, int], limits: Mapping[str, int]
) -> None:
    """Report amounts that Kubernetes would not take, or that would bound nothing."""
    for key, amounts in (("requests", requests), ("limits", limits)):
        if SERVERS in amounts:
            what = "a tier does not ask for servers; every server counts as one"
            findings.add((*path, key, SERVERS), what, "remove it, or use at_once")
        for name in (CPU, MEMORY):
            if amounts.get(name) == 0:
                what = "is 0, which Kubernetes takes for no limit at all"
                findings.add((*path, key, name), what, f"write {example(name)} or so")
    for name in (CPU, MEMORY):
        if name not in requests and name not in limits:
            findings.add(
                (*path, "requests", name),
                "is missing, so that nothing would bound it",
                f"write for example {name}: {example(name)}",
                rests_on=[(*path, "limits", name)],
            )
    for name in requests:
        if name in limits:
            _check_pair(findings, (*path, "requests", name), requests[name], limits[name])


def _check_pair(findings: Findings, path: KeyPath, request: int, limit: int) -> None:
    name = str(path[-1])
    limit_path = (*path[:-2], "limits", name)
    asked, most = render_quantity(name, request), render_quantity(name, limit)
    if request != limit and (is_accelerator(name) or name.startswith("hugepages-")):
        what = f"{asked} is not the limit, {most}, and Kubernetes does not share out {name}"
        findings.add(path, what, "write the same in both", rests_on=[limit_path])
    elif request > limit:
        what = f"{asked} is above the limit, {most}"
        fix = f"lower it, or raise {dotted(limit_path)}"
        findings.add(path, what, fix, rests_on=[limit_path])


def dotted(path: KeyPath) -> str:
    """Write where something stands as one word: ``tiers.small.requests``."""
    return ".".join(str(key) for key in path)


def example(name: str) -> str:
    """Return an amount of a resource that could be written, for a message."""
    return {CPU: "500m", MEMORY: "1Gi", SERVERS: "3"}.get(name, "1")
