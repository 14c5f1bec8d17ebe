"""The spawn page's form for one server: gathers its viewer, and the requested options."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from traitlets import HasTraits, default

from jupyterhub_platform.core.options import OPTION_NAMES
from jupyterhub_platform.core.policy import Policy
from jupyterhub_platform.hub.people import roles
from jupyterhub_platform.hub.platform import Platform, platform_of
from jupyterhub_platform.hub.public_address import pages_of
from jupyterhub_platform.hub.spawn_page.form_data import options_from_form
from jupyterhub_platform.hub.spawn_page.page_builder import build_page
from jupyterhub_platform.hub.spawn_page.page_context import PageLinks, PageViewer
from jupyterhub_platform.hub.spawn_page.render import render_form


def spawn_form(
    platform: Platform, user: Any, server: str, handler: Any, notes: tuple[str, ...] = ()
) -> str:
    """Render the form that starts ``server`` of ``user``, for the viewer of ``handler``."""
    snapshot, now = platform.snapshot, datetime.now(UTC)
    policy = snapshot.policy
    memberships = frozenset(group.name for group in user.groups)
    stored = user.orm_user.orm_spawners.get(server)
    subject = snapshot.subject(user.name, memberships, now)
    page = build_page(
        policy,
        platform.admission.book,
        subject,
        server,
        now=now,
        revision=snapshot.revision,
        stored_options=stored.user_options if stored else None,
        preselect=asked_options(handler),
        viewer=_read_viewer(policy, handler) if handler else PageViewer(user.name),
        links=PageLinks(
            platform.app.hub_prefix,
            pages_of(user.settings["services"][roles.SERVICE_NAME]),
            handler.request.query if handler else "",
        ),
        last_account=platform.admission.find_last_account(subject),
        titles=_titles(user),
        notes=notes,
    )
    return render_form(page)


def _read_viewer(policy: Policy, handler: Any) -> PageViewer:
    name = getattr(handler.current_user, "name", "")
    manages = policy.managed_groups(name) if handler.has_scope(roles.MANAGE) else frozenset()
    return PageViewer(name, manages, handler.has_scope(roles.READ))


def _titles(user: Any) -> dict[str, str]:
    spawners = user.orm_user.orm_spawners.values()
    return {each.name: each.display_name for each in spawners if each.name and each.display_name}


def asked_options(handler: Any) -> Mapping[str, str]:
    """Return the options of a link, or of the form that was just refused.

    Ours are ``opt-tier=…``; the Hub's own name options as they are: ``tier=…``.
    """
    if handler is None:
        return {}
    if handler.request.method == "POST":
        fields = {
            name: [value.decode("utf8", "replace") for value in values]
            for name, values in handler.request.body_arguments.items()
        }
        asked = options_from_form(fields)
    else:
        asked = {
            name: handler.get_query_argument(f"opt-{name}", "")
            or handler.get_query_argument(name, "")
            for name in OPTION_NAMES
        }
    return {
        name: value
        for name, value in asked.items()
        if name in OPTION_NAMES and isinstance(value, str) and value
    }


class TierFormMixin(HasTraits):
    """Makes a spawner's page the platform's form, whose options only name things."""

    user: Any
    name: str
    handler: Any

    async def get_options_form(self) -> str:
        """Return the platform's form, whatever ``options_form`` says.

        Without a form, the Hub starts a server at once: from a GET, which any page can send.
        """
        return spawn_form(
            platform_of(self.user.settings), self.user, self.name, self.handler, self.page_notes()
        )

    def run_options_from_form(self, form_data: Mapping[str, Any]) -> dict[str, object]:
        """Parse the platform's form, whatever ``options_from_form`` says for others."""
        return options_from_form(form_data)

    @default("apply_user_options")
    def _default_apply_user_options(self) -> Any:
        # Options only name things; admission has read them, and nothing else may.
        return lambda spawner, options: None

    def page_notes(self) -> tuple[str, ...]:
        """Return small print for the spawn page: what cannot be enforced here, for example."""
        return ()
