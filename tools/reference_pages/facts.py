"""What the reference says and the code does not: what a code means, who may use a route."""

from collections.abc import Mapping
from typing import Final

from jupyterhub_platform.core.managed import Kind
from jupyterhub_platform.usecases.managed_steps import CHANGED, MADE, RETIRED

DECISION_CODES: Final[tuple[tuple[str, str], ...]] = (
    ("options.invalid", "An option is unknown, or is not a name. Options never carry values."),
    ("options.tier", "No such tier, or none was named and the policy has no default."),
    ("options.account", "The person is in several groups and named none."),
    ("options.image", "The tier does not list that image."),
    ("person.unknown", "The policy does not declare the person."),
    ("person.suspended", "The person is suspended, in the policy or by an admin."),
    ("level.may_not_start", "The level of the person starts no servers (viewer, auditor)."),
    ("account.none", "The user is in no group, so that no account could be charged."),
    ("account.not_member", "The person is not a member of the group that was to be charged."),
    ("tier.not_granted", "The tier exists, and is not open to this person in this account."),
    (
        "quota.RESOURCE",
        (
            "A limit of the person or the account would be exceeded: `quota.servers`, `quota.cpu`, "
            "`quota.memory`, `quota.nvidia.com/gpu` and so on."
        ),
    ),
    ("quota.tier", "`at_once` of the tier for one person or one account would be exceeded."),
    (
        "capacity.RESOURCE",
        "The quota of the whole platform would be exceeded: `capacity.servers` and so on.",
    ),
    ("capacity.tier", "`at_once.platform` of the tier would be exceeded."),
)

