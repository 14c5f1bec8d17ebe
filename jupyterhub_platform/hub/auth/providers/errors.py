"""What can go wrong with a provider, by what it means for a login, and for users logged in.

::

    ProviderError               a status and a sentence for the page
    ├── AttemptError            a browser comes back without having been sent there
    ├── ProviderDownError       no usable answer now: nothing is known, and nothing is lost
    ├── ProviderSettingError    the platform is not the client that the provider knows
    ├── ProviderAnswerError     an answer that does not hold: nobody is let in by it
    └── AccessEndedError        the provider says that it is over
"""

from typing import Final

from tornado import web

from jupyterhub_platform.hub.retry_after import retry_after

RETRY_SECONDS: Final = 15


class ProviderError(Exception):
    """Base of what can go wrong. ``str`` says what it is, for the log and for admins.

    It never has a token, a code or a secret, nor a text of the provider's.
    """

    status = 502

    def refuse(self, title: str) -> web.HTTPError:
        """Return the refusal that the Hub's page shows; ``title`` is the provider's."""
        return web.HTTPError(self.status, self.say(title))

    def say(self, title: str) -> str:
        """Say what went wrong, why, and what to do."""
        raise NotImplementedError


class AttemptError(ProviderError):
    """Raised if a browser comes back without having been sent to the provider, or comes twice."""

    status = 400

    def say(self, title: str) -> str:
        """Say it to the user."""
        return (
            f"This login at {title} cannot be finished: {self}. Begin again on the login page, "
            "in the browser in which you finish."
        )


class ProviderDownError(ProviderError):
    """Raised if a provider gives no usable answer now. Nothing follows from it."""

    status = 503

    def refuse(self, title: str) -> web.HTTPError:
        """Return the refusal, with when to try again."""
        return retry_after(super().refuse(title), RETRY_SECONDS)

    def say(self, title: str) -> str:
        """Say it to the user."""
        return f"{title} cannot be reached now: {self}. Try again in a minute."


class ProviderSettingError(ProviderError):
    """Raised if a login cannot work as the platform is set up."""

    status = 503

    def say(self, title: str) -> str:
        """Say it to the user."""
        return f"{title} cannot be used: {self}. Ask an admin."


class ProviderAnswerError(ProviderError):
    """Raised if what a provider answers does not hold. Nobody is let in by it."""

    def say(self, title: str) -> str:
        """Say it to the user."""
        return (
            f"What {title} answered cannot be trusted: {self}. Nothing was done. Begin again on "
            "the login page; if it stays so, show this to an admin."
        )


class AccessEndedError(ProviderError):
    """Raised if the provider does not, or not any more, let a user in."""

    status = 403

    def say(self, title: str) -> str:
        """Say it to the user."""
        return f"{title} does not let you in: {self}. Begin again on the login page."
