"""A configuration that cannot be governed."""

from traitlets import TraitError

from jupyterhub_platform.core.errors import PlatformError


class ConfigurationError(PlatformError, TraitError):
    """Raised if a Hub's configuration cannot be governed, with the setting and what to do.

    The Hub shows a TraitError of a configuration file as its sentence and exits; anything else
    appears as a traceback.
    """

    code = "platform.configuration"
