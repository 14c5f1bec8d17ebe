"""What the guard makes of a manifest, from whatever source."""

import copy
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from jupyterhub_platform.core.pods import Device
from jupyterhub_platform.hub.kubernetes.guard.check import (
    CHANGED,
    EXCEEDS,
    FORBIDDEN,
    Allowance,
    check_pod,
)
from tests.hub.kubernetes.spawners import GPU, amounts

Change = Callable[[dict[str, Any]], object]

ALLOWANCE = Allowance(
    reserved=amounts(servers=1, cpu=1, memory="2Gi", gpu=1),
    limits=amounts(cpu=2, memory="4Gi", gpu=1),
    image="example.org/lab@sha256:aa",
    name="jupyter-dev1",
    labels={"jupyterhub-platform/tier": "small"},
    annotations={"jupyterhub-platform/reservation": "r1"},
)
POD: dict[str, Any] = {
    "metadata": {
        "name": "jupyter-dev1",
        "labels": {"jupyterhub-platform/tier": "small", "app": "jupyterhub"},
        "annotations": {"jupyterhub-platform/reservation": "r1"},
    },
    "spec": {
        "automountServiceAccountToken": False,
        "containers": [
            {
                "name": "notebook",
                "image": "example.org/lab@sha256:aa",
                "securityContext": {"allowPrivilegeEscalation": False},
                "resources": {
                    "requests": {"cpu": "1", "memory": "2Gi", GPU: "1"},
                    "limits": {"cpu": "2", "memory": "4Gi", GPU: "1"},
                },
            }
        ],
    },
}
APPARMOR = "container.apparmor.security.beta.kubernetes.io/"
BOUNDED = {
    "requests": {"cpu": "0", "memory": "0"},
    "limits": {"cpu": "1", "memory": "1Gi"},
}


def changed(change: Change) -> dict[str, Any]:
    pod = copy.deepcopy(POD)
    change(pod)
    return pod


