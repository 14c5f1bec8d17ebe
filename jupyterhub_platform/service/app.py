"""The application: the service's routes."""

import re
from typing import Any

from jupyterhub.services.auth import HubOAuth
from tornado.web import Application, url

from jupyterhub_platform.core.managed import Kind
from jupyterhub_platform.http.static_files import refuse_paths_of_no_file
from jupyterhub_platform.service.api import NotFoundCall, call_of
from jupyterhub_platform.service.api_page import ApiPage, IndexCall
from jupyterhub_platform.service.audit_export import AuditExport
from jupyterhub_platform.service.csv_export import table_of
from jupyterhub_platform.service.documentation import Documentation, find_site
from jupyterhub_platform.service.editing.access_requests import (
    NewRequestPage,
    RequestPage,
    RequestsPage,
)
from jupyterhub_platform.service.editing.bulk_changes import BulkActPage, NewBulkPage
from jupyterhub_platform.service.editing.forms import edit_page_of, new_page_of
from jupyterhub_platform.service.editing.members import MembersPage
from jupyterhub_platform.service.editing.page import PLACES
from jupyterhub_platform.service.editing.people import (
    DeletePage,
    ForgetLoginPage,
    InvitePage,
    ResumePage,
    SuspendPage,
)
from jupyterhub_platform.service.editing.people_table import PeopleTablePage
from jupyterhub_platform.service.editing.policy_rollback import RollBackPage
from jupyterhub_platform.service.editing.retire import retire_page_of
from jupyterhub_platform.service.environment import Environment
from jupyterhub_platform.service.handlers import Callback, Static
from jupyterhub_platform.service.pages import NotFoundPage, page_of
from jupyterhub_platform.service.rendering import STATIC, make_environment
from jupyterhub_platform.service.resources import (
    audit,
    bulk_changes,
    decisions,
    grants,
    groups,
    overview,
    own,
    people,
    policy,
    servers,
    tiers,
    usage,
    who_can,
)
from jupyterhub_platform.service.server_handlers import RemovePage, StopCall, StopPage, WhyPage
from jupyterhub_platform.usecases.reports.last_day import LastDays
from jupyterhub_platform.usecases.reports.reader import StoreReader

_NAME = r"([^/]+)"
_MAY_BE_EMPTY = r"([^/]*)"

_FILLED_IN = {
    Kind.GRANT: frozenset({"user", "group", "account", "tier"}),
    Kind.USER: frozenset({"name"}),
}

ROUTES: tuple[tuple[str, type[Any]], ...] = (
    ("", page_of(own.Own)),
    ("oauth_callback", Callback),
    ("overview", page_of(overview.Overview)),
    ("people", page_of(people.People)),
    (f"people/{_NAME}", page_of(people.Person)),
    ("tiers", page_of(tiers.Tiers)),
    ("usage", page_of(usage.UsageHistory)),
    (f"decisions/{_NAME}", page_of(decisions.Decision)),
    ("groups", page_of(groups.Groups)),
    (f"groups/{_NAME}", page_of(groups.Group)),
    ("grants", page_of(grants.Grants)),
    ("policy", page_of(policy.Policy)),
    ("policy/diff", page_of(policy.Difference)),
    (f"policy/{_NAME}", page_of(policy.Revision)),
    *(
        (rf"{name}\.csv", table_of(name, resource))
        for name, resource in (
            ("people", people.People),
            ("groups", groups.Groups),
            ("tiers", tiers.Tiers),
            ("grants", grants.Grants),
            ("servers", servers.ServerList),
            ("policy", policy.Policy),
        )
    ),
    *((f"new/{kind}", new_page_of(kind, _FILLED_IN.get(kind, frozenset()))) for kind in Kind),
    *((f"{PLACES[kind]}/{_NAME}/edit", edit_page_of(kind)) for kind in Kind),
    *((f"{PLACES[kind]}/{_NAME}/retire", retire_page_of(kind)) for kind in Kind),
    (f"groups/{_NAME}/members", MembersPage),
    (f"people/{_NAME}/suspend", SuspendPage),
    (f"people/{_NAME}/resume", ResumePage),
    (f"people/{_NAME}/invite", InvitePage),
    (f"people/{_NAME}/forget-login", ForgetLoginPage),
    (f"people/{_NAME}/delete", DeletePage),
    (f"policy/{_NAME}/rollback", RollBackPage),
    ("bulk", page_of(bulk_changes.BulkList)),
    (f"bulk/{_NAME}", page_of(bulk_changes.Bulk)),
    (f"bulk/{_NAME}/act", BulkActPage),
    ("new/bulk", NewBulkPage),
    ("new/people", PeopleTablePage),
    ("requests", RequestsPage),
    (f"requests/{_NAME}", RequestPage),
    ("new/request", NewRequestPage),
    ("audit", page_of(audit.Audit)),
    (f"audit/{_NAME}", page_of(audit.AuditRow)),
    (r"audit\.csv", AuditExport),
    ("servers/stop", StopPage),
    ("servers/remove", RemovePage),
    ("servers/why", WhyPage),
    ("docs(?:/(.+)?)?", Documentation),
    ("api", ApiPage),
    ("api/v1/?", IndexCall),
    ("api/v1/me", call_of(own.Own)),
    ("api/v1/overview", call_of(overview.Overview)),
    ("api/v1/people", call_of(people.People)),
    (f"api/v1/people/{_NAME}", call_of(people.Person)),
    ("api/v1/tiers", call_of(tiers.Tiers)),
    ("api/v1/groups", call_of(groups.Groups)),
    (f"api/v1/groups/{_NAME}", call_of(groups.Group)),
    ("api/v1/grants", call_of(grants.Grants)),
    ("api/v1/policy", call_of(policy.Policy)),
    (f"api/v1/policy/{_NAME}", call_of(policy.Revision)),
    (f"api/v1/policy/{_NAME}/diff/{_NAME}", call_of(policy.Difference)),
    ("api/v1/bulk", call_of(bulk_changes.BulkList)),
    (f"api/v1/bulk/{_NAME}", call_of(bulk_changes.Bulk)),
    ("api/v1/servers", call_of(servers.ServerList)),
    (f"api/v1/servers/{_NAME}/{_MAY_BE_EMPTY}", StopCall),
    (f"api/v1/who-can/{_NAME}/{_NAME}", call_of(who_can.WhoCan)),
    ("api/v1/decisions", call_of(decisions.DecisionList)),
    (f"api/v1/decisions/{_NAME}", call_of(decisions.Decision)),
    ("api/v1/audit", call_of(audit.Audit)),
    (f"api/v1/audit/{_NAME}", call_of(audit.AuditRow)),
    ("api/v1/usage/history", usage.UsageCall),
    ("api/.*", NotFoundCall),
)
"""The handlers, by path below the prefix of the service."""


def make_app(environment: Environment, hub_auth: HubOAuth, reader: StoreReader) -> Application:
    """Create the application that serves below the prefix of the service."""
    refuse_paths_of_no_file()
    prefix = environment.prefix
    return Application(
        [url(f"{re.escape(prefix)}{path}", handler) for path, handler in ROUTES],
        default_handler_class=NotFoundPage,
        environment=environment,
        hub_auth=hub_auth,
        reader=reader,
        documentation=environment.documentation or find_site(),
        last_days=LastDays(),
        templates=make_environment(environment.template_paths),
        cookie_secret=environment.cookie_secret,
        static_path=str(STATIC),
        static_url_prefix=f"{prefix}static/",
        static_handler_class=Static,
    )
