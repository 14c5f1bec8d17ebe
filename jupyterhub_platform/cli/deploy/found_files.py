"""The policy files that a command plans or applies, as they are on disk now."""

import zlib
from base64 import b64encode
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import click

from jupyterhub_platform.documents import decode
from jupyterhub_platform.file_texts import FileText, digest_of, join_files
from jupyterhub_platform.policy_files import PolicyFiles

FILE: Final = Path("platform.yaml")
_PLAIN_BYTES: Final = 2**16
"""A text up to this size is sent as it is, so that a log of requests can be read."""


@dataclass(frozen=True, slots=True)
class FoundFiles:
    """The files of a policy; ``path`` is the first, and ``name`` what messages call it."""

    path: Path
    files: tuple[FileText, ...]
    name: str

    @property
    def text(self) -> str:
        """All of them as a revision keeps them."""
        return join_files(self.files, [decode(each.text) for each in self.files])

    @property
    def digest(self) -> str:
        """The digest that the Hub will have of them."""
        return digest_of(self.files)

    def render_request(self) -> dict[str, Any]:
        """Render the body with which the Hub is asked for a plan."""
        text = self.text
        if len(text) <= _PLAIN_BYTES:
            return {"text": text, "file": self.name}
        packed = b64encode(zlib.compress(text.encode())).decode()
        return {"packed": packed, "file": self.name}


def find_files(path: Path, name: str = "") -> FoundFiles:
    """Find the files of a policy, which messages call by their path or by a name.

    Raises
    ------
    PolicyError
        Raised if what the first includes cannot be found.
    click.UsageError
        Raised if there is no such file.
    """
    if not path.is_file():
        raise click.UsageError(
            f"There is no file {path}. Name the platform.yaml, or go to its folder."
        )
    return FoundFiles(path, tuple(PolicyFiles(path).find()), name or str(path))
