"""Images of profiles: those that are listed, and those that users name themselves."""

import re
from typing import Final

from jupyterhub_platform.core.image_references import ImageReferenceError, parse_pattern
from jupyterhub_platform.deploy.importing.amounts import Traits
from jupyterhub_platform.deploy.importing.draft import Draft, shorten
from jupyterhub_platform.deploy.importing.entries import Entry
from jupyterhub_platform.deploy.importing.names import make_name

OF_IMAGES: Final = frozenset({"image", "image_spec"})
_ESCAPED: Final = re.compile(r"\\([/:_-])")
_DOT: Final = "\0"
"""Stands for a dot that is meant as one."""
_LITERAL: Final = re.compile(rf"(?:[A-Za-z0-9_/:{_DOT}-]|\.(?![*+?{{]))*")
_REFERENCE: Final = re.compile(r"[a-z0-9][A-Za-z0-9._/:@-]{0,400}")
_LATER: Final = re.compile(r"[./]\*|\[[^\]]*/[^\]]*\]|\.\+|\\S")


def read_image(draft: Draft, traits: Traits, key: str, title: str) -> str:
    """Return the name of the image that settings name; empty if there is none."""
    entry = traits.get("image") or traits.get("image_spec")
    if entry is None or entry.value is None:
        return ""
    if entry.why_unknown:
        draft.findings.impossible(entry, f"{entry.why_unknown}; write the image")
        return ""
    # What is no reference is not repeated: it may have a password in front of the host.
    if not isinstance(entry.value, str) or not _REFERENCE.fullmatch(entry.value):
        draft.findings.impossible(entry, "is not the reference of an image")
        return ""
    name = draft.add_image(entry.value, entry, key, title)
    draft.findings.carried(entry, ("images", name))
    return name


def add_unlisted(draft: Draft, entry: Entry) -> str:
    """Return the name of the pattern of images that users may name; empty if there can be none."""
    override = entry.get("kubespawner_override")
    changed = set(override.value) if override and isinstance(override.value, dict) else set()
    if not changed or not changed <= OF_IMAGES:
        draft.findings.impossible(entry, "lets users name something else than an image")
        return ""
    pattern = _make_pattern(entry.text_at("validation_regex"))
    if not pattern:
        why = (
            "lets users name images of any registry, or by an expression that no pattern is; "
            "write images.NAME.pattern: REGISTRY/REPOSITORY/*, and name it in the tiers"
        )
        draft.findings.impossible(entry, why)
        return ""
    listed = draft.document.setdefault("images", {})
    known = next((name for name, each in listed.items() if each.get("pattern") == pattern), "")
    if not known:
        known = make_name("own", "image", listed)
        title = shorten(entry.text_at("display_name"), "Image of your own")
        draft.put(("images", known), {"title": title, "pattern": pattern}, entry)
    why = "is a pattern of repositories, in which any tag may be named"
    draft.findings.changed(entry, why, ("images", known))
    return known


def _make_pattern(expression: str) -> str:
    """Return the pattern of a regular expression that fixes registry and folder; else nothing."""
    if not expression.startswith("^"):
        return ""
    plain = _ESCAPED.sub(r"\1", expression[1:].replace("\\.", _DOT))
    match = _LITERAL.match(plain)
    prefix = match[0] if match else ""
    folder, slash, begun = prefix.replace(_DOT, ".").rpartition("/")
    rest = plain[len(prefix) :]
    if not slash or not rest or rest[0] in "?*+{|" or "|" in plain or ")" in rest:
        return ""
    beyond = rest.partition(":")[0]
    is_deep = bool(_LATER.search(beyond))
    text = f"{folder}/**" if is_deep else f"{folder}/{begun}*"
    try:
        parse_pattern(text)
    except ImageReferenceError:
        return ""
    # What follows a begun name deep below would be lost.
    return "" if is_deep and begun else text
