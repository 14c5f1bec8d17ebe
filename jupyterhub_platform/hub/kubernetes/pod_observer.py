"""Lists the pods that users' own controllers make, finds whose they are, and has them counted."""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

from jupyterhub import orm
from kubernetes_asyncio.client import ApiException

from jupyterhub_platform.core.errors import QuantityError, StoreError
from jupyterhub_platform.core.manifests import Manifest, part, read_demand
from jupyterhub_platform.core.observed_pods import PodSource
from jupyterhub_platform.hub.kubernetes.pod_client import Pods
from jupyterhub_platform.hub.kubernetes.pod_owner import uid_of
from jupyterhub_platform.hub.kubernetes.pod_users import LabelledUsers, slug_of
from jupyterhub_platform.hub.metrics import platform_metrics
from jupyterhub_platform.hub.platform import Platform
from jupyterhub_platform.hub.upstream.event_loop import Turn
from jupyterhub_platform.usecases.observed_pods import BATCH, SeenPod, UnassignedPod

_Found: TypeAlias = list[tuple[PodSource, Manifest]]


class PodObserver:
    """Looks at the pods of the policy's ``observed_pods`` again and again, and changes none.

    While the cluster does not answer, what was seen last is held.
    """

    def __init__(self, app: Any, platform: Platform, pods: Pods, component: str) -> None:
        self._app = app
        self._platform = platform
        self._pods = pods
        self._component = component
        self._observed = platform.runtime.observed_pods
        self._users = LabelledUsers()
        self._observing = asyncio.Lock()

    async def observe(self) -> None:
        """Observe once, unless a slow observation goes on."""
        if not self._observing.locked():
            async with self._observing:
                await self._observe()

    async def _observe(self) -> None:
        observed, admission = self._observed, self._platform.admission
        sources = self._platform.snapshot.policy.observed_pods
        if not sources and not admission.book.pods:
            observed.unassigned, observed.fault = (), ""
            return
        if self._platform.runtime.health.reason or not self._app.db.is_active:
            return  # what is seen now could not be recorded
        try:
            found = await self._list(sources.values())
        except (ApiException, TimeoutError, OSError) as error:
            self._note_fault(error)
            return
        seen, unassigned = await self._attribute(found)
        try:
            await self._record(seen, unassigned)
        except StoreError:
            return
        observed.unassigned, observed.fault = unassigned, ""
        observed.looked_at = admission.now()
        platform_metrics.report_observed(len(seen), len(unassigned), observed.looked_at)

    def _note_fault(self, error: Exception) -> None:
        if not self._observed.fault:
            self._app.log.warning(
                "The observed pods could not be listed (%s): what they held counts until they are",
                type(error).__name__,
            )
        status = f" {error.status}" if isinstance(error, ApiException) else ""
        self._observed.fault = f"{type(error).__name__}{status}"

    async def _list(self, sources: Iterable[PodSource]) -> _Found:
        """List each pod once: it is of the first kind that selects it."""
        found: dict[str, tuple[PodSource, Manifest]] = {}
        for source in sources:
            wanted = [f"{key}={value}" for key, value in source.selector.items()]
            # The pods of servers are counted already, whatever else their labels say.
            selector = ",".join([*wanted, f"component!={self._component}"])
            async for pod in self._pods.list_unfinished(selector):
                found.setdefault(_name(pod), (source, pod))
        return list(found.values())

    async def _attribute(
        self, found: _Found
    ) -> tuple[tuple[SeenPod, ...], tuple[UnassignedPod, ...]]:
        """Find out who holds what; a pod of which that is not known is charged to nobody."""
        seen, unassigned, turn = list[SeenPod](), list[UnassignedPod](), Turn()
        people = self._platform.snapshot.policy.people
        charging = _Charging(self._app.db, self._platform)
        for source, pod in found:
            user, reason = await self._find_user(source, pod, people)
            if not reason:
                try:
                    demand = read_demand(part(pod, "spec"))
                except QuantityError as error:
                    reason = f"What it asks for cannot be read: {error}."
            if reason:
                unassigned.append(UnassignedPod(_name(pod), source.name, reason))
            else:
                account = charging.find(source, pod, user)
                seen.append(SeenPod(uid_of(pod), _name(pod), source.name, user, account, demand))
            await turn.yield_if_due()
        return tuple(seen), tuple(unassigned)

    async def _find_user(
        self, source: PodSource, pod: Manifest, people: Mapping[str, Any]
    ) -> tuple[str, str]:
        """Return the user whom a pod names, or why that is not known."""
        value = str(part(pod, "metadata", "labels").get(source.user_label) or "")
        if not value:
            return "", f"It has no label {source.user_label}."
        names = await self._users.find(value, people)
        if len(names) == 1:
            return names[0], ""
        if names:
            return "", f"Its label {source.user_label} may name {' or '.join(names)}."
        return "", f"Its label {source.user_label} names no user of the policy: {value}."

    async def _record(self, seen: Iterable[SeenPod], unassigned: Iterable[UnassignedPod]) -> None:
        (ended, begun), turn = self._observed.compare(seen, unassigned), Turn()
        for held, reason in ended:
            self._observed.release(held, reason)
            await turn.yield_if_due()
        for start in range(0, len(begun), BATCH):
            self._observed.enter(begun[start : start + BATCH])
            await turn.yield_if_due()


class _Charging:
    """Finds what is charged for pods, in one look: each user is asked about once."""

    def __init__(self, database: Any, platform: Platform) -> None:
        self._database = database
        self._platform = platform
        self._held = {held.pod: held for held in platform.admission.book.pods}
        self._of_users: dict[str, tuple[Mapping[str, str], str]] = {}

    def find(self, source: PodSource, pod: Manifest, user: str) -> str:
        """Return what is charged for a pod: nothing, if no rule says what.

        What was charged first stays so while no label says otherwise: the default may change with
        each server that the user starts.
        """
        groups = self._platform.snapshot.policy.groups
        if source.account:
            return source.account
        named = str(part(pod, "metadata", "labels").get(source.account_label) or "")
        if named and (account := self._ask(user)[0].get(named)):
            return account
        held = self._held.get(_name(pod))
        if held is not None and held.user == user and held.account in groups:
            return held.account
        return self._ask(user)[1]

    def _ask(self, user: str) -> tuple[Mapping[str, str], str]:
        """Return the groups of a user by what a label says of them, and their default account."""
        if user not in self._of_users:
            row = orm.User.find(self._database, user)
            memberships = frozenset(group.name for group in row.groups) if row else frozenset()
            admission = self._platform.admission
            subject = admission.snapshot.subject(user, memberships, admission.now())
            written = {form: name for name in subject.accounts for form in (name, slug_of(name))}
            self._of_users[user] = (written, admission.choose_account(subject).name)
        return self._of_users[user]


def _name(pod: Manifest) -> str:
    return str(part(pod, "metadata").get("name") or "")
