"""Read the form that the spawn page posts."""

from collections.abc import Mapping
from typing import Final

IMAGE_PREFIX: Final = "image:"
NAMED_PREFIX: Final = "named-image:"
SIZE_PREFIX: Final = "size:"
_PREFIXES: Final = (IMAGE_PREFIX, NAMED_PREFIX, SIZE_PREFIX)
_NAMES: Final = ("tier", "account")
_MAX_UNKNOWN: Final = 3
_MAX_NAME_LENGTH: Final = 48


def options_from_form(form_data: Mapping[str, object]) -> dict[str, object]:
    """Turn the submitted fields into ``user_options``: tier, size, account and image.

    Each card has its own fields, such as ``image:<tier>``; those of the chosen tier count. An image
    that the user names by its reference comes before the one of the list. Nothing is
    refused here: a field that was sent twice stays a list, and a field that the form does not have
    stays as an unknown key, so that admission denies it like any other bad option.
    """
    options: dict[str, object] = {name: _value(form_data.get(name)) for name in _NAMES}
    tier = options["tier"]
    if (size := _value(form_data.get(f"{SIZE_PREFIX}{tier}"))) != "":
        options["size"] = size
    named = _value(form_data.get(f"{NAMED_PREFIX}{tier}"))
    named = named.strip() if isinstance(named, str) else named
    options["image"] = _value(form_data.get(f"{IMAGE_PREFIX}{tier}")) if named == "" else named
    unknown = sorted(
        name
        for name in form_data
        if name not in (*_NAMES, "_xsrf") and not name.startswith(_PREFIXES)
    )
    # Named so that no key is one that the Hub's own database columns treat specially.
    options |= {f"form field {name[:_MAX_NAME_LENGTH]}": "" for name in unknown[:_MAX_UNKNOWN]}
    return options


def _value(submitted: object) -> object:
    """Return the single text of a field. Several values, or a non-text one, are not a name."""
    if submitted is None or submitted == []:
        return ""
    match submitted:
        case [str(text)]:
            return text
        case _:
            return []
