"""Where a platform runs, as far as a source says it: the ``deployment:`` of the document."""

from collections.abc import Mapping
from typing import Final

from jupyterhub_platform.core.document.faults import KeyPath
from jupyterhub_platform.deploy.importing.draft import Draft
from jupyterhub_platform.deploy.importing.entries import Entry

_AT: Final[KeyPath] = ("deployment",)
_TARGETS: Final[Mapping[str, str]] = {
    "aws": "cluster",
    "gcp": "other",
    "azure": "other",
    "do": "other",
    "local": "cluster",
    "existing": "cluster",
}
"""What each provider of Nebari is here."""


def add_of_nebari(root: Entry, draft: Draft) -> None:
    """Put what Nebari says of its cluster."""
    provider, region = root.get("provider"), root.get("amazon_web_services", "region")
    target = _TARGETS.get(provider.text()) if provider else None
    if provider is None or target is None:
        return
    _put(draft, provider, "target", target)
    if region is not None:
        kind = "eks-govcloud" if region.text().startswith("us-gov-") else "eks"
        why = f"is a cluster without its account: write target: {kind}, account and region"
        draft.findings.changed(region, why, (*_AT, "target"))
    if domain := root.get("domain"):
        _put(draft, domain, "address", f"https://{domain.text().strip().strip('/')}")
    if namespace := root.get("namespace"):
        _put(draft, namespace, "namespace", namespace.text())


def add_of_values(root: Entry, draft: Draft) -> None:
    """Put what values say of how users come in; nothing if they name no host."""
    ingress = root.get("ingress")
    is_open = ingress is not None and (on := ingress.get("enabled")) is not None and on.flag()
    hosts = [
        *(root.entries_at("ingress", "hosts") if is_open else ()),
        *root.entries_at("proxy", "https", "hosts"),
    ]
    host = next((each for each in hosts if each.text().strip()), None)
    if host is None:
        return
    draft.put((*_AT, "target"), "cluster", host)
    _put(draft, host, "address", f"https://{host.text().strip()}")
    if not is_open or ingress is None:
        return
    if (kind := ingress.get("ingressClassName")) is not None:
        _put(draft, kind, "ingress", "class", kind.text())
    for tls in ingress.entries_at("tls"):
        if (name := tls.get("secretName")) is not None:
            draft.put((*_AT, "ingress", "tls"), "secret", tls)
            _put(draft, name, "ingress", "secret", name.text())
            return


def _put(draft: Draft, entry: Entry, *keys: str) -> None:
    """Put the last of ``keys`` at the path of the others."""
    path = (*_AT, *keys[:-1])
    draft.put(path, keys[-1], entry)
    draft.findings.carried(entry, path)
