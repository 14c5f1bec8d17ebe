"""Faults in pods, claims and what they may ask for."""

from typing import Final

from mutation.faults import noticed_by
from mutation.operators import Always, Drop, Never, Replace, Return

KUBERNETES: Final = (
    *noticed_by(
        "tests/hub/kubernetes/test_site_spawner.py",
        (
            "a site's class starts pods by itself",
            "_find_conflicts",
            Never("method in vars(cls)"),
        ),
        (
            "a site's class may leave out what KubeSpawner does",
            "_find_conflicts",
            Never("not _calls_super(vars(cls)[method])"),
        ),
        (
            "a site's class goes before admission",
            "wrap_spawner",
            Replace("(gate, spawner)", "(spawner, gate)"),
        ),
    ),
    *noticed_by(
        "tests/hub/kubernetes/test_reconciler.py",
        (
            "a Hub with another database removes what it does not know",
            "OrphanTracker.observe",
            Never("len(orphaned) > max(known, 1)"),
        ),
    ),
    *noticed_by(
        "tests/hub/kubernetes/test_guard.py",
        (
            "a pod that says nothing of tokens is let through",
            "_identity",
            Replace(
                'spec.get("automountServiceAccountToken") is not False',
                'spec.get("automountServiceAccountToken")',
            ),
        ),
        (
            "another service account is let through",
            "_identity",
            Replace('(None, "", "default", service_account)', "(spec.get(key),)"),
        ),
        ("the node's network is let through", "_POD", Drop('"hostNetwork": ...')),
        (
            "every NFS volume is let through",
            "forbidden_fields:find_forbidden",
            Never("volume not in volumes"),
        ),
        (
            "another volume takes the place of that of all homes",
            "find_changed_volumes",
            Never(
                '[each for each in items(spec, "volumes") if each.get("name") == name] != [volume]'
            ),
        ),
        (
            "a server mounts all homes",
            "find_changed_volumes",
            Never("path == _OWN and found != admitted"),
        ),
        (
            "a sidecar mounts all homes",
            "_opens_no_more",
            Replace('found.get("subPath") == admitted.get("subPath")', "True"),
        ),
        ("privileged is let through", "find_powers", Never('context.get("privileged")')),
        (
            "unknown kinds of volumes are let through",
            "guard:_volume",
            Replace(
                'volume.keys() - _VOLUMES - {"name"}', 'volume.keys() & {"hostPath"} - {"name"}'
            ),
        ),
        (
            "a certificate of the pod is let through",
            "guard:_volume",
            Never('any("podCertificate" in source for source in sources)'),
        ),
        (
            "a probe of another host is let through",
            "_asked_elsewhere",
            Never('part(container, *where, kind).get("host")'),
        ),
        ("root is let through", "find_unconfined", Never('context.get("runAsUser") == 0')),
        (
            "any sysctl is let through",
            "find_unconfined",
            Never('sysctl.get("name") not in _SYSCTLS'),
        ),
        (
            "any type of SELinux is let through",
            "_selinux",
            Never('(options.get("type") or "container_t") not in _SELINUX_TYPES'),
        ),
        (
            "annotations of AppArmor are let through",
            "find_annotated",
            Never('value != "runtime/default"'),
        ),
        (
            "a claim that nothing reserved is let through",
            "find_foreign",
            Never("name not in admitted", within="for name in _names(spec, 'resourceClaims'): ..."),
        ),
        ("another container uses the server's devices", "find_foreign", Never("path != _OWN")),
        (
            "a claim from another template is let through",
            "find_changed",
            Replace(
                '_named(spec, "resourceClaims", device.name) != [admitted]',
                'not _named(spec, "resourceClaims", device.name)',
            ),
        ),
        (
            "a server goes without what it is charged for",
            "find_changed",
            Replace("own", "()", within="for device in devices: ..."),
        ),
        (
            "what is reserved for claims is requested beside them",
            "_find_exceeding",
            Drop("claimed.get(name, 0)"),
        ),
        ("claims are not looked for", "check_pod", Drop("*find_foreign(spec, allowance.devices)")),
    ),
    *noticed_by(
        "tests/hub/kubernetes/test_starts.py -k cancelled_start",
        (
            "a caller who gives up ends the first list for all callers",
            "WatchingSpawner._start_reflector",
            Return("await beginning"),
        ),
    ),
    *noticed_by(
        "tests/hub/kubernetes/test_reflectors.py",
        (
            "a list or watch without an answer is waited for as long as a start lasts",
            "TimedReflector._default_request_timeout",
            Replace("int(self._answer_seconds)", "60"),
        ),
        (
            "lists that are never answered count as a failure of the Hub",
            "PodLifecycleSpawner._explain_timeout",
            Never("not self.pod_reflector.is_answered"),
        ),
        (
            "a pod that was created at the last moment counts as a failure of the Hub",
            "PodLifecycleSpawner._explain_timeout",
            Never("monotonic() - self._pod.created_at < self.start_timeout * _WATCH_LAG_FRACTION"),
        ),
        (
            "a start that the Hub gives up in the same turn counts as a failure of the Hub",
            "PodLifecycleSpawner._start",
            Always("monotonic() - began < patience"),
        ),
    ),
    *noticed_by(
        "tests/hub/kubernetes/test_restarts.py",
        (
            "pods are not watched before the first request",
            "PlatformKubeSpawner.prepare",
            Drop("IOLoop.current().add_callback(any_of_us.watch)"),
        ),
        (
            "orphaned pods are not looked for",
            "PlatformKubeSpawner.prepare",
            Drop("platform.repeat(reconciler.reconcile, ...)"),
        ),
    ),
    *noticed_by(
        "tests/hub/kubernetes/test_starts.py -k past_the_guard",
        (
            "a server takes the labels of the Hub",
            "KubeTierSpawner._allowance",
            Replace("{**self._selected_by(), **labels_of(admitted)}", "labels_of(admitted)"),
        ),
    ),
    *noticed_by(
        "tests/hub/kubernetes/test_hub_service_account.py",
        (
            "a server runs as the Hub",
            "_acts_as_hub",
            Never('if account and account in (named or ["default"]): ...'),
        ),
        ("a server that names no account runs as the Hub", "_acts_as_hub", Drop('["default"]')),
    ),
    *noticed_by(
        "tests/hub/kubernetes/test_home_claims.py",
        (
            "a state is up to date before its claim is settled",
            "HomeClaimSpawner.get_state",
            Drop("state.pop(_VERSION, None)"),
        ),
        (
            "the home of a namesake is taken",
            "HomeClaimSpawner._is_ours",
            Drop("namesake in (None, self.user.orm_user)"),
        ),
        (
            "a home with another user's mark is taken",
            "HomeClaimSpawner._is_ours",
            Always("self._is_this_server(marks)"),
        ),
        (
            "a new user gets the home of one who was written like that",
            "HomeClaimSpawner.choose_claim",
            Never("today is not None and self._is_of_an_earlier_name(today)"),
        ),
        (
            "no earlier home is looked for where a site remembers no names",
            "HomeClaimSpawner.choose_claim",
            Replace("await self._find_earlier(earlier)", '""'),
        ),
        (
            "two homes are not told of",
            "HomeClaimSpawner._report_other_claim",
            Drop("self.claim_notice = ..."),
        ),
    ),
    *noticed_by(
        "tests/hub/kubernetes/test_home_claims.py -k no_answer",
        (
            "whatever answers 404 knows that there is no home",
            "Pods.read_claim",
            Drop("_is_not_found(error.body)"),
        ),
    ),
)
