"""Answers why a server does not run, to its owner and to those in charge."""

from typing import Any

from tornado import web

from jupyterhub_platform.hub.api.handler import PlatformAPIHandler
from jupyterhub_platform.hub.people import roles
from jupyterhub_platform.hub.spawner.explain import explain_now, with_larger_tier
from jupyterhub_platform.rest.response_bodies import Why
from jupyterhub_platform.usecases.explanations import (
    Explanation,
    State,
    explain_held,
    explain_recorded,
)


class WhyHandler(PlatformAPIHandler):
    """The state of a server or an observed pod, and why it is in it, who can help, and how."""

    async def get(self) -> None:
        """Answer for ``?user=&server=``; they default to the caller and the default server."""
        name = self.get_query_argument("user", self.me)
        server = self.get_query_argument("server", "")
        explanation = await self._explain(name, server)
        if explanation is None or not self._may_see(explanation):
            # Missing and forbidden servers get the same answer, for callers who may not know.
            raise web.HTTPError(
                404, "There is no such server, it was never started, or it is not yours to see."
            )
        whole = with_larger_tier(self.platform, explanation, self.memberships_of(name))
        self.answer(Why.model_validate(whole.to_json()))

    async def _explain(self, name: str, server: str) -> Explanation | None:
        pod = self.platform.admission.book.of_server(name, server)
        if pod is not None and pod.pod:
            return explain_held(pod, State.COUNTED, None)
        row = self.find_in_hub(name)
        now = explain_now(self.users[row.id], server) if row is not None else None
        if now is not None and now.state is not State.ENDED:
            return now
        store = self.platform.runtime.store
        recorded = await self.in_thread(explain_recorded, store, name, server, own=name == self.me)
        # A later attempt may have been refused; otherwise what was observed says more than the
        # ledger.
        if now is None or (recorded is not None and recorded.since > now.since):
            return recorded
        return now

    def _may_see(self, explanation: Explanation) -> bool:
        mine = explanation.user == self.me and self.has_scope(roles.SELF)
        in_charge: Any = self.in_charge_of(explanation.account)
        return bool(mine or in_charge or self.has_scope(roles.READ) or self.has_scope(roles.ADMIN))
