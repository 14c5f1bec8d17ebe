"""Colours that can be read, links that lead where they say, and a style sheet without surprises."""

import re

import pytest

from jupyterhub_platform.core.branding import (
    DARK,
    LIGHT,
    READABLE,
    Branding,
    BrandingError,
    Link,
    lighten_for_dark,
    list_weak,
    measure_contrast,
    name_of_pages,
    read_color,
    read_links,
    render_css,
)


def test_contrast_is_that_of_wcag() -> None:
    assert measure_contrast("#000000", "#ffffff") == pytest.approx(21)
    assert measure_contrast("#ffffff", "#ffffff") == 1
    assert measure_contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.01)
    assert measure_contrast("#ffffff", "#0969da") == measure_contrast("#0969da", "#ffffff")


@pytest.mark.parametrize(
    "text",
    [
        *("red", "#fff", "#12345", "#1234567", "#12345g", " #123456", "#123456 ", "#١٢٣٤٥٦"),
        *("rgb(1,2,3)", "#123456;}body{", "url(//evil.example)", "#123456\n", ""),
    ],
)
def test_what_is_no_colour_is_refused(text: str) -> None:
    with pytest.raises(BrandingError, match="is not a colour; write six digits"):
        read_color(text)


def test_a_colour_is_read_in_small_letters() -> None:
    assert read_color("#1F6FEB") == "#1f6feb"


@pytest.mark.parametrize(
    "url",
    [
        "https://help.example/a?b=c#d",
        "http://intranet",
        "mailto:help@example.org?subject=Hub",
        "/services/docs/",
        "HTTPS://help.example",
    ],
)
def test_links_to_pages_and_to_people_are_taken(url: str) -> None:
    assert read_links({"Help ": url}) == (Link("Help", url),)


@pytest.mark.parametrize(
    "url",
    [
        *("javascript:alert(1)", "JAVASCRIPT:alert(1)", " javascript:alert(1)", "java\nscript:x"),
        *("data:text/html,<script>", "vbscript:x", "file:///etc/passwd", "ftp://x", "blob:x"),
        *("//evil.example", "/\\evil.example", "\\\\evil.example", "https:\\\\evil.example"),
        *("https://", "https:///x", "https:evil.example", "relative", "", "mailto:", "/a\\b"),
        *("https://a b", "https://a\tb", "https://a\u202eb", "https://" + "x" * 500, "/\x00"),
    ],
)
def test_links_to_anything_else_are_refused(url: str) -> None:
    with pytest.raises(BrandingError, match="the link 'Help' leads to"):
        read_links({"Help": url})


def test_titles_are_short_and_printable_and_few() -> None:
    for title in ("", "   ", "x" * 41, "a\nb", "a\u202eb"):
        with pytest.raises(BrandingError, match="is not a title"):
            read_links({title: "https://x.example"})
    with pytest.raises(BrandingError, match="there are 9 links"):
        read_links({f"t{number}": "/x" for number in range(9)})


@pytest.mark.parametrize(
    "color", ["#1f6feb", "#000000", "#ffffff", "#8b0000", "#00ff00", "#333366"]
)
def test_a_colour_is_made_readable_on_dark_pages(color: str) -> None:
    dark = lighten_for_dark(color)
    assert min(measure_contrast(dark, page) for page in DARK) >= READABLE
    if min(measure_contrast(color, page) for page in DARK) >= READABLE:
        assert dark == color


def test_weak_colours_are_named_with_their_contrast() -> None:
    assert list_weak("#0b57d0", "") == ()
    assert list_weak("", "") == ()
    light, dark = list_weak("#ffd33d", "#333366")
    assert re.match(r"#ffd33d has a contrast of 1\.\d:1 on a light page; text needs 4\.5:1", light)
    assert "Choose a darker one" in light
    assert re.match(r"#333366 has a contrast of 1\.\d:1 on a dark page", dark)
    assert "Choose a lighter one" in dark
    assert min(measure_contrast("#0b57d0", page) for page in LIGHT) >= READABLE


def test_the_style_sheet_has_both_themes_and_text_on_buttons_that_can_be_read() -> None:
    assert render_css(Branding("x")) == ""
    css = render_css(Branding(accent="#0b57d0"))
    assert css.count("{") == css.count("}") == 6
    assert "[data-bs-theme=light]{--bs-primary:#0b57d0;--bs-primary-rgb:11,87,208;" in css
    assert f"[data-bs-theme=dark]{{--bs-primary:{lighten_for_dark('#0b57d0')};" in css
    assert "--bs-btn-color:#ffffff" in css
    assert "--bs-primary:#aabbcc" in render_css(Branding(accent="#0b57d0", accent_dark="#aabbcc"))
    assert "--bs-btn-color:#000000" in render_css(Branding(accent="#ffd33d"))


def test_the_default_name_is_no_name() -> None:
    assert (name_of_pages("JupyterHub"), name_of_pages("Vision Lab")) == ("", "Vision Lab")
