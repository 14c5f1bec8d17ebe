"""Faults in how pods of users' own controllers are counted, and whose they are."""

from typing import Final

from mutation.faults import noticed_by
from mutation.operators import Drop, Never, Replace

OBSERVED_PODS: Final = (
    *noticed_by(
        "tests/usecases/test_observed_pods.py -k sqlite",
        ("pods count as servers", "Book.servers_of", Replace("not held.pod", "True")),
        (
            "another pod of the name goes on",
            "SeenPod.is_held_by",
            Replace("held.id == make_id(self.uid, held.opened_at)", "True"),
        ),
        ("a restart forgets pods", "consistency:rebuild", Never("row.pod")),
        (
            "a pod says what was charged last",
            "ledger:find_last_account",
            Drop("ended = ended.where(is_of_server())"),
        ),
        (
            "pods are among decisions",
            "decision_log:list_decisions",
            Never("table is reservation and server is None"),
        ),
        (
            "what is not recorded is held",
            "ObservedPods.enter",
            Drop("raise"),
        ),
    ),
    *noticed_by(
        "tests/hub/kubernetes/test_pod_users.py",
        (
            "users who are gone are found",
            "LabelledUsers.find",
            Replace("name in people and slug_of(name) == value", "slug_of(name) == value"),
        ),
        (
            "half of a form is a name",
            "pod_users:_unescape",
            Replace("name if escape_slug(name) == value else ''", "name"),
        ),
    ),
)
