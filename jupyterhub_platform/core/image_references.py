"""References of images that users name themselves, and the patterns which allow them.

A reference is taken apart before it is compared: registry, repository, tag, digest. Its registry
and repository must be what the pattern says, from first to last character.
"""

import re
from dataclasses import dataclass
from typing import Final

from jupyterhub_platform.core.errors import PlatformError

_PART: Final = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_HOST: Final = re.compile(
    r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*"
    r"(?::[1-9][0-9]{0,4})?",
    re.ASCII,
)
_REPOSITORY: Final = re.compile(rf"{_PART}(?:/{_PART})*", re.ASCII)
_TAG: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}", re.ASCII)
_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}", re.ASCII)
_PATTERN_PART: Final = re.compile(r"[a-z0-9._-]{0,128}\*[a-z0-9._-]{0,128}", re.ASCII)
MAX_LENGTH: Final = 500


class ImageReferenceError(PlatformError):
    """Raised if a text is not a reference that names registry, repository, and tag or digest."""


@dataclass(frozen=True, slots=True)
class ImageReference:
    """A reference in its parts; ``tag`` or ``digest`` may be empty, not both."""

    registry: str
    repository: str
    tag: str = ""
    digest: str = ""

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        digest = f"@{self.digest}" if self.digest else ""
        return f"{self.registry}/{self.repository}{tag}{digest}"


def parse_reference(text: str) -> ImageReference:
    """Take a reference apart, strictly: nothing is completed, folded or left out.

    Raises
    ------
    ImageReferenceError
        Raised if it is no reference, leaves the registry open, or has neither tag nor digest.
    """
    registry, slash, rest = text.partition("/")
    rest, at, digest = rest.partition("@")
    repository, colon, tag = rest.partition(":")
    readable = (
        len(text) <= MAX_LENGTH
        and slash
        and _is_registry(registry)
        and _REPOSITORY.fullmatch(repository)
        and (not colon or _TAG.fullmatch(tag))
        and (not at or _DIGEST.fullmatch(digest))
    )
    if not readable:
        raise ImageReferenceError(
            "An image of your own is REGISTRY/REPOSITORY:TAG, such as quay.io/jupyter/base:2025"
        )
    if not (tag or digest):
        raise ImageReferenceError("An image of your own needs a tag or a digest")
    return ImageReference(registry, repository, tag, digest)


def _is_registry(text: str) -> bool:
    # Without a dot or a port it would be a part of a name at Docker Hub.
    host = text.partition(":")[0]
    is_host = "." in host or ":" in text or host == "localhost"
    return is_host and len(text) <= 255 and _HOST.fullmatch(text) is not None


@dataclass(frozen=True, slots=True)
class ImagePattern:
    """Which repositories of one registry; ``*`` stands for a part of a name, ``**`` for the rest.

    ``quay.io/acme/*`` is every repository directly below, ``quay.io/acme/**`` at any depth.
    """

    registry: str
    parts: tuple[str, ...]

    def __str__(self) -> str:
        return "/".join((self.registry, *self.parts))

    def admits(self, text: str) -> bool:
        """Tell whether a text is a reference to an image of these repositories."""
        try:
            reference = parse_reference(text)
        except ImageReferenceError:
            return False
        return reference.registry == self.registry and self._fits(reference.repository.split("/"))

    def _fits(self, names: list[str]) -> bool:
        fixed = self.parts[:-1] if self.parts[-1] == "**" else self.parts
        if len(names) < len(self.parts) or (fixed == self.parts and len(names) != len(fixed)):
            return False
        return all(_fits_part(part, name) for part, name in zip(fixed, names, strict=False))


def _fits_part(part: str, name: str) -> bool:
    before, star, after = part.partition("*")
    if not star:
        return name == part
    long_enough = len(name) > len(before) + len(after)
    return long_enough and name.startswith(before) and name.endswith(after)


def parse_pattern(text: str) -> ImagePattern:
    """Read a pattern such as ``quay.io/acme/*``.

    Raises
    ------
    ImageReferenceError
        Raised if it names no registry, or has a wildcard where none can be.
    """
    registry, _, rest = text.partition("/")
    parts = tuple(rest.split("/"))
    if len(text) > MAX_LENGTH or not _is_registry(registry):
        raise ImageReferenceError(f"“{text[:80]}” does not begin with a registry")
    for number, part in enumerate(parts, start=1):
        whole = part == "**" and number == len(parts)
        # A user who writes .* has a regular expression in mind, which this is not.
        wild = _PATTERN_PART.fullmatch(part) and ".*" not in part
        if not (whole or wild or _REPOSITORY.fullmatch(part)):
            raise ImageReferenceError(f"“{text[:80]}” is not a pattern of repositories")
    return ImagePattern(registry, parts)
