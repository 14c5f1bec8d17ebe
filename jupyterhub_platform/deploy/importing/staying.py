"""Notes settings that keep their effect where they are, and the secrets among them."""

from typing import Final

from jupyterhub_platform.deploy.importing.entries import Entry
from jupyterhub_platform.deploy.importing.findings import Findings
from jupyterhub_platform.deploy.importing.secret_values import find_secrets, is_secret

_SECRET: Final = "is a secret, and is not written; keep it in a Secret or a variable of the Hub"  # noqa: S105
_MAX_SHOWN: Final = 50


def note_staying(entry: Entry, findings: Findings, why: str = "", secret: str = _SECRET) -> None:
    """Note that a setting stays, and each secret in it by its key alone."""
    if is_secret(entry.name.rpartition(".")[2], entry.value):
        findings.changed(entry, secret, stays=True)
        return
    findings.stays(entry, why)
    for path in find_secrets(entry.value)[:_MAX_SHOWN]:
        found: Entry | None = entry
        for key in path:
            below = found.items() if isinstance(key, str) and found else ()
            below = found.entries() if isinstance(key, int) and found else below
            found = next((each for each in below if each.key[-1] == key), None)
        if found is not None:
            findings.changed(found, secret, stays=True)