OTHER_CODES: Final[tuple[tuple[str, str, str], ...]] = (
    (
        "server.still_stopping",
        "409",
        "The last run of this server has not released its reservation.",
    ),
    ("server.not_admitted", "403", "A start did not go through admission."),
    ("platform.store", "503", "The store does not answer: nothing can be recorded."),
    ("platform.store.schema", "-", "The store's schema is newer or older than the code."),
    ("platform.store.mismatch", "-", "The database is another one than before."),
    ("platform.store.in_use", "-", "Another Hub uses the store; this one does not start."),
    ("pod.exceeds_reservation", "409", "The rendered pod asks for more than was reserved."),
    (
        "pod.forbidden_field",
        "409",
        "The rendered pod has a field that gives the server access to its node.",
    ),
    ("pod.changed", "409", "The rendered pod differs from the admitted one."),
    ("pod.configuration", "500", "A setting of the site makes every pod invalid."),
    ("cluster.quota", "409", "A ResourceQuota of the namespace leaves no room."),
    ("cluster.limit_range", "409", "A LimitRange of the namespace forbids what the tier asks for."),
    (
        "cluster.pod_security",
        "500",
        "The namespace's Pod Security standard rejects this Hub's pods.",
    ),
    (
        "cluster.name_taken",
        "409",
        "A pod of that name belongs to another owner, and is left alone.",
    ),
    ("cluster.still_leaving", "503", "The pod of the last run is still shutting down."),
    ("cluster.busy", "503", "The Kubernetes API was too busy."),
    ("cluster.no_answer", "503", "The Kubernetes API did not answer."),
    ("cluster.no_service_account", "500", "The service account that the pod names does not exist."),
    ("cluster.no_priority_class", "500", "The PriorityClass that the pod names does not exist."),
    ("cluster.no_runtime_class", "500", "The RuntimeClass that the pod names does not exist."),
    ("cluster.webhook", "500", "An admission webhook or policy of the cluster denied the pod."),
    ("cluster.refused", "500", "The Kubernetes API refused the pod; the Hub's log says why."),
    ("cluster.full", "503", "No node has enough room for the server."),
    ("cluster.node_coming", "503", "No node has room for the server yet, and one is being added."),
    ("cluster.node_failed", "503", "The last attempt to add a node for the server failed."),
    ("cluster.at_most", "503", "The cluster has its maximum of nodes."),
    ("cluster.empty", "503", "The cluster has no node."),
    ("cluster.cordoned", "503", "Nodes that could run the server are cordoned."),
    ("cluster.node_pressure", "503", "Nodes are short of memory, disk or processes."),
    ("cluster.node_leaving", "503", "Nodes that could run the server are about to be removed."),
    ("cluster.node_starting", "503", "Nodes that could run the server are still being set up."),
    ("cluster.node_not_ready", "503", "Nodes are not ready, or do not respond."),
    ("cluster.tainted", "503", "Nodes have taints that the server does not tolerate."),
    ("cluster.ports", "503", "The port that the pod asks for is taken on every node."),
    ("cluster.pod_affinity", "503", "Rules about pods beside each other keep it from the nodes."),
    ("cluster.spread", "503", "Rules about spreading pods keep it from the nodes."),
    ("cluster.preempting", "503", "Servers of a lower priority are ended to make room."),
    ("cluster.unplaced", "503", "The scheduler's reason is unknown here, and is quoted."),
    ("cluster.gated", "503", "A scheduling gate of the cluster holds the pod back."),
    ("cluster.no_node", "503", "No node is of the kind that the tier asks for."),
    ("pod.volume_elsewhere", "500", "The server's files are in a zone without a free node."),
    ("pod.volume_unbound", "500", "The server's volume does not exist yet."),
    ("pod.volume_missing", "500", "The claim of a volume does not exist."),
    ("pod.volume_leaving", "500", "The claim of a volume is being deleted."),
    ("pod.volume_lost", "500", "The volume behind the claim is gone."),
    ("pod.volume_class", "500", "The storage class of the volume does not exist."),
    ("pod.volume_count", "500", "Every node has its maximum of volumes."),
    ("pod.volume_driver", "500", "Nodes lack the driver of the volume."),
    ("pod.volume_in_use", "500", "Another pod uses the volume, which only one may use at a time."),
    ("pod.volume_space", "500", "No node's storage has room for the volume."),
    ("pod.volume_attached", "500", "The volume is still attached to another node."),
    ("pod.volume_attach", "500", "The node cannot attach the volume."),
    ("pod.volume_mount", "500", "The node cannot mount a volume."),
    ("pod.volume_source", "500", "A Secret or ConfigMap that the pod mounts does not exist."),
    ("pod.volume_permissions", "500", "The node is changing the owner of the volume's files."),
    ("pod.volume_not_said", "500", "The cluster does not say whether the home exists."),
    ("pod.volume_taken", "409", "The home of that name was another user's before an upgrade."),
    ("pod.network", "500", "The node cannot give the pod its network."),
    ("pod.device_busy", "500", "The claimed devices are in use, or on another node."),
    ("pod.device_setup", "500", "The node cannot prepare the claimed devices."),
    ("pod.claim_unmade", "500", "The claim for the server's devices is not created yet."),
    ("pod.device_class", "500", "The cluster does not know the kind of devices that is claimed."),
    ("pod.image_pull", "500", "The image cannot be pulled."),
    ("pod.image_absent", "500", "The image is not on the node, and may not be pulled."),
    ("pod.image_unreadable", "500", "The image is on the node, but the node cannot read it."),
    ("pod.image_name", "500", "The image has a name that cannot be read."),
    ("pod.container", "500", "The node cannot start the container as it is described."),
    ("pod.setup", "500", "The pod has a node, and waits there for volumes or network."),
    ("pod.rejected", "500", "The node rejected the pod."),
    ("pod.crashes", "500", "The program keeps ending soon after it starts."),
    ("pod.evicted", "-", "The node had no room left, and evicted the server."),
    ("pod.preempted", "-", "The server made room for one of a higher priority."),
    ("pod.moved", "-", "The cluster took the server off a node that was drained or removed."),
    ("pod.node_lost", "-", "The node no longer responds."),
    ("server.out_of_memory", "-", "The server used more memory than its tier has."),
    ("server.failed", "-", "The server's program ended with an error."),
    ("server.ended", "-", "The server ended by itself."),
    ("server.not_up", "500", "The server did not get ready within `start_timeout`."),
    ("server.not_started", "500", "Something went wrong before the server ran."),
    ("server.not_answering", "500", "The server did not answer within `http_timeout`."),
    ("server.too_slow", "500", "The same, and its tier has too little CPU to start JupyterLab."),
    ("server.no_hub", "500", "The same, and its log says that it cannot reach the Hub."),
    ("server.running", "-", "The server runs."),
    ("server.starting", "-", "The server is starting, and no problem is known."),
    ("server.checking", "-", "The Hub was restarted, and is checking whether the server runs."),
    ("server.unreached", "-", "The Hub was restarted, and could not reach the server afterwards."),
    ("server.stopping", "-", "The server is shutting down."),
    ("server.stopped", "-", "A user stopped the server."),
    ("server.lifetime", "-", "The server was stopped at the end of its lifetime."),
    ("server.idle", "-", "The server was stopped because it was not used."),
    ("server.suspended", "-", "The server was stopped because its owner was suspended."),
    ("pod.deleted", "-", "The server's pod was deleted, and not by the Hub."),
    ("level.may_not_see", "403", "The level does not show that page."),
    ("level.may_not_stop", "403", "The server is not theirs to stop."),
    ("level.no_access", "403", "The person has no access to the service."),
    ("options.server", "400", "A stop names no user, or no server that can exist."),
    ("request.token", "401", "The service's API was called without a token of the Hub."),
    ("request.xsrf", "403", "A form has expired, or came from another page."),
    ("request.origin", "403", "A change came from another site."),
    ("request.embedded", "403", "A page was to be shown inside of another."),
    ("request.content_type", "415", "A body has another type than is accepted."),
    ("request.invalid", "400", "A body, a header or an argument is not what the call takes."),
    ("request.forbidden", "403", "The caller is not logged in, or lacks the scope."),
    ("request.conflict", "409", "It conflicts with the current state."),
    ("request.changed", "412", "It was changed since the caller saw it."),
    ("request.media_type", "415", "The body has a type that the call does not take."),
    (
        "request.precondition",
        "428",
        "The request does not say which version its caller saw: `If-Match` or `If-None-Match`.",
    ),
    ("platform.unavailable", "503", "Hub or store does not answer now."),
    ("request.method", "405", "The address does not answer to that method."),
    ("request.too_large", "413", "A body has more than 1 MiB; nothing of it was looked at."),
    ("request.too_long", "414", "An address has more than 8 KiB; nothing of it was looked at."),
    (
        "request.too_many_headers",
        "431",
        "A request has more than 100 headers or 200 cookies; nothing of it was looked at.",
    ),
    ("request.too_many_chunks", "413", "A chunked body has more than 4096 chunks."),
    ("request.refused", "4xx", "Tornado refused the request before it reached us."),
    (
        "query.invalid",
        "400",
        "A call does not take an argument, or a list has no such page or order.",
    ),
    ("platform.local", "500", "Servers cannot be started on this machine as configured."),
    ("platform.local.still_alive", "500", "A process of a server cannot be ended."),
    ("platform.not_found", "404", "It does not exist, or the caller may not see it."),
    ("platform.hub", "502, 503", "The Hub does not answer the service, or not as it should."),
    ("platform.fault", "500", "A fault of the service; its log has the details."),
    ("platform.too_often", "429", "The caller has made many invites without a break."),
    ("platform.configuration", "-", "A setting keeps the Hub from starting."),
    ("platform.error", "-", "The base of all errors; never seen by itself."),
    (
        "admission.denied",
        "-",
        "The internal code of a denial; callers see the codes of its decision.",
    ),
    ("policy.invalid", "422", "The policy file has faults; `reload` and Overview list them."),
    ("policy.not_in_force", "-", "The policy file has changed, and is not read yet (Overview)."),
    (
        "platform.drift",
        "-",
        "The Hub's record of what is held differs from what is held (Overview).",
    ),
    (
        "policy.quantity",
        "-",
        "A text is not a Kubernetes quantity, or a name is not a resource name.",
    ),
    ("identity.name", "-", "The platform does not accept a name."),
    ("password.invalid", "400", "A new password cannot be accepted; the sentence says why."),
    (
        "suspension.declared",
        "409",
        "The policy declares the suspension; it can only be lifted there.",
    ),
    ("suspension.last_admin", "409", "No admin would be left who could lift the suspension."),
    ("suspension.none", "409", "The user to be resumed is not suspended."),
    ("suspension.oneself", "409", "Users cannot suspend themselves, or lift their own suspension."),
    ("suspension.over", "409", "A suspension would be over before it begins."),
    ("managed.declared", "409", "The policy file declares the object; it is changed there."),
    ("managed.changed", "409, 412", "The object, or the policy, was changed since it was seen."),
    ("managed.none", "404", "No such object is managed in the Hub."),
    ("managed.nothing", "409", "Nothing changed that a rollback could undo."),
    (
        "managed.not_allowed",
        "403",
        "A manager changes what is not theirs, or gives what they do not hold.",
    ),
    ("request.not_yours", "403", "A user who is suspended or not declared asks for something."),
    ("request.own", "403", "Nobody answers their own request."),
    ("request.more", "400", "An approval exceeds what was asked for."),
    ("request.account", "409", "The user is not in the group in which it should count."),
    ("request.tier", "409", "The tier cannot be asked for."),
    ("request.needless", "409", "The user has already what is asked for."),
    ("request.open", "409", "The same request is open already."),
    ("request.too_many", "409", "The user has as many open requests as there may be."),
    ("request.gone", "409", "What the request is about is gone."),
    ("request.suspended", "409", "The user who asks is suspended."),
    ("request.decided", "409", "The request has been answered, withdrawn, or has expired."),
    ("invite.invalid", "410", "An invite is unknown, used or expired; it does not say which."),
)

