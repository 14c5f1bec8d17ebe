"""The door inside the Hub process."""

import jupyterhub

from jupyterhub_platform.hub.configuration.errors import ConfigurationError

if tuple(jupyterhub.version_info[:2]) < (6, 1):
    raise ConfigurationError(
        f"The platform needs JupyterHub 6.1 or newer, and this is {jupyterhub.__version__}. "
        "Install a newer one where the Hub runs: pip install 'jupyterhub>=6.1'"
    )
