"""Users who log in by an identity provider: which of them has a name."""

from types import MappingProxyType

from jupyterhub_platform.core.errors import ClaimsError, PolicyError, StoreError
from jupyterhub_platform.hub.api.handler import PlatformAPIHandler
from jupyterhub_platform.rest.provider_logins import (
    FORGET_LOGIN,
    ForgetLoginRequest,
    ForgottenLogin,
)
from jupyterhub_platform.rest.response_bodies import Refusal
from jupyterhub_platform.usecases.claimed_people import FORGOTTEN, Forget


class ForgetLoginHandler(PlatformAPIHandler):
    """Forgets a login."""

    audit_actions = MappingProxyType({"POST": FORGOTTEN})

    async def post(self, name: str) -> None:
        """Answer with what follows; the body is ``{"reason": …}``."""
        self.require(*FORGET_LOGIN.scopes)
        self.check_person(name)
        reason = self.read(ForgetLoginRequest).reason
        try:
            await self.platform.managed.apply(Forget(name, reason, self.me))
        except (ClaimsError, PolicyError) as error:
            self.refuse(Refusal.of(409, str(error), error.code))
        except StoreError as error:
            raise self.store_is_down(error) from error
        else:
            self.answer(
                ForgottenLogin(
                    user=name,
                    message=f"Who logs in as {name} next begins anew. Their files stay.",
                )
            )
