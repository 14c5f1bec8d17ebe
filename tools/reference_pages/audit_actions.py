"""What each action in the audit means."""

from typing import Final

from jupyterhub_platform.core.managed import Kind
from jupyterhub_platform.usecases.managed_steps import CHANGED, MADE, RETIRED

AUDIT_ACTIONS: Final[tuple[tuple[str, str], ...]] = (
    ("policy.published", "A policy became a new revision."),
    ("audit.trimmed", "Rows that were old enough were removed; `checkpoint` stands for them."),
    ("server.denied", "A start was denied; the detail has the id and a digest of the decision."),
    (
        "server.denied_again",
        (
            "The same denial was given again: how often (`times`), between when. It shares the "
            "decision of the first one, and is entered once a minute."
        ),
    ),
    (
        "server.denials_counted",
        (
            "A caller was denied so often that the rest was only counted: how often, between when, "
            "for which servers (the first 20), with which codes."
        ),
    ),
    (
        "server.choice_passed_over",
        "A choice of an earlier start no longer exists; a default took its place.",
    ),
    ("request.made", "A user asked for a tier, more quota, a longer grant, or a level."),
    ("request.approved", "A request was approved; what it gives has a row of its own."),
    ("request.refused", "A request was refused; the detail has the reason."),
    ("request.withdrawn", "A request was withdrawn by its user."),
    ("bulk.started", "A bulk change was begun; each change that it makes has a row of its own."),
    ("bulk.resumed", "A stopped bulk change goes on."),
    (
        "bulk.failed",
        "A bulk change that is made whole or not at all was refused, and is undone.",
    ),
    ("bulk.done", "A bulk change has ended, with how many were done, the same and refused."),
    ("request.expired", "A request expired, as no one answered it."),
    ("request.void", "A request ended as its user was suspended or removed."),
    ("notice.retried", "A notice was sent again that had not been delivered."),
    ("notice.tested", "A test of notices was sent; the subject is whom its e-mail is for."),
    ("person.invited", "An invite was made."),
    ("person.claimed", "A user of an identity provider logged in for the first time."),
    ("person.claims_changed", "What rules give a user by their provider's claims has changed."),
    ("person.forgotten", "Which user of a provider has a name was forgotten."),
    ("person.suspended", "A user was suspended; the detail has the reason and the end."),
    ("person.resumed", "A suspension was lifted, by a user or because its end had come."),
    ("person.password_set", "A password was set: by invite, by change, or as a sample."),
    ("policy.rolled_back", "A roll back of managed objects was refused."),
    ("policy.adopted", "Moving a managed object into the policy file was refused."),
    ("policy.released", "Moving a declared object out of the policy file was refused."),
    ("person.logged_in", "A login was refused; a login that succeeds has no row."),
    ("person.added", "A user was added to the Hub, by JupyterHub's own API."),
    ("person.changed", "A user was renamed there, or made an admin or none."),
    ("person.removed", "A user was removed from the Hub."),
    ("group.added", "A group was added to the Hub, by JupyterHub's own API."),
    ("group.removed", "A group was removed from the Hub; the detail has its members."),
    ("group.members_added", "Users were added to a group of the Hub."),
    ("group.members_removed", "Users were taken out of a group of the Hub."),
    ("group.properties_set", "The properties of a group of the Hub were set."),
    ("token.made", "A token was made; the detail has its id and scopes, never the token."),
    ("token.revoked", "A token was revoked."),
    ("share.made", "A server was shared; the detail has with whom, and the scopes."),
    ("share.revoked", "A share was revoked, by its owner or by who had it."),
    ("share.accepted", "A share code was used."),
    ("share_code.made", "A share code was made; the detail never has the code."),
    ("share_code.revoked", "Share codes were revoked."),
    ("server.started", "A start was refused because the caller may not start that server."),
    ("server.added", "A server was added for another user without starting it."),
    ("server.changed", "Another user's server was changed."),
    ("server.stopped", "Another user's server was stopped; one's own stands in the ledger."),
    ("service.added", "A service was added to the Hub."),
    ("service.removed", "A service was removed from the Hub."),
    ("proxy.changed", "The Hub was told of another proxy."),
    ("hub.shut_down", "The Hub was shut down over its API."),
    *(
        (
            f"{kind}.{verb}",
            f"{kind.capitalize()} {what} in the Hub; the detail has before and after.",
        )
        for kind in Kind
        for verb, what in ((MADE, "made"), (CHANGED, "changed"), (RETIRED, "retired"))
    ),
    (
        "call.refused",
        (
            "Another call was refused; or, with `times`, those of one caller that are beyond "
            "what is recorded one by one, and what they were."
        ),
    ),
    ("call.counted", "Changes of tokens and shares beyond what is recorded one by one."),
)
