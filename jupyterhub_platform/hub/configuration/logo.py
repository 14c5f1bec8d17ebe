"""Reads a logo: a small picture, known by its content and not by its name."""

import xml.parsers.expat
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from jupyterhub_platform.hub.configuration.errors import ConfigurationError

MAX_BYTES: Final = 256 * 1024
SVG: Final = "image/svg+xml"
_BEGINNINGS: Final = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
)


@dataclass(frozen=True, slots=True)
class Logo:
    """A picture and its type."""

    content: bytes
    media_type: str


def read_logo(path: Path, setting: str) -> Logo:
    """Read the picture that a ``setting`` names.

    Raises
    ------
    ConfigurationError
        Raised if it is not there, too large, or no picture: nothing else is served from it.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ConfigurationError(
            f"{setting} names {path}, which cannot be read: {error.strerror}. Name a file that the "
            "Hub can read"
        ) from None
    if len(content) > MAX_BYTES:
        raise ConfigurationError(
            f"{setting} names {path}, which is larger than {MAX_BYTES // 1024} KiB; every page "
            "loads it. Make the picture smaller"
        )
    media_type = _find_type(content)
    if not media_type:
        raise ConfigurationError(
            f"{setting} names {path}, which is no PNG, JPEG, GIF, WebP or SVG; name a picture"
        )
    return Logo(content, media_type)


def _find_type(content: bytes) -> str:
    for beginning, media_type in _BEGINNINGS:
        if content.startswith(beginning):
            return media_type
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "image/webp"
    return SVG if _is_svg(content) else ""


def _is_svg(content: bytes) -> bool:
    """Tell whether it is one whole XML document whose root is svg, without entities of its own."""
    roots: list[str] = []
    entities: list[object] = []
    parser = xml.parsers.expat.ParserCreate(namespace_separator=" ")
    parser.StartElementHandler = lambda name, _: roots.append(name) if not roots else None
    parser.EntityDeclHandler = lambda *declared: entities.append(declared)
    try:
        parser.Parse(content, True)
    except xml.parsers.expat.ExpatError:
        return False
    return roots == ["http://www.w3.org/2000/svg svg"] and not entities
