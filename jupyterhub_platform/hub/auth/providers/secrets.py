"""Reads secrets where the policy says that they are, anew when they change."""

import os
from pathlib import Path
from typing import Final

from jupyterhub_platform.core.identity_providers import SecretPlace
from jupyterhub_platform.hub.auth.providers.errors import ProviderSettingError

MAX_BYTES: Final = 32_768


def read_secret(place: SecretPlace) -> str:
    """Return a secret.

    Raises
    ------
    ProviderSettingError
        Raised if there is none; it names the place, and never what is there.
    """
    if place.env:
        found = os.environ.get(place.env, "").strip()
    else:
        try:
            with Path(place.file).open("rb") as file:
                found = file.read(MAX_BYTES).decode().strip()
        except (OSError, ValueError) as error:
            what = error.strerror if isinstance(error, OSError) else "it is not text"
            raise ProviderSettingError(f"its secret cannot be read from {place} ({what})") from None
    if not found:
        raise ProviderSettingError(f"{place}, where its secret should be, is empty")
    return found
