"""What the chart makes of our values, for every place that they are written for."""

import base64
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kubernetes.client import CoreV1Api
from kubernetes.utils import create_from_dict

from tests.cluster.errors import ClusterError
from tests.cluster.fixtures import Cluster
from tests.helm.values import PLACES, list_files, load
from tests.helm.with_chart.chart import Chart, parse_objects

SECRET = "jupyterhub-platform"
SECRET_NAME = re.compile(r"TOKEN|SECRET|KEY|PASSWORD|DB_URL")
# Long enough to be a key, and of letters and digits alone.
RANDOM = re.compile(r"\b(?=\w*\d)(?=\w*[a-z])\w{32,}\b", re.IGNORECASE)
REGION = re.compile(r"\b[a-z]{2}(?:-[a-z]+)+-\d\b")
MIRROR = "123456789012.dkr.ecr-fips.us-gov-west-1.amazonaws.com/"
RESTRICTED = {"pod-security.kubernetes.io/enforce": "restricted"}

Objects = list[dict[str, Any]]


@pytest.fixture(scope="module", params=PLACES)
def place(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def rendered(chart: Chart, place: str) -> str:
    return chart.render(list_files(place))


@pytest.fixture(scope="module")
def objects(rendered: str) -> Objects:
    return parse_objects(rendered)


def find(objects: Objects, kind: str, name: str) -> dict[str, Any]:
    (found,) = (
        each for each in objects if each["kind"] == kind and each["metadata"]["name"] == name
    )
    return found


def list_templates(objects: Objects) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Yield whatever makes pods, and the template of those."""
    for each in objects:
        if template := each.get("spec", {}).get("template"):
            yield each, template


def list_containers(objects: Objects) -> Iterator[dict[str, Any]]:
    for _, template in list_templates(objects):
        yield from template["spec"].get("initContainers", ())
        yield from template["spec"]["containers"]


def read_secrets(objects: Objects) -> Iterator[tuple[str, str]]:
    for each in objects:
        if each["kind"] == "Secret":
            assert "stringData" not in each
            for key, value in each["data"].items():
                yield key, base64.b64decode(value).decode()


def test_rendering_twice_gives_no_difference(chart: Chart, place: str, rendered: str) -> None:
    assert chart.render(list_files(place)) == rendered


def test_key_that_the_chart_does_not_know_is_refused(
    chart: Chart, place: str, tmp_path: Path
) -> None:
    typo = tmp_path / "typo.yaml"
    typo.write_text("hub: {imagee: {tag: x}}\n")
    with pytest.raises(ClusterError, match="imagee"):
        chart.render([*list_files(place), typo])


def test_no_secret_is_rendered(objects: Objects) -> None:
    found = dict(read_secrets(objects))
    made_up = {key: value for key, value in found.items() if key.startswith("hub.config.")}
    assert len(made_up) == 3
    assert {value.split(",")[0] for value in made_up.values()} == {"unused"}
    assert RANDOM.findall("\n".join(found.values())) == []


def test_secrets_are_given_by_reference(objects: Objects) -> None:
    references = set()
    for container in list_containers(objects):
        for variable in container.get("env", ()):
            if not SECRET_NAME.search(variable["name"]):
                continue
            if variable.get("value", "").startswith("sqlite:////srv/jupyterhub/"):
                continue
            source = variable["valueFrom"]["secretKeyRef"]
            references.add(source["name"])
            # Of the chart's own, which says `unused`; what the programs use comes after it.
            is_of_chart = variable["name"] == "CONFIGPROXY_AUTH_TOKEN"
            assert source["name"] == ("hub" if is_of_chart else SECRET), variable["name"]
    assert references == {"hub", SECRET}


def test_no_variable_is_set_twice(objects: Objects) -> None:
    for container in list_containers(objects):
        names = [variable["name"] for variable in container.get("env", ())]
        assert len(names) == len(set(names)), container["name"]


def test_every_image_is_pinned(objects: Objects) -> None:
    images = {container["image"] for container in list_containers(objects)}
    tags = {image: image.rpartition("/")[2].partition(":")[2] for image in images}
    assert [image for image, tag in tags.items() if not re.search(r"\d", tag)] == []


@pytest.mark.cluster
def test_every_pod_is_as_restricted_wants_it(
    objects: Objects, api_cluster: Cluster, own_namespace: str
) -> None:
    core = CoreV1Api(api_cluster.client)
    core.patch_namespace(own_namespace, {"metadata": {"labels": RESTRICTED}})
    for name in ("hub", "continuous-image-puller"):
        core.create_namespaced_service_account(own_namespace, {"metadata": {"name": name}})
    names = set()
    for owner, template in list_templates(objects):
        names.add(name := owner["metadata"]["name"])
        # Classes of priority are the whole cluster's, and made by the chart.
        spec = {k: v for k, v in template["spec"].items() if k != "priorityClassName"}
        core.create_namespaced_pod(
            own_namespace, {"metadata": {"name": name}, "spec": spec}, dry_run="All"
        )
    assert {"hub", "proxy"} <= names


@pytest.mark.cluster
def test_api_server_takes_every_object(
    objects: Objects, api_cluster: Cluster, own_namespace: str
) -> None:
    for each in objects:
        body = {**each, "metadata": {**each["metadata"], "namespace": own_namespace}}
        create_from_dict(api_cluster.client, body, namespace=own_namespace, dry_run="All")


def test_only_the_hub_is_given_a_token_of_the_cluster(objects: Objects) -> None:
    given = [
        owner["metadata"]["name"]
        for owner, template in list_templates(objects)
        if template["spec"].get("automountServiceAccountToken") is not False
    ]
    assert given == ["hub"]


def test_chart_gives_no_account_rights(objects: Objects) -> None:
    kinds = {each["kind"] for each in objects}
    assert {kind for kind in kinds if "Role" in kind} == set()
    hub = find(objects, "Deployment", "hub")["spec"]["template"]["spec"]
    (subject,) = load("role-binding")["subjects"]
    assert subject == {"kind": "ServiceAccount", "name": hub["serviceAccountName"]}
    assert find(objects, "ServiceAccount", subject["name"])


def test_nothing_runs_as_a_hook(objects: Objects) -> None:
    """Argo CD runs hooks at each synchronisation, and an upgrade waits for all of them."""
    annotations = [each["metadata"].get("annotations") or {} for each in objects]
    assert [each for each in annotations if "helm.sh/hook" in each] == []


def test_nodes_can_be_drained(objects: Objects) -> None:
    budgets = [each["spec"] for each in objects if each["kind"] == "PodDisruptionBudget"]
    covered = set()
    for owner, template in list_templates(objects):
        if owner["kind"] == "DaemonSet":
            continue
        labels = template["metadata"]["labels"].items()
        (budget,) = (each for each in budgets if each["selector"]["matchLabels"].items() <= labels)
        covered.add(owner["metadata"]["name"])
        may_stay = budget.get("minAvailable", 0)
        assert may_stay < owner["spec"]["replicas"] or budget.get("maxUnavailable", 0) > 0
    assert {"hub", "proxy"} <= covered


def test_hub_and_proxy_let_in_and_out_only_what_is_named(objects: Objects) -> None:
    for name in ("hub", "proxy"):
        policy = find(objects, "NetworkPolicy", name)["spec"]
        labels = find(objects, "Deployment", name)["spec"]["template"]["metadata"]["labels"]
        assert policy["podSelector"]["matchLabels"].items() <= labels.items()
        assert policy["policyTypes"] == ["Ingress", "Egress"]
    hub = find(objects, "NetworkPolicy", "hub")["spec"]
    to_service = {
        peer["podSelector"]["matchLabels"]["component"]
        for rule in hub["ingress"]
        for peer in rule["from"]
        if {"port": 8181, "protocol": "TCP"} in rule["ports"]
    }
    assert to_service == {"hub", "proxy"}
    service = find(objects, "Service", "hub")["spec"]["ports"]
    assert {"name": "platform", "port": 8181, "targetPort": 8181} in service
    proxy = find(objects, "NetworkPolicy", "proxy")["spec"]
    components = [
        peer["podSelector"]["matchLabels"]["component"]
        for rule in proxy["egress"]
        if rule["ports"][0]["port"] != 53
        for peer in rule["to"]
    ]
    assert sorted(components) == ["hub", "hub", "singleuser-server"]


def test_servers_do_not_reach_private_addresses_or_the_metadata_of_the_cloud(
    objects: Objects,
) -> None:
    policy = find(objects, "NetworkPolicy", "singleuser")["spec"]
    blocks = [
        peer["ipBlock"]
        for rule in policy["egress"]
        for peer in rule["to"]
        if "ipBlock" in peer and {"port": 53, "protocol": "UDP"} not in rule.get("ports", ())
    ]
    open_to = {block["cidr"]: set(block.get("except", ())) for block in blocks}
    named: dict[str, set[str]] = {"10.0.64.0/24": set(), "169.254.170.23/32": set()}
    private = {"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.169.254/32"}
    assert open_to in (named, {"0.0.0.0/0": private})


def test_policy_is_mounted_as_a_directory(objects: Objects) -> None:
    """Kubernetes brings no change of a ConfigMap into a pod that mounts a single file of it."""
    hub = find(objects, "Deployment", "hub")["spec"]["template"]["spec"]
    (mount,) = (m for m in hub["containers"][0]["volumeMounts"] if m["name"] == "platform-policy")
    assert "subPath" not in mount
    (volume,) = (each for each in hub["volumes"] if each["name"] == "platform-policy")
    assert volume["configMap"] == {"name": "jupyterhub-platform"}


@pytest.mark.parametrize("place", ["aws-govcloud"], indirect=True)
def test_govcloud_is_the_only_part_of_the_cloud_that_is_named(
    objects: Objects, rendered: str
) -> None:
    everything = "\n".join([rendered, *(value for _, value in read_secrets(objects))])
    assert re.findall(r"\barn:aws:", everything) == []
    assert set(REGION.findall(everything)) == {"us-gov-west-1"}
    hosts = set(re.findall(r"[\w.-]+\.amazonaws\.com", everything))
    assert {host for host in hosts if ".us-gov-" not in host} == set()
    images = {container["image"] for container in list_containers(objects)}
    assert {image for image in images if not image.startswith(MIRROR)} == set()
    hub = find(objects, "Deployment", "hub")["spec"]["template"]["spec"]["containers"][0]
    assert {"name": "AWS_USE_FIPS_ENDPOINT", "value": "true"} in hub["env"]
