"""Faults in why a pod does not start, or has ended."""

from typing import Final

from mutation.faults import noticed_by
from mutation.operators import Drop, Never, Replace, Return

KUBERNETES_CAUSES: Final = (
    *noticed_by(
        "tests/hub/kubernetes/test_causes.py",
        (
            "a large image is taken for volumes that do not come",
            "_explain_setup",
            Drop('sandbox.get("status") != "False"'),
        ),
        (
            "a pod that was just placed is late",
            "_explain_setup",
            Replace("_SETUP_TIME", "timedelta(0)"),
        ),
        (
            "containers beside the server are not looked at",
            "_explain_waiting",
            Drop("*_list_sidecar_states(pod)"),
        ),
        (
            "what others sent is repeated",
            "_explain_rejection",
            Replace("_REASON", 're.compile(".*")'),
        ),
        (
            "a pod that its node refused has no cause",
            "_explain_rejection",
            Replace('status.get("phase") != "Failed"', 'status.get("phase") == "Failed"'),
        ),
        (
            "a server that is moved is said to have lost its node",
            "explain_disruption",
            Replace("return _MOVED", "return _NODE_LOST"),
        ),
        (
            "a drained node is said to be full",
            "explain_disruption",
            Replace("_OF_DISRUPTION.get(reason, _MOVED)", "_OF_DISRUPTION.get(reason, _EVICTED)"),
        ),
        (
            "a kubelet's word for not ready is taken for a lost node",
            "_is_cut_off",
            Drop('not ready.get("reason")'),
        ),
        (
            "a server that was never ready is cut off",
            "_is_cut_off",
            Return('ready.get("status") == "False" and not ready.get("reason")'),
        ),
        ("a server that is cut off runs", "explain_disruption", Never("_is_cut_off(pod)")),
    ),
    *noticed_by(
        "tests/hub/kubernetes/test_scheduling.py",
        ("what is not known is not quoted", "scheduling:_KINDS", Drop("_UNKNOWN")),
        (
            "a control plane is taken for a node of the tier",
            "_OTHER_KIND",
            Drop("taints.is_never_for_servers(words)"),
        ),
        (
            "what preemption says is a reason",
            "causes/scheduling:_read",
            Replace('_TAIL.sub("", _HEAD.sub("", message))', '_HEAD.sub("", message)'),
        ),
        (
            "a node is on its way for ever",
            "with_scaling",
            Return("_coming(cause)", within="if reason in _COMING: ..."),
        ),
        (
            "the scheduler is taken for an autoscaler",
            "_is_of_an_autoscaler",
            Replace('if event.get("reason") != "FailedScheduling": return True', "return True"),
        ),
        (
            "a node helps a claim that does not exist",
            "with_scaling",
            Drop("cause.code in _NO_HELP"),
        ),
        ("events of an earlier pod count", "about", Return("[each for each in events() if True]")),
    ),
)
