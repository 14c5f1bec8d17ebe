"""Read the form that the spawn page posts."""

from collections.abc import Mapping
from typing import Final

IMAGE_PREFIX: Final = "image:"
_NAMES: Final = ("tier", "account")
_MAX_UNKNOWN: Final = 3
_MAX_NAME_LENGTH: Final = 48


def options_from_form(form_data: Mapping[str, object]) -> dict[str, object]:
    """Turn the submitted fields into ``user_options``: tier, account and image.

    Each card has its own image field, ``image:<tier>``; that of the chosen tier counts. Nothing is
    refused here: a field that was sent twice stays a list, and a field that the form does not have
    stays as an unknown key, so that admission denies it like any other bad option.
    """
    options: dict[str, object] = {name: _value(form_data.get(name)) for name in _NAMES}
    options["image"] = _value(form_data.get(f"{IMAGE_PREFIX}{options['tier']}"))
    unknown = sorted(
        name
        for name in form_data
        if name not in (*_NAMES, "_xsrf") and not name.startswith(IMAGE_PREFIX)
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
