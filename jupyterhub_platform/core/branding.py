"""The look of a platform: its colours, with the contrast that they have, and its help links."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

Channels: TypeAlias = tuple[int, int, int]

READABLE: Final = 4.5
"""The contrast that text needs, by WCAG 2.2 AA."""
DEFAULT_NAME: Final = "JupyterHub"
MAX_LINKS: Final = 8
_MAX_TITLE: Final = 40
_MAX_URL: Final = 500
# Pages and the navigation, which is a little nearer to the text; as Bootstrap has them.
LIGHT: Final = ("#ffffff", "#f8f9fa")
DARK: Final = ("#212529", "#2b3035")
_COLOR: Final = re.compile(r"#[0-9a-fA-F]{6}", re.ASCII)
_URL: Final = re.compile(r"(?:https?://[^\s/?#]|mailto:[^\s]|/(?![/\\]))", re.IGNORECASE)


class BrandingError(ValueError):
    """Raised if a colour or a link cannot be used; the sentence says why."""


@dataclass(frozen=True, slots=True)
class Link:
    """A link for those who look for help."""

    title: str
    url: str


@dataclass(frozen=True, slots=True)
class Branding:
    """What the navigation of all pages shows; an empty ``accent`` is JupyterHub's own."""

    name: str = ""
    accent: str = ""
    accent_dark: str = ""
    links: tuple[Link, ...] = ()
    has_dark_logo: bool = False


def name_of_pages(name: str) -> str:
    """Return what pages are called where the policy has this name: nothing if it is the default."""
    return "" if name == DEFAULT_NAME else name


def read_color(text: str) -> str:
    """Read a colour, such as ``#1f6feb``.

    Raises
    ------
    BrandingError
        Raised if it is not written so: a name or an expression could be anything in a style sheet.
    """
    if not _COLOR.fullmatch(text):
        raise BrandingError(f"{text[:40]!a} is not a colour; write six digits, such as #1f6feb")
    return text.lower()


def read_links(links: Mapping[str, str]) -> tuple[Link, ...]:
    """Read help links, each with its title.

    Raises
    ------
    BrandingError
        Raised if they are too many, or one of them could run a script or leave for a surprise.
    """
    if len(links) > MAX_LINKS:
        raise BrandingError(f"there are {len(links)} links; at most {MAX_LINKS} have room")
    for title, url in links.items():
        if not title.strip() or len(title) > _MAX_TITLE or not title.isprintable():
            raise BrandingError(
                f"{title[:60]!a} is not a title; write 1 to {_MAX_TITLE} printable characters"
            )
        clean = url.isprintable() and "\\" not in url and " " not in url
        if not _URL.match(url) or not clean or len(url) > _MAX_URL:
            raise BrandingError(
                f"the link {title!a} leads to {url[:80]!a}; write an address with https://, "
                "http:// or mailto:, or a path that begins with one /"
            )
    return tuple(Link(title.strip(), url) for title, url in links.items())


def measure_contrast(color: str, other: str) -> float:
    """Return the contrast of two colours, from 1 to 21, as WCAG defines it."""
    lighter, darker = sorted((_luminance(color), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def list_weak(accent: str, accent_dark: str) -> tuple[str, ...]:
    """Say which colour cannot be read well on its pages, and by how much."""
    return tuple(
        f"{color} has a contrast of {lowest:.1f}:1 on a {theme} page; text needs {READABLE}:1 "
        f"(WCAG AA). Choose a {'darker' if theme == 'light' else 'lighter'} one"
        for color, theme, pages in ((accent, "light", LIGHT), (accent_dark, "dark", DARK))
        if color and (lowest := _lowest(color, pages)) < READABLE
    )


def lighten_for_dark(color: str) -> str:
    """Return the nearest lighter colour that can be read on a dark page."""
    # The last one is white, which can always be read there.
    lighter = (_mix(color, "#ffffff", percent) for percent in range(0, 101, 5))
    return next(each for each in lighter if _lowest(each, DARK) >= READABLE)


def render_css(branding: Branding) -> str:
    """Render the style sheet of the accent; empty without one."""
    if not branding.accent:
        return ""
    dark = branding.accent_dark or lighten_for_dark(branding.accent)
    return _render_theme("light", branding.accent, "#000000") + _render_theme(
        "dark", dark, "#ffffff"
    )


def _render_theme(theme: str, color: str, towards: str) -> str:
    hover = _mix(color, towards, 20)
    values = {"primary": color, "link-color": color, "link-hover-color": hover}
    variables = "".join(
        f"--bs-{name}:{value};--bs-{name}-rgb:{','.join(map(str, _channels(value)))};"
        for name, value in values.items()
    )
    here = f"[data-bs-theme={theme}]"
    button = "".join(
        f"--bs-btn{state}-{part}:{value};"
        for state, back in (("", color), ("-hover", hover), ("-active", hover))
        for part, value in (("bg", back), ("border-color", back), ("color", _text_on(back)))
    )
    return (
        f"{here}{{{variables}}}\n"
        f"{here} :is(.btn-primary,.btn-jupyter){{{button}}}\n"
        f"{here} .form-check-input:checked{{background-color:{color};border-color:{color};}}\n"
    )


def _text_on(color: str) -> str:
    return max(("#ffffff", "#000000"), key=lambda text: measure_contrast(text, color))


def _lowest(color: str, pages: tuple[str, ...]) -> float:
    return min(measure_contrast(color, page) for page in pages)


def _mix(color: str, other: str, percent: int) -> str:
    pairs = zip(_channels(color), _channels(other), strict=True)
    return "#" + "".join(f"{round(a + (b - a) * percent / 100):02x}" for a, b in pairs)


def _channels(color: str) -> Channels:
    return int(color[1:3], 16), int(color[3:5], 16), int(color[5:7], 16)


def _luminance(color: str) -> float:
    red, green, blue = (_linear(channel / 255) for channel in _channels(color))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(part: float) -> float:
    return part / 12.92 if part <= 0.04045 else float(((part + 0.055) / 1.055) ** 2.4)