def notebook(pod: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = pod["spec"]["containers"][0]
    return found


def resources(pod: dict[str, Any], part: str) -> dict[str, Any]:
    found: dict[str, Any] = notebook(pod)["resources"][part]
    return found


def add(kind: str, resources: dict[str, Any], **more: Any) -> Change:
    one = {"name": "extra", "image": "example.org/extra", "resources": resources, **more}
    return lambda pod: pod["spec"].setdefault(kind, []).append(one)


def secure(**context: Any) -> Change:
    return lambda pod: notebook(pod)["securityContext"].update(context)


def spec(**fields: Any) -> Change:
    return lambda pod: pod["spec"].update(fields)


def source(**kind: Any) -> Change:
    """Add a volume of this kind."""
    return spec(volumes=[{"name": "more", **kind}])


def annotate(value: Any) -> Change:
    """Choose the profile of AppArmor as before Kubernetes 1.30."""
    return lambda pod: pod["metadata"]["annotations"].update({f"{APPARMOR}notebook": value})


def sysctls(*names: str) -> Change:
    return spec(securityContext={"sysctls": [{"name": each, "value": "1"} for each in names]})


def ask(kind: str, **handler: Any) -> Change:
    """Have the kubelet ask something of the server's container."""
    return lambda pod: notebook(pod).update({kind: handler})


def test_a_pod_that_is_what_was_reserved_is_accepted() -> None:
    assert check_pod(POD, ALLOWANCE) == ()


@pytest.mark.parametrize(
    "change",
    [
        lambda pod: resources(pod, "requests").update(cpu="500m"),
        lambda pod: resources(pod, "requests").update(memory=1024),
        lambda pod: resources(pod, "limits").update(cpu=1.5),
        lambda pod: [resources(pod, part).pop(GPU) for part in ("requests", "limits")],
        add("initContainers", {"limits": {"cpu": "1", "memory": "2Gi"}}),
        add(
            "initContainers",
            {"requests": {"cpu": "1", "memory": "0"}, "limits": {"cpu": "2", "memory": "4Gi"}},
        ),
        lambda pod: pod["metadata"]["labels"].update({"example.org/team": "vision"}),
        spec(serviceAccountName="default", runtimeClassName="gvisor"),
    ],
)
def test_a_pod_that_asks_for_less_or_as_much_is_accepted(change: Change) -> None:
    assert check_pod(changed(change), ALLOWANCE) == ()


@pytest.mark.parametrize(
    ("change", "path"),
    [
        (lambda pod: resources(pod, "requests").update(cpu="1001m"), "spec.requests.cpu"),
        (lambda pod: resources(pod, "limits").update(cpu="64"), "spec.limits.cpu"),
        (lambda pod: resources(pod, "requests").update(memory="3Gi"), "spec.requests.memory"),
        (lambda pod: resources(pod, "limits").update(memory=2**40), "spec.limits.memory"),
        (lambda pod: resources(pod, "limits").update({GPU: "2"}), f"spec.limits.{GPU}"),
        (lambda pod: resources(pod, "requests").update({GPU: 2}), f"spec.requests.{GPU}"),
        (lambda pod: resources(pod, "requests").pop("cpu"), "spec.requests.cpu"),
        (
            lambda pod: resources(pod, "limits").update({"amd.com/gpu": 1}),
            "spec.requests.amd.com/gpu",
        ),
        (
            lambda pod: resources(pod, "limits").update({"ephemeral-storage": "1Gi"}),
            "spec.requests.ephemeral-storage",
        ),
        (add("containers", {**BOUNDED, "requests": {"cpu": "1m"}}), "spec.requests.cpu"),
        (add("containers", BOUNDED), "spec.limits.cpu"),
        (add("initContainers", BOUNDED, restartPolicy="Always"), "spec.limits.memory"),
        (
            add("initContainers", {"limits": {"cpu": "8", "memory": "1Gi"}}),
            "spec.requests.cpu",
        ),
        (add("initContainers", {"limits": {GPU: 2}}), f"spec.requests.{GPU}"),
        (spec(overhead={"memory": "64Mi"}), "spec.requests.memory"),
        (spec(resources={"limits": {"cpu": "32"}}), "spec.limits.cpu"),
        (spec(resources={"requests": {"memory": "32Gi"}}), "spec.requests.memory"),
    ],
)
def test_a_pod_that_asks_for_more_is_refused(change: Change, path: str) -> None:
    violations = check_pod(changed(change), ALLOWANCE)
    assert (EXCEEDS, path) in {(one.code, one.path) for one in violations}


@pytest.mark.parametrize(
    ("change", "path"),
    [
        (lambda pod: resources(pod, "limits").pop("cpu"), "spec.containers[notebook]"),
        (lambda pod: resources(pod, "limits").update(memory="0"), "spec.containers[notebook]"),
        (lambda pod: notebook(pod).pop("resources"), "spec.containers[notebook]"),
        (lambda pod: notebook(pod).update(resources="lots"), "spec.containers[notebook]"),
        (add("containers", {}), "spec.containers[extra]"),
        (add("initContainers", {"limits": {"cpu": 1}}), "spec.initContainers[extra]"),
    ],
)
def test_a_container_without_a_limit_is_refused(change: Change, path: str) -> None:
    violations = check_pod(changed(change), ALLOWANCE)
    assert [one for one in violations if one.path.startswith(f"{path}.resources.limits.")]


@pytest.mark.parametrize("quantity", ["lots", -1, "-1", None, True, "1e99", "0,5", "", [1], {}])
def test_an_amount_that_cannot_be_read_is_refused(quantity: Any) -> None:
    pod = changed(lambda pod: resources(pod, "limits").update(cpu=quantity))
    assert [one.path for one in check_pod(pod, ALLOWANCE)] == [
        "spec.containers[notebook].resources.limits.cpu"
    ]


def test_an_amount_between_two_units_counts_as_the_one_above() -> None:
    pod = changed(lambda pod: resources(pod, "limits").update(cpu="2.0001"))
    assert [one.path for one in check_pod(pod, ALLOWANCE)] == ["spec.limits.cpu"]
    pod = changed(lambda pod: resources(pod, "limits").update(cpu="1.9991"))
    assert check_pod(pod, ALLOWANCE) == ()


def test_a_token_of_a_service_account_is_mounted_unless_the_pod_says_no() -> None:
    pod = changed(lambda pod: pod["spec"].pop("automountServiceAccountToken"))
    assert [one.path for one in check_pod(pod, ALLOWANCE)] == ["spec.automountServiceAccountToken"]


ESCAPES: dict[str, Change] = {
    "spec.hostNetwork": spec(hostNetwork=True),
    "spec.hostPID": spec(hostPID=True),
    "spec.hostIPC": spec(hostIPC=True),
    "spec.nodeName": spec(nodeName="gpu-1"),
    "spec.serviceAccountName": spec(serviceAccountName="hub"),
    "spec.serviceAccount": spec(serviceAccount="hub"),
    "spec.automountServiceAccountToken": spec(automountServiceAccountToken=True),
    "spec.resourceClaims[more]": spec(resourceClaims=[{"name": "more"}]),
    "spec.resources.claims[more]": spec(resources={"claims": [{"name": "more"}]}),
    "spec.ephemeralContainers": spec(ephemeralContainers=[{"name": "debug"}]),
    "spec.volumes[root].hostPath": spec(volumes=[{"name": "root", "hostPath": {"path": "/"}}]),
    "spec.volumes[token].projected": spec(
        volumes=[{"name": "token", "projected": {"sources": [{"serviceAccountToken": {}}]}}]
    ),
    "spec.volumes[more].projected.podCertificate": source(
        projected={"sources": [{"configMap": {"name": "a"}}, {"podCertificate": {}}]}
    ),
    **{
        f"spec.volumes[more].{kind}": source(**{kind: {}})
        for kind in ("flexVolume", "nfs", "iscsi", "gitRepo", "rbd", "fc", "local", "ofTomorrow")
    },
    f"metadata.annotations[{APPARMOR}notebook]": annotate("unconfined"),
    "spec.securityContext.runAsUser": spec(securityContext={"runAsUser": 0}),
    "spec.securityContext.seLinuxOptions.type": spec(
        securityContext={"seLinuxOptions": {"type": "spc_t"}}
    ),
    "spec.securityContext.sysctls[kernel.msgmax]": sysctls(
        "net.ipv4.tcp_syncookies", "kernel.msgmax"
    ),
    "spec.securityContext.seccompProfile": spec(
        securityContext={"seccompProfile": {"type": "Unconfined"}}
    ),
    "spec.securityContext.windowsOptions.hostProcess": spec(
        securityContext={"windowsOptions": {"hostProcess": True}}
    ),
    "spec.containers[notebook].securityContext.privileged": secure(privileged=True),
    "spec.containers[notebook].securityContext.allowPrivilegeEscalation": (
        lambda pod: notebook(pod).pop("securityContext")
    ),
    "spec.containers[notebook].securityContext.capabilities.add": secure(
        capabilities={"drop": ["ALL"], "add": ["SYS_ADMIN"]}
    ),
    "spec.containers[notebook].securityContext.procMount": secure(procMount="Unmasked"),
    "spec.containers[notebook].securityContext.appArmorProfile": secure(
        appArmorProfile={"type": "Unconfined"}
    ),
    "spec.containers[notebook].securityContext.runAsUser": secure(runAsUser=0),
    "spec.containers[notebook].securityContext.seLinuxOptions.user": secure(
        seLinuxOptions={"user": "system_u", "type": "container_t"}
    ),
    "spec.containers[notebook].securityContext.seLinuxOptions.role": secure(
        seLinuxOptions={"role": "sysadm_r"}
    ),
    "spec.containers[notebook].livenessProbe.httpGet.host": ask(
        "livenessProbe", httpGet={"host": "169.254.169.254", "port": 80}
    ),
    "spec.containers[notebook].readinessProbe.tcpSocket.host": ask(
        "readinessProbe", tcpSocket={"host": "localhost", "port": 80}
    ),
    "spec.containers[notebook].startupProbe.httpGet.host": ask(
        "startupProbe", httpGet={"host": "127.0.0.1", "port": 80}
    ),
    "spec.containers[notebook].lifecycle.postStart.httpGet.host": ask(
        "lifecycle", postStart={"httpGet": {"host": "10.0.0.1", "port": 80}}
    ),
    "spec.containers[notebook].lifecycle.preStop.tcpSocket.host": ask(
        "lifecycle", preStop={"tcpSocket": {"host": "10.0.0.1", "port": 80}}
    ),
    "spec.initContainers[extra].securityContext.runAsUser": add(
        "initContainers", BOUNDED, securityContext={"runAsUser": 0}
    ),
    "spec.containers[notebook].ports.hostPort": lambda pod: notebook(pod).update(
        ports=[{"hostPort": 22}]
    ),
    "spec.containers[notebook].resources.claims[more]": (
        lambda pod: notebook(pod)["resources"].update(claims=[{"name": "more"}])
    ),
    "spec.initContainers[extra].resources.claims[more]": add(
        "initContainers", {**BOUNDED, "claims": [{"name": "more"}]}
    ),
    "spec.initContainers[extra].securityContext.privileged": add(
        "initContainers", BOUNDED, securityContext={"privileged": True}
    ),
    "spec.initContainers[extra].securityContext.allowPrivilegeEscalation": add(
        "initContainers", BOUNDED, securityContext={"allowPrivilegeEscalation": True}
    ),
}


KINDS = (
    *("configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "image"),
    *("persistentVolumeClaim", "secret"),
)
SYSCTLS = (
    *("kernel.shm_rmid_forced", "net.ipv4.ip_local_port_range", "net.ipv4.tcp_syncookies"),
    *("net.ipv4.ip_unprivileged_port_start", "net.ipv4.ping_group_range"),
    *("net.ipv4.ip_local_reserved_ports", "net.ipv4.tcp_keepalive_time"),
    *("net.ipv4.tcp_fin_timeout", "net.ipv4.tcp_keepalive_intvl", "net.ipv4.tcp_keepalive_probes"),
)


@pytest.mark.parametrize(
    "change",
    [
        *(source(**{kind: {}}) for kind in KINDS),
        source(projected={"sources": [{"configMap": {"name": "a"}}, {"downwardAPI": {}}]}),
        spec(volumes=[{"name": "scratch"}]),
        annotate("runtime/default"),
        annotate("localhost/site"),
        sysctls(*SYSCTLS),
        spec(securityContext={"runAsUser": 1000, "runAsNonRoot": False}),
        *(
            secure(seLinuxOptions={"type": type_, "level": "s0:c1,c2", "user": "", "role": None})
            for type_ in (
                *("", None, "container_t", "container_init_t"),
                *("container_kvm_t", "container_engine_t"),
            )
        ),
        ask("livenessProbe", httpGet={"host": "", "port": 8888}, tcpSocket={"port": 8888}),
        ask("lifecycle", preStop={"exec": {"command": ["sync"]}}),
    ],
)
def test_pod_that_the_pod_security_standards_allow_is_accepted(change: Change) -> None:
    assert check_pod(changed(change), ALLOWANCE) == ()


@pytest.mark.parametrize("path", ESCAPES)
def test_a_way_out_of_the_pod_is_refused_unless_the_operator_allows_that_very_one(
    path: str,
) -> None:
    pod = changed(ESCAPES[path])
    assert [(one.code, one.path) for one in check_pod(pod, ALLOWANCE)] == [(FORBIDDEN, path)]
    allowed = Allowance(**{**_fields(ALLOWANCE), "fields": frozenset({path})})
    assert check_pod(pod, allowed) == ()
    others = frozenset(ESCAPES) - {path}
    assert check_pod(pod, Allowance(**{**_fields(ALLOWANCE), "fields": others})) != ()


def _fields(allowance: Allowance) -> dict[str, Any]:
    return {name: getattr(allowance, name) for name in Allowance.__slots__}


def test_allowed_fields_never_allow_more_resources() -> None:
    pod = changed(lambda pod: resources(pod, "limits").update(cpu="64"))
    fields = frozenset({"spec.limits.cpu", "spec.containers[notebook].resources.limits.cpu"})
    assert check_pod(pod, Allowance(**{**_fields(ALLOWANCE), "fields": fields})) != ()


@pytest.mark.parametrize(
    ("change", "path"),
    [
        (lambda pod: notebook(pod).update(image="evil.example/x:9"), ".image"),
        (lambda pod: notebook(pod).update(image="example.org/lab@sha256:aa\n"), ".image"),
        (lambda pod: notebook(pod).update(name="other"), "spec.containers"),
        (lambda pod: pod["spec"].update(containers=None), "spec.containers"),
        (lambda pod: pod.pop("spec"), "spec.containers"),
        (lambda pod: pod["spec"]["containers"].append(notebook(pod)), "spec.containers"),
        (lambda pod: pod["metadata"].update(name="jupyter-dev2"), "metadata.name"),
        (lambda pod: pod["metadata"].pop("labels"), "metadata.labels[jupyterhub-platform/tier]"),
        (
            lambda pod: pod["metadata"].update(
                annotations={"jupyterhub-platform/reservation": "r2"}
            ),
            "metadata.annotations[jupyterhub-platform/reservation]",
        ),
    ],
)
def test_another_pod_than_the_admitted_one_is_refused(change: Change, path: str) -> None:
    violations = check_pod(changed(change), ALLOWANCE)
    assert [one for one in violations if one.code == CHANGED and one.path.endswith(path)]


# -- devices that come by claims -------------------------------------------------------------------

CLAIMING = Allowance(
    **{
        **_fields(ALLOWANCE),
        "reserved": amounts(servers=1, cpu=1, memory="2Gi", gpu=2),
        "limits": amounts(cpu=2, memory="4Gi"),
        "devices": (Device("gpu", "whole-gpu", GPU, 2),),
    }
)


def claiming(change: Change = lambda pod: None) -> dict[str, Any]:
    """Return the pod that claims its GPUs, with a change."""
    pod = changed(lambda pod: [resources(pod, part).pop(GPU) for part in ("requests", "limits")])
    pod["spec"]["resourceClaims"] = [{"name": "gpu", "resourceClaimTemplateName": "whole-gpu"}]
    notebook(pod)["resources"]["claims"] = [{"name": "gpu"}]
    change(pod)
    return pod


def claim(**fields: Any) -> Change:
    """Change the claim."""
    return lambda pod: pod["spec"]["resourceClaims"][0].update(fields)


def add_claim(*claims: Any) -> Change:
    """Add claims of these to the pod."""
    return lambda pod: pod["spec"]["resourceClaims"].extend(claims)


def use(*claims: Any) -> Change:
    """Let the server's container use these claims, and no other."""
    return lambda pod: notebook(pod)["resources"].update(claims=list(claims))


def test_claims_that_were_admitted_are_accepted() -> None:
    assert check_pod(claiming(), CLAIMING) == ()


@pytest.mark.parametrize(
    ("change", "path"),
    [
        (spec(resourceClaims=[]), "spec.resourceClaims[gpu]"),
        (spec(resourceClaims=None), "spec.resourceClaims[gpu]"),
        (claim(resourceClaimTemplateName="eight-gpus"), "spec.resourceClaims[gpu]"),
        (claim(resourceClaimName="another-users"), "spec.resourceClaims[gpu]"),
        (
            spec(resourceClaims=[{"name": "gpu", "resourceClaimName": "another-users"}]),
            "spec.resourceClaims[gpu]",
        ),
        (
            add_claim({"name": "gpu", "resourceClaimTemplateName": "whole-gpu"}),
            "spec.resourceClaims[gpu]",
        ),
        (use(), "spec.containers[notebook].resources.claims[gpu]"),
        (
            use({"name": "gpu", "request": "one"}),
            "spec.containers[notebook].resources.claims[gpu]",
        ),
        (
            use({"name": "gpu"}, {"name": "gpu"}),
            "spec.containers[notebook].resources.claims[gpu]",
        ),
    ],
)
def test_an_admitted_claim_that_is_missing_or_another_is_refused_whatever_is_allowed(
    change: Change, path: str
) -> None:
    allowance = Allowance(**{**_fields(CLAIMING), "fields": frozenset({path})})
    violations = check_pod(claiming(change), allowance)
    assert [(one.code, one.path) for one in violations] == [(CHANGED, path)]


@pytest.mark.parametrize(
    ("change", "path"),
    [
        (
            add_claim({"name": "more", "resourceClaimTemplateName": "whole-gpu"}),
            "spec.resourceClaims[more]",
        ),
        (add_claim({"resourceClaimTemplateName": "whole-gpu"}), "spec.resourceClaims[]"),
        (add_claim("more"), "spec.resourceClaims[]"),
        (
            use({"name": "gpu"}, {"name": "more"}),
            "spec.containers[notebook].resources.claims[more]",
        ),
        (
            add("containers", {**BOUNDED, "claims": [{"name": "gpu"}]}),
            "spec.containers[extra].resources.claims[gpu]",
        ),
        (
            add("initContainers", {**BOUNDED, "claims": [{"name": "gpu"}]}),
            "spec.initContainers[extra].resources.claims[gpu]",
        ),
        (spec(resources={"claims": [{"name": "gpu"}]}), "spec.resources.claims[gpu]"),
    ],
)
def test_any_other_claim_and_any_other_use_of_one_is_refused(change: Change, path: str) -> None:
    violations = check_pod(claiming(change), CLAIMING)
    assert (FORBIDDEN, path) in {(one.code, one.path) for one in violations}
    allowed = Allowance(**{**_fields(CLAIMING), "fields": frozenset({path})})
    assert path not in {one.path for one in check_pod(claiming(change), allowed)}


def test_resource_reserved_for_claims_cannot_be_requested_beside_them() -> None:
    pod = claiming(
        lambda pod: [resources(pod, p).update({GPU: "1"}) for p in ("requests", "limits")]
    )
    assert [(one.code, one.path) for one in check_pod(pod, CLAIMING)] == [
        (EXCEEDS, f"spec.requests.{GPU}")
    ]


HOMES = {"name": "platform-home", "persistentVolumeClaim": {"claimName": "homes"}}
ARCHIVE = {"name": "archive", "nfs": {"server": "nfs", "path": "/archive", "readOnly": True}}
MOUNTS = (
    {"name": "platform-home", "mountPath": "/home/jovyan", "subPath": "home/dev1"},
    {"name": "platform-home", "mountPath": "/all", "subPath": "shared", "readOnly": True},
    {"name": "archive", "mountPath": "/archive", "readOnly": True},
)
WITH_VOLUMES = replace(ALLOWANCE, volumes=(HOMES, ARCHIVE), mounts=MOUNTS)


def mounted(change: Change = lambda pod: None) -> dict[str, Any]:
    def add(pod: dict[str, Any]) -> None:
        pod["spec"]["volumes"] = [HOMES, ARCHIVE]
        pod["spec"]["containers"][0]["volumeMounts"] = list(MOUNTS)
        side = {"name": "side", "resources": BOUNDED, "volumeMounts": [dict(MOUNTS[1])]}
        pod["spec"]["initContainers"] = [side]

    pod = changed(add)
    pod = copy.deepcopy(pod)
    change(pod)
    return pod


def test_directories_of_volumes_for_many_are_accepted_as_they_were_admitted() -> None:
    assert check_pod(mounted(), WITH_VOLUMES) == ()
    refused = check_pod(mounted(), ALLOWANCE)
    assert [(each.code, each.path) for each in refused] == [
        (FORBIDDEN, "spec.volumes[archive].nfs")
    ]


def _mounts(pod: dict[str, Any], container: str = "containers") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = pod["spec"][container][0]["volumeMounts"]
    return found


@pytest.mark.parametrize(
    ("change", "path"),
    [
        (lambda pod: _mounts(pod)[0].pop("subPath"), "spec.containers[notebook]"),
        (lambda pod: _mounts(pod)[0].update(subPath="home"), "spec.containers[notebook]"),
        (lambda pod: _mounts(pod)[0].update(subPath="home/dev2"), "spec.containers[notebook]"),
        (lambda pod: _mounts(pod)[1].pop("readOnly"), "spec.containers[notebook]"),
        (lambda pod: _mounts(pod).pop(0), "spec.containers[notebook]"),
        (
            lambda pod: _mounts(pod).append({"name": "platform-home", "mountPath": "/x"}),
            "spec.containers[notebook]",
        ),
        (
            lambda pod: _mounts(pod, "initContainers")[0].pop("readOnly"),
            "spec.initContainers[side]",
        ),
        (
            lambda pod: _mounts(pod, "initContainers")[0].update(subPath=""),
            "spec.initContainers[side]",
        ),
        (
            lambda pod: _mounts(pod, "initContainers")[0].update(subPathExpr="$(X)"),
            "spec.initContainers[side]",
        ),
    ],
)
def test_another_directory_of_a_volume_for_many_is_refused(change: Change, path: str) -> None:
    name = "platform-home"
    refused = check_pod(mounted(change), WITH_VOLUMES)
    assert [(each.code, each.path) for each in refused] == [
        (CHANGED, f"{path}.volumeMounts[{name}]")
    ]


def test_another_volume_in_place_of_the_admitted_one_is_refused() -> None:
    other = {"server": "nfs", "path": "/", "readOnly": True}
    pod = mounted(lambda pod: pod["spec"]["volumes"][1].update(nfs=other))
    refused = check_pod(pod, WITH_VOLUMES)
    assert {(each.code, each.path) for each in refused} == {
        (CHANGED, "spec.volumes[archive]"),
        (FORBIDDEN, "spec.volumes[archive].nfs"),
    }
