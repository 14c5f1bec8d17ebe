"""The key that encrypts what identity providers give the Hub, where a site has set none.

JupyterHub keeps nothing of a login unless it has one. Without what a provider gave, a user whose
groups change there, or who is removed there, would keep what they had until they log in again.
"""

import logging
import secrets
from pathlib import Path
from typing import Any, Final

from jupyterhub.crypto import KEY_ENV, CryptKeeper

from jupyterhub_platform.atomic_files import write_once
from jupyterhub_platform.hub.configuration.hardening import read_setting

log = logging.getLogger(__name__)

KEY_FILE: Final = "auth-state-key"


def keep_auth_state(app: Any, state_dir: Path) -> None:
    """Have the Hub keep what providers give, encrypted, from now on.

    The key is the site's, or else one of this platform's own in its state directory. It has to be
    there after a restart: otherwise everybody logs in again.
    """
    authenticator = app.authenticator
    is_set, value = read_setting(app.config, type(authenticator), "enable_auth_state")
    if is_set and not value:
        log.warning(
            "c.Authenticator.enable_auth_state is False: what identity providers say of a user is "
            "read at logins alone, and users who are removed there stay. Take it out"
        )
        return
    keeper = CryptKeeper.instance()
    if not keeper.keys:
        path = state_dir / KEY_FILE
        is_new = not path.exists()
        keeper.keys = [write_once(path, secrets.token_hex(32) + "\n").strip()]
        if is_new:
            log.info(
                "What identity providers give is encrypted with a key in %s. Keep that file, or "
                "set %s, so that users stay logged in when the Hub restarts",
                path,
                KEY_ENV,
            )
    authenticator.enable_auth_state = True
