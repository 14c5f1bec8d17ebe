"""Verbs of ``jhp`` for each call; a call without one of its own is made by ``jhp api``."""

from collections.abc import Mapping
from typing import Final

from jupyterhub_platform.core.managed import Kind
from jupyterhub_platform.rest.operations import Operation

VERBS: Final[Mapping[str, str]] = {
    "explainServer": "jhp why USER/SERVER",
    "readHealth": "jhp doctor",
    "reload": "jhp policy reload",
    "invite": "jhp invite NAME",
    "suspend": "jhp suspend NAME",
    "resume": "jhp resume NAME",
    "forgetLogin": "jhp identity forget NAME",
    "makeGrant": "jhp grant add",
    "rollBack": "jhp policy rollback N",
    "adopt": "jhp adopt KIND NAME",
    "release": "jhp release KIND NAME",
    "startBulk": "jhp bulk run ACT NAME …",
    "readBulk": "jhp bulk show ID",
    "readBulkReport": "jhp bulk show ID",
    "stopBulk": "jhp bulk stop ID",
    "resumeBulk": "jhp bulk resume ID",
    "undoBulk": "jhp bulk undo ID",
    "listBulk": "jhp bulk ls",
    "makeRequest": "jhp request",
    "listRequests": "jhp request ls",
    "approveRequest": "jhp request approve ID",
    "refuseRequest": "jhp request refuse ID",
    "withdrawRequest": "jhp request withdraw ID",
    "listPeople": "jhp user ls",
    "readPerson": "jhp explain NAME",
    "readUsage": "jhp explain NAME",
    "listTiers": "jhp tier ls",
    "listGroups": "jhp group ls",
    "listGrants": "jhp grant ls",
    "listRevisions": "jhp policy revisions",
    "readRevision": "jhp policy diff A B --steps",
    "comparePolicies": "jhp policy diff FIRST LAST",
    "listServers": "jhp ls",
    "stopServer": "jhp stop USER/SERVER",
    "stopDefaultServer": "jhp stop USER",
    "listWhoCan": "jhp who-can VERB NAME",
    "listAudit": "jhp audit list",
    "readAuditRow": "jhp audit show NUMBER",
    "readUsageHistory": "jhp usage",
    **{f"read{kind.capitalize()}": f"jhp {kind} show NAME" for kind in Kind},
    **{f"put{kind.capitalize()}": f"jhp {kind} set NAME" for kind in Kind},
    **{f"retire{kind.capitalize()}": f"jhp {kind} retire NAME" for kind in Kind},
}
"""The verb of each call that has one."""


def say_verb(call: Operation) -> str:
    """Return how ``jhp`` makes a call."""
    parts = " ".join(each.upper() for each in call.path_names)
    return VERBS.get(call.id) or f"jhp api {call.id} {parts}".rstrip()
