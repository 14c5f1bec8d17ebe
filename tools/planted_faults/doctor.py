"""Faults in what ``jhp doctor`` sees of a cluster."""

from typing import Final

from mutation.faults import noticed_by
from mutation.operators import Always, Drop, Never, Replace, Return

DOCTOR: Final = (
    *noticed_by(
        "tests/deploy/test_cluster_checks.py",
        (
            "a template gives more than is counted, and all is well",
            "devices:_check_claim",
            Never("given != device.count"),
        ),
        (
            "devices of everybody are claimed, and all is well",
            "_check_template",
            Never('any(each.get("adminAccess") for each in requests)'),
        ),
    ),
    *noticed_by(
        "tests/cli/test_hub_client.py",
        ("whatever answers is a Hub", "HubClient._take", Never("not data.keys() >= set(keys)")),
        ("every word is an address", "find_place", Drop("check_address(url)")),
    ),
    *noticed_by(
        (
            "tests/deploy/test_cluster_checks.py tests/deploy/test_amounts.py "
            "tests/deploy/test_network_rules.py "
            "tests/deploy/test_workload_checks.py tests/deploy/test_hub_checks.py "
            "tests/deploy/test_connection.py"
        ),
        (
            "a Hub that was restarted and runs is said not to run",
            "_check_deployment",
            Never("trouble.is_over"),
        ),
        (
            "DNS is in any namespace that a policy names",
            "Network._is_dns",
            Never("is_there is False"),
        ),
        (
            "anything may be posted",
            "Connection.review",
            Never('not path.startswith("/apis/authorization.k8s.io/v1/")'),
        ),
        ("anything may follow a review", "Connection.review", Drop("not path.endswith(REVIEWS)")),
        ("a refusal is an answer", "Connection._send", Never("answer.status >= 400")),
        ("what may not be read is empty", "reader:_read", Drop("unread=reason")),
        ("a right that is not reported is there", "_may", Replace("return None", "return True")),
        (
            "a login page is an API server",
            "_find_obstacle",
            Replace('"" if "gitVersion" in version else other', '""'),
        ),
        (
            "an API server that refuses everything answers",
            "_find_obstacle",
            Replace('f"it refuses to tell its version ({reason})"', '""'),
        ),
        ("a ratio of nothing is kept", "_check_ratio", Never("if missing: ...")),
        ("taints keep no pod out", "_KEEPS_OUT", Replace('{"NoSchedule", "NoExecute"}', "{''}")),
        ("selectors select every node", "find_obstacle", Never("labels.get(key) != value")),
        ("DaemonSets take nothing", "left_on", Drop("left[name] = _less(...)")),
        (
            "an amount of a node that cannot be read is nothing",
            "deploy/scheduling:_read",
            Replace("read[name] = None", "read[name] = 0"),
        ),
        (
            "a cordoned node takes pods",
            "find_obstacle",
            Never('part(node, "spec").get("unschedulable")'),
        ),
        (
            "every quota counts",
            "check_quotas",
            Always("is_counted(quota, tier.pod.priority_class or priority)"),
        ),
        ("what cannot be read is well", "check_quotas", Drop("yield from find_unreadable(...)")),
        (
            "Hub and proxy hold nothing",
            "check_quotas",
            Replace("held_beside_servers(cluster, quota)", "{}"),
        ),
        ("claims of devices are in no quota", "_asked", Never("if tier.pod.devices: ...")),
        ("no quota is too small", "quotas:_check_tier", Never("name in asked")),
        ("the Hub's rights are widened", "read_rights", Return("READ_RIGHTS")),
        (
            "a container that cannot be made is well",
            "_find_in_container",
            Never("reason in _CONFIG"),
        ),
        (
            "a rollout that is stuck is well",
            "workloads:_check_deployment",
            Never('progressing.get("status") == "False"'),
        ),
        (
            "nodes that may not be read are in one zone",
            "_check_class",
            Never("is_at_once and nodes.unread"),
        ),
        (
            "servers may reach each other",
            "_check_servers",
            Replace("if may is False: return", "return"),
        ),
        (
            "the Hub need not get out",
            "_check_ways_out",
            Never("not network.lets_out_to_api(hub)"),
        ),
        ("no pod needs DNS", "_check_ways_out", Never("lets is False")),
        (
            "only the Hub needs DNS",
            "_check_ways_out",
            Replace("servers", "hub", within='(servers, "singleuser", ...)'),
        ),
        (
            "the way to DNS is one to the API server",
            "_is_no_dns_port",
            Always('described.get("port") not in DNS_PORTS'),
        ),
        (
            "what stands in the way is overlooked",
            "Network.lets",
            Replace("return False, direction", "continue"),
        ),
        ("a broken policy file is well", "check_policy", Never("if faults: ...")),
        ("a store that is down is well", "deploy:check_store", Never('store.get("fault")')),
    ),
)
