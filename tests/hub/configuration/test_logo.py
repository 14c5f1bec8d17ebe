"""A logo is a small picture, whatever its name says."""

from pathlib import Path

import pytest

from jupyterhub_platform.hub.configuration.errors import ConfigurationError
from jupyterhub_platform.hub.configuration.logo import MAX_BYTES, read_logo

SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
PICTURES = {
    "image/png": b"\x89PNG\r\n\x1a\n....",
    "image/jpeg": b"\xff\xd8\xff\xe0....",
    "image/gif": b"GIF89a....",
    "image/webp": b"RIFF\x00\x00\x00\x00WEBPVP8 ",
    "image/svg+xml": b'<?xml version="1.0"?>\n<!-- a logo -->' + SVG,
}


@pytest.mark.parametrize("media_type", PICTURES)
def test_a_picture_is_known_by_its_content(tmp_path: Path, media_type: str) -> None:
    path = tmp_path / "logo.txt"
    path.write_bytes(PICTURES[media_type])
    logo = read_logo(path, "c.Platform.logo_file")
    assert (logo.media_type, logo.content) == (media_type, PICTURES[media_type])


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"root:x:0:0:root:/root:/bin/bash\n",
        b"<html xmlns='http://www.w3.org/1999/xhtml'><svg/></html>",
        b"<svg>without a namespace</svg>",
        SVG + b"<more/>",
        SVG[:-3],
        b'<!DOCTYPE svg [<!ENTITY a "b">]>' + SVG,
        b'<!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/passwd">]>' + SVG,
        b"{}",
        b"SECRET_KEY=abc",
        b"RIFF\x00\x00\x00\x00WAVE",
    ],
)
def test_what_is_no_picture_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "logo.svg"
    path.write_bytes(content)
    with pytest.raises(ConfigurationError, match="which is no PNG, JPEG, GIF, WebP or SVG"):
        read_logo(path, "c.Platform.logo_file")


def test_what_is_too_large_or_not_there_is_refused_with_its_setting(tmp_path: Path) -> None:
    path = tmp_path / "logo.png"
    with pytest.raises(ConfigurationError, match=r"c.Platform.logo_file names .* cannot be read"):
        read_logo(path, "c.Platform.logo_file")
    with pytest.raises(ConfigurationError, match="cannot be read: Is a directory"):
        read_logo(tmp_path, "c.Platform.logo_file")
    path.write_bytes(PICTURES["image/png"] + b"x" * MAX_BYTES)
    with pytest.raises(ConfigurationError, match="larger than 256 KiB"):
        read_logo(path, "c.Platform.logo_file")
