"""Put the policy file into force, by REST."""

from jupyterhub_platform.core.errors import PolicyError, StoreError
from jupyterhub_platform.hub.api.handler import PlatformAPIHandler
from jupyterhub_platform.hub.people import roles


class ReloadHandler(PlatformAPIHandler):
    """Puts the policy file into force as it is now."""

    async def post(self) -> None:
        """Answer with the revision, or with every fault of the file."""
        self.require(roles.OPERATE, roles.ADMIN)
        before = self.platform.snapshot.revision
        try:
            snapshot = await self.platform.policy_watch.reload(self.me)
        except PolicyError as error:
            self.set_status(422)
            self.write(
                {
                    "status": 422,
                    "message": "The last good policy stays in force.",
                    "faults": [str(fault) for fault in error.faults],
                }
            )
            return
        except StoreError as error:
            raise self.store_is_down(error) from error
        self.write({"revision": snapshot.revision, "changed": snapshot.revision != before})
