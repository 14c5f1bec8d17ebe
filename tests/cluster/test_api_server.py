"""What an API server without nodes is real about."""

import base64
import json
from contextlib import closing
from pathlib import Path

import pytest
from kubernetes.client import CoreV1Api, RbacAuthorizationV1Api
from kubernetes.client.exceptions import ApiException
from urllib3.exceptions import MaxRetryError

from tests.cluster.api import connect, connect_as
from tests.cluster.certificates import Authority
from tests.cluster.control_plane import ControlPlane
from tests.cluster.fixtures import Cluster
from tests.cluster.objects import render_pod, wait_for

pytestmark = pytest.mark.cluster


def test_pod_without_a_node_waits_with_the_words_of_the_scheduler(
    api_cluster: Cluster, namespace: str
) -> None:
    core = CoreV1Api(api_cluster.client)
    pod = render_pod("waiting", nodeSelector={"no": "such-node"})
    core.create_namespaced_pod(namespace, pod)

    def read_reason() -> str:
        status = core.read_namespaced_pod("waiting", namespace).status
        assert status.phase == "Pending"
        return next(
            (c.message or "" for c in status.conditions or () if c.type == "PodScheduled"), ""
        )

    # Which of the two depends on whether the cluster is ours or a lent one with nodes.
    reason = wait_for(read_reason, "the scheduler")
    assert "no nodes available to schedule pods" in reason or "didn't match" in reason


def test_quota_refuses_what_is_over_it(api_cluster: Cluster, own_namespace: str) -> None:
    core = CoreV1Api(api_cluster.client)
    quota = {"metadata": {"name": "small"}, "spec": {"hard": {"requests.cpu": "150m"}}}
    core.create_namespaced_resource_quota(own_namespace, quota)
    wait_for(
        lambda: core.read_namespaced_resource_quota("small", own_namespace).status.hard,
        "the quota to count",
    )
    core.create_namespaced_pod(own_namespace, render_pod("fits"))
    with pytest.raises(ApiException, match="exceeded quota: small") as refused:
        core.create_namespaced_pod(own_namespace, render_pod("too-much"))
    assert refused.value.status == 403


def test_role_without_a_verb_does_not_give_it(api_cluster: Cluster, namespace: str) -> None:
    core = CoreV1Api(api_cluster.client)
    rbac = RbacAuthorizationV1Api(api_cluster.client)
    core.create_namespaced_service_account(namespace, {"metadata": {"name": "reader"}})
    rules = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list"]}]
    rbac.create_namespaced_role(namespace, {"metadata": {"name": "reader"}, "rules": rules})
    binding = {
        "metadata": {"name": "reader"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "reader"},
        "subjects": [{"kind": "ServiceAccount", "name": "reader", "namespace": namespace}],
    }
    rbac.create_namespaced_role_binding(namespace, binding)
    answer = core.create_namespaced_service_account_token("reader", namespace, {"spec": {}})
    with closing(connect_as(api_cluster.client, answer.status.token)) as client:
        reader = CoreV1Api(client)
        assert reader.list_namespaced_pod(namespace).items == []
        with pytest.raises(ApiException, match="cannot create resource") as refused:
            reader.create_namespaced_pod(namespace, render_pod("mine"))
        assert refused.value.status == 403


def test_pod_security_is_enforced_where_a_namespace_asks_for_it(
    api_cluster: Cluster, own_namespace: str
) -> None:
    core = CoreV1Api(api_cluster.client)
    label = {"pod-security.kubernetes.io/enforce": "restricted"}
    core.patch_namespace(own_namespace, {"metadata": {"labels": label}})

    with pytest.raises(ApiException, match='violates PodSecurity \\\\"restricted') as refused:
        core.create_namespaced_pod(own_namespace, render_pod("careless"))
    assert refused.value.status == 403


def test_connection_is_to_this_cluster_and_no_other(tmp_path: Path) -> None:
    with ControlPlane() as cluster:
        document = json.loads(cluster.kubeconfig.read_text())
        other = Authority.create(tmp_path).certificate.read_bytes()
        named = document["clusters"][0]["cluster"]
        named["certificate-authority-data"] = base64.b64encode(other).decode()
        wrong = tmp_path / "kubeconfig"
        wrong.write_text(json.dumps(document))

        with closing(connect(wrong)) as client, pytest.raises(MaxRetryError, match="CERTIFICATE"):
            CoreV1Api(client).list_node()


def test_api_server_can_be_away_for_a_while() -> None:
    with ControlPlane() as cluster:
        core = CoreV1Api(cluster.client)
        core.create_namespaced_config_map("default", {"metadata": {"name": "kept"}})

        cluster.processes.end("kube-apiserver")
        with pytest.raises(MaxRetryError, match="Connection refused"):
            core.list_node()
        cluster.processes.restart("kube-apiserver")
        cluster.wait_for_api_server()

        assert core.read_namespaced_config_map("kept", "default").metadata.name == "kept"
