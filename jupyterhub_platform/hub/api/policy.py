"""Reload the policy file by REST."""

from types import MappingProxyType

from jupyterhub_platform.core.errors import PolicyError, StoreError
from jupyterhub_platform.hub.api.handler import PlatformAPIHandler
from jupyterhub_platform.rest.hub_calls import RELOAD
from jupyterhub_platform.rest.request_bodies import Nothing
from jupyterhub_platform.rest.response_bodies import Faulty, Reloaded


class ReloadHandler(PlatformAPIHandler):
    """Puts the current policy file into force."""

    audit_actions = MappingProxyType({"POST": "policy.published"})

    async def post(self) -> None:
        """Answer with the revision, or with every fault of the file."""
        self.require(*RELOAD.scopes)
        self.read(Nothing)
        before = self.platform.snapshot.revision
        try:
            snapshot = await self.platform.policy_watch.reload(self.me)
        except PolicyError as error:
            refused = Faulty.of(
                422,
                "The last good policy stays in force.",
                error.code,
                faults=[str(fault) for fault in error.faults],
            )
            self.refuse(refused)
            return
        except StoreError as error:
            raise self.store_is_down(error) from error
        changed = snapshot.revision != before
        self.answer(Reloaded(revision=snapshot.revision, changed=changed))
