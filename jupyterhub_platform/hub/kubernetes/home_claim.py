"""Finds the claim of a server's home: under today's name, or under one of an earlier release.

Names of claims follow from those of user and server, and releases of KubeSpawner and Zero to
JupyterHub have made them in different ways. A claim that is not found under today's name may exist
under an earlier one, with all of the user's files.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from jupyterhub.orm import User
from jupyterhub.utils import exponential_backoff
from kubernetes_asyncio.client import ApiException
from kubespawner.slugs import escape_slug
from traitlets import List, Unicode

from jupyterhub_platform.core.manifests import Manifest, part
from jupyterhub_platform.hub.denials import AdmissionDenied
from jupyterhub_platform.hub.kubernetes import api_errors
from jupyterhub_platform.hub.kubernetes.lifecycle import PodLifecycleSpawner
from jupyterhub_platform.hub.kubernetes.pod_owner import STOCK_SERVER, STOCK_USER
from jupyterhub_platform.hub.upstream.spawner_state import log_name

_SCHEMES: Final = ("escape", "safe")
"""Ways in which KubeSpawner makes names: up to 6, and from 7 on."""
_VERSION: Final = "kubespawner_version"
_CLAIM: Final = "pvc_name"


@dataclass(frozen=True, slots=True)
class Earlier:
    """A name that an earlier release may have given to a server's claim.

    For a name from the site's current template it is enough that the claim does not name another
    server. For any other, the claim ``needs_marks`` of this very server.
    """

    name: str
    needs_marks: bool


class HomeClaimSpawner(PodLifecycleSpawner):
    """Finds the claim that holds a person's files before a new one is made.

    A name is remembered once its claim is known to exist. Until then no state says so, whichever
    release wrote the state that was read.
    """

    earlier_pvc_name_templates = List(
        Unicode(),
        ["claim-{username}{servername}"],
        config=True,
        help="""
        Templates from which this site made the names of claims in the past.

        If no claim of today's name exists and none is remembered, one of these names is used if
        such a claim exists and its annotations name this very user and server. The names that
        KubeSpawner 6 made from ``pvc_name_template`` are tried anyway. The default is the template
        of Zero to JupyterHub before 4.0.
        """,
    )

    pvc_name: str
    _pvc_exists: bool
    # A sentence about a second claim that may hold this user's files.
    claim_notice = ""

    def get_state(self) -> dict[str, Any]:
        """Leave out the version that means "up to date" until the claim is found."""
        state: dict[str, Any] = super().get_state()
        if _CLAIM not in state:
            state.pop(_VERSION, None)
        return state

    def load_state(self, state: dict[str, Any]) -> None:
        """Restore a state; its version says nothing about a claim that it does not name."""
        # KubeSpawner would warn about every state without a version, and search by itself.
        super().load_state({_VERSION: "", **state} if state else state)

    async def choose_claim(self) -> None:
        """Choose the claim of this server if there is one; otherwise KubeSpawner creates one.

        Raises
        ------
        AdmissionDenied
            Raised if the cluster does not say, or if the claim is another user's. TimeoutError is
            raised if it does not answer.
        """
        self.claim_notice = ""
        if not self.storage_pvc_ensure or not self.handle_legacy_names:
            return
        earlier = self._list_earlier()
        if self._pvc_exists:
            await self._check_remembered(earlier)
            return
        today = await self._read_claim(self.pvc_name)
        if today is not None and self._is_of_an_earlier_name(today):
            self.log.error("PVC %s belongs to %s", self.pvc_name, _marks_of(today))
            raise api_errors.another_users_claim(self.pvc_name)
        # Also where no names are remembered: then each Hub finds an earlier one again.
        found = await self._find_earlier(earlier)
        if today is not None:
            self._pvc_exists = True
            self._report_other_claim(found)
        elif found:
            self.log.warning("%s uses the PVC %s of an earlier release", log_name(self), found)
            self.pvc_name, self._pvc_exists = found, True

    async def _check_remembered(self, earlier: tuple[Earlier, ...]) -> None:
        """Look for other claims of a server whose claim is remembered; never switch silently.

        An earlier claim takes its place only if the remembered one is gone.
        """
        try:
            found = await self._find_earlier(earlier)
            is_there = not found or await self._read_claim(self.pvc_name) is not None
        except (AdmissionDenied, TimeoutError) as error:
            self.retry_reason = None
            self.log.warning("Earlier PVCs of %s were not looked for: %s", log_name(self), error)
            return
        if is_there:
            self._report_other_claim(found)
            return
        self.log.warning(
            "The PVC %s of %s is gone; it uses %s instead", self.pvc_name, log_name(self), found
        )
        self.pvc_name = found

    def _report_other_claim(self, other: str) -> None:
        if not other:
            return
        self.claim_notice = (
            f"This server's home is the volume {self.pvc_name}. Another one of yours, {other}, is "
            "left from before an upgrade, and may hold earlier files. Nothing was changed: "
            "ask an operator to compare the two."
        )
        self.log.warning(
            "%s uses the PVC %s, and %s exists too, from before an upgrade. Compare the two. If "
            "%s is the right one, stop the server and delete %s: the next start uses the other.",
            log_name(self),
            self.pvc_name,
            other,
            other,
            self.pvc_name,
        )

    def _list_earlier(self) -> tuple[Earlier, ...]:
        """List the other names that this server's claim may have, the most likely first."""
        own = (Earlier(self._render(self.pvc_name_template, each), False) for each in _SCHEMES)
        others = (
            Earlier(self._render(template, each), True)
            for template in self.earlier_pvc_name_templates
            for each in _SCHEMES
        )
        named = {each.name: each for each in (*others, *own) if each.name != self.pvc_name}
        return tuple(sorted(named.values(), key=lambda each: each.needs_marks))

    def _render(self, template: str, scheme: str) -> str:
        try:
            return str(self._expand_user_properties(template, slug_scheme=scheme))
        except (IndexError, KeyError, ValueError) as error:
            raise api_errors.unreadable(f"the template {template} of claims, {error!s}") from None

    async def _find_earlier(self, earlier: tuple[Earlier, ...]) -> str:
        for each in earlier:
            claim = await self._read_claim(each.name)
            if claim is not None and self._is_ours(claim, each):
                return each.name
        return ""

    def _is_ours(self, claim: Manifest, earlier: Earlier) -> bool:
        marks = _marks_of(claim)
        if not marks[0]:
            # Made by hand. By its name it may be the claim of a user with that name.
            namesake = User.find(self.user.db, escape_slug(self.user.name))
            return not earlier.needs_marks and namesake in (None, self.user.orm_user)
        if earlier.needs_marks:
            return marks == (self.user.name, self.name)
        return self._is_this_server(marks)

    def _is_this_server(self, marks: tuple[str, str]) -> bool:
        # A claim that all servers of a user share names the server that came first.
        server = self.name if "server" in self.pvc_name_template else marks[1]
        return marks == (self.user.name, server)

    def _is_of_an_earlier_name(self, claim: Manifest) -> bool:
        """Tell whether a claim of today's name is another server's, from an earlier release."""
        marks = _marks_of(claim)
        templates = (self.pvc_name_template, *self.earlier_pvc_name_templates)
        if not marks[0] or self._is_this_server(marks):
            return False
        return self.pvc_name in _render_all(templates, *marks)

    async def _read_claim(self, name: str) -> Manifest | None:
        """Return a claim, ``None`` only if the cluster says that there is none."""
        found: list[Manifest | None] = []

        async def ask() -> bool:
            try:
                found.append(await self.pod_client(self.k8s_api_request_timeout).read_claim(name))
            except TimeoutError:
                return False
            except ApiException as error:
                self.log_refusal(error)
                if error.status not in api_errors.BUSY:
                    raise api_errors.claim_not_readable(name) from None
                return await self.retry_later(error)
            self.retry_reason = None
            return True

        await exponential_backoff(
            ask, f"Nothing is known of PVC {name}", timeout=self.k8s_api_request_retry_timeout
        )
        return found[0]


def _marks_of(claim: Manifest) -> tuple[str, str]:
    """Return the user and the server of a claim, as KubeSpawner has annotated it."""
    marks: Mapping[str, Any] = part(claim, "metadata", "annotations")
    return str(marks.get(STOCK_USER, "")), str(marks.get(STOCK_SERVER, ""))


def _render_all(templates: tuple[str, ...], user: str, server: str) -> Iterator[str]:
    """Yield the names that KubeSpawner 6 gave the claim of a server; none with other fields."""
    slugs = {"username": escape_slug(user), "servername": escape_slug(server)}
    both = f"{slugs['username']}--{slugs['servername']}" if server else slugs["username"]
    # A template without a user names one claim for all of them.
    for template in (each for each in templates if "{user" in each):
        try:
            yield template.format(**slugs, user_server=both).rstrip("-")
        except (IndexError, KeyError):
            continue