AUDIT_ACTIONS: Final[tuple[tuple[str, str], ...]] = (
    ("policy.published", "A policy became a new revision."),
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
    *(
        (
            f"{kind}.{verb}",
            f"{kind.capitalize()} {what} in the Hub; the detail has before and after.",
        )
        for kind in Kind
        for verb, what in ((MADE, "made"), (CHANGED, "changed"), (RETIRED, "retired"))
    ),
    ("request.made", "A user asked for a tier, more quota, a longer grant, or a level."),
    ("request.approved", "A request was approved; what it gives has a row of its own."),
    ("request.refused", "A request was refused; the detail has the reason."),
    ("request.withdrawn", "A request was withdrawn by its user."),
    ("request.expired", "A request expired, as no one answered it."),
    ("request.void", "A request ended as its user was suspended or removed."),
    ("person.invited", "An invite was made."),
    ("person.suspended", "A user was suspended; the detail has the reason and the end."),
    ("person.resumed", "A suspension was lifted, by a user or because its end had come."),
    ("person.password_set", "A password was set: by invite, by change, or as a sample."),
)

_MINE: Final = "`custom:platform:self`"
_READ: Final = "`custom:platform:read`"
HUB_ROUTES: Final[Mapping[str, tuple[str, str, str]]] = {
    r"/api/users/([^/]+)/server": (
        "/hub/api/users/NAME/server",
        "as in JupyterHub",
        "JupyterHub's own call. Two simultaneous starts are one; an invalid body gets 400.",
    ),
    r"/api/users/([^/]+)/servers/([^/]*)": (
        "/hub/api/users/NAME/servers/SERVER",
        "as in JupyterHub",
        "The same for a named server.",
    ),
    r"/api/platform(?:/.*)?": (
        "/hub/api/platform/…",
        "no caller: 404, and 403 without a login",
        "Any unknown address.",
    ),
    r"/invite/([^/]*)": (
        "/hub/invite/",
        "the holder of the link",
        "A page. The link has the token in its query, what is posted in the form field `token`.",
    ),
    r"/password": ("/hub/password", "the person", "A page."),
    r"/spawn": (
        "/hub/spawn",
        "the person",
        "The spawn page. A GET starts nothing; its form posts to the same address.",
    ),
    r"/spawn/([^/]+)": (
        "/hub/spawn/USER",
        "who may start servers of USER",
        (
            "`?opt-tier=`, `opt-account=` and `opt-image=` preselect. While the server "
            "already runs, they lead to a choice; `new-server=` names another server."
        ),
    ),
    r"/spawn/([^/]+)/([^/]+)": (
        "/hub/spawn/USER/SERVER",
        "who may start servers of USER",
        "The same for a named server.",
    ),
    r"/platform/static/(.*)": ("/hub/platform/static/FILE", "everyone", "Style sheet, scripts."),
}

SERVICE_ROUTES: Final[Mapping[str, str]] = {
    "": _MINE,
    "oauth_callback": "the Hub sends browsers here after a login",
    "overview": f"{_READ}, or a manager for their groups",
    "people": f"{_READ}, or a manager for their groups",
    "people/([^/]+)": "the caller; others as above",
    "tiers": f"{_READ}, or a manager for their groups",
    "usage": "the caller's own; others as above",
    "decisions/([^/]+)": "its owner; others as above",
    "servers/stop": "asks first; the Hub decides, by the caller's own token",
    "servers/why": "its owner, a manager of its account, or as the Hub decides",
    "api/.*": "no caller: 404",
}

SERVICE_NAMES: Final = {
    "people/([^/]+)": "people/NAME",
    "decisions/([^/]+)": "decisions/ID",
    "api/.*": "api/…",
}
