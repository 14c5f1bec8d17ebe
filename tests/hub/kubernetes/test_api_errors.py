"""What becomes of a start when the cluster answers with anything but a pod."""

import pytest

from tests.hub.kubernetes.spawners import TOKEN, Lines, Start, refused
from tests.support.kubernetes_api import Answer, FakeKubernetes

EXCEEDED = (
    'pods "jupyter-dev1" is forbidden: exceeded quota: compute, requested: '
    "requests.cpu=500m,requests.memory=1Gi,pods=1, used: requests.cpu=7800m,"
    "requests.memory=15Gi,pods=10, limited: requests.cpu=8,requests.memory=15Gi,pods=10"
)


async def test_a_full_namespace_is_a_readable_conflict(
    spawner: Start, cluster: FakeKubernetes
) -> None:
    cluster.answers = [Answer(403, "Forbidden", EXCEEDED)]
    error = await refused(spawner())
    assert (error.status_code, error.code) == (409, "cluster.quota")
    assert error.jupyterhub_message == (
        "The quota compute of the cluster's namespace leaves no room for this server: of "
        "requests.cpu 8 CPU are allowed, 7.8 CPU used and 0.5 CPU asked for; of requests.memory "
        "15 GiB are allowed, 15 GiB used and 1 GiB asked for; of pods 10 are allowed, 10 used and "
        "1 asked for. Stop a server, choose a smaller tier, or ask an operator to raise that quota."
    )


FORBIDDEN = 'pods "jupyter-dev1" is forbidden: '


@pytest.mark.parametrize(
    ("message", "code", "name"),
    [
        (
            (
                f"{FORBIDDEN}error looking up service account hub/vision: serviceaccount "
                '"vision" not found'
            ),
            "cluster.no_service_account",
            "vision",
        ),
        (
            f"{FORBIDDEN}no PriorityClass with name interactive was found",
            "cluster.no_priority_class",
            "interactive",
        ),
        (
            f'{FORBIDDEN}pod rejected: RuntimeClass "gvisor" not found',
            "cluster.no_runtime_class",
            "gvisor",
        ),
        (
            (
                'admission webhook "validate.kyverno.svc-fail" denied the request: serviceaccount '
                f'"x" not found {TOKEN}'
            ),
            "cluster.webhook",
            "validate.kyverno.svc-fail",
        ),
        (
            (
                f"{FORBIDDEN}ValidatingAdmissionPolicy 'only-ours' with binding 'all' denied "
                "request: no"
            ),
            "cluster.webhook",
            "only-ours",
        ),
    ],
)
@pytest.mark.parametrize("status", [400, 403, 422])
async def test_missing_object_or_right_is_named(
    status: int, message: str, code: str, name: str, spawner: Start, cluster: FakeKubernetes
) -> None:
    cluster.answers = [Answer(status, "Forbidden", message)]
    error = await refused(spawner())
    assert (error.status_code, error.code) == (500, code)
    assert name in error.jupyterhub_message
    assert "operator" in error.jupyterhub_message


@pytest.mark.parametrize("status", [400, 403, 404, 422])
async def test_a_refusal_of_the_cluster_says_why_in_the_log_alone_and_without_the_token(
    status: int, spawner: Start, cluster: FakeKubernetes, log: Lines
) -> None:
    message = f'Pod is invalid: env: Invalid value: "{TOKEN}"\nERROR forged <b>line</b>'
    cluster.answers = [Answer(status, "Invalid", message)]
    error = await refused(spawner())
    assert (error.status_code, error.code) == (500, "cluster.refused")
    assert "Invalid value" not in error.jupyterhub_message
    assert 'Invalid value: "[redacted]"\\nERROR forged' in log.text
    assert len(cluster.created) == 1


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_a_busy_cluster_is_asked_again(
    status: int, spawner: Start, cluster: FakeKubernetes
) -> None:
    cluster.answers = [Answer(status, "Busy", "later"), Answer(status, "Busy", "later")]
    assert await spawner().start() == "http://10.0.0.7:8888"
    assert len(cluster.created) == 3


async def test_a_cluster_that_stays_busy_is_no_failure_of_the_hub(
    spawner: Start, cluster: FakeKubernetes
) -> None:
    cluster.answers = [Answer(503, "Busy", "later")] * 1000
    error = await refused(spawner())
    assert (error.status_code, error.code) == (503, "cluster.busy")
    assert error.headers["Retry-After"] == "30"


async def test_a_cluster_that_never_answers_is_no_failure_of_the_hub(
    spawner: Start, cluster: FakeKubernetes
) -> None:
    cluster.answers = [Answer(silent=True)] * 10
    error = await refused(spawner(k8s_api_request_retry_timeout=1))
    assert (error.status_code, error.code) == (503, "cluster.no_answer")


@pytest.mark.parametrize(
    "then", [Answer(409, "AlreadyExists", ""), Answer(403, "Forbidden", EXCEEDED)]
)
async def test_a_create_whose_answer_was_lost_counts_as_created(
    then: Answer, spawner: Start, cluster: FakeKubernetes
) -> None:
    cluster.answers = [Answer(silent=True, creates=True), then]
    # The answer is waited for, for one second; a busy machine is given longer to try again.
    started = spawner(k8s_api_request_retry_timeout=20)
    assert await started.start() == "http://10.0.0.7:8888"
    assert cluster.deleted == []


async def test_a_conflict_in_the_counting_of_a_quota_is_tried_again(
    spawner: Start, cluster: FakeKubernetes
) -> None:
    message = 'Operation cannot be fulfilled on resourcequotas "compute": object has been modified'
    cluster.answers = [Answer(409, "Conflict", message)]
    assert await spawner().start() == "http://10.0.0.7:8888"
    assert len(cluster.created) == 2


async def test_a_pod_that_the_watch_does_not_show_yet_still_counts_as_running(
    spawner: Start, cluster: FakeKubernetes
) -> None:
    cluster.hidden = True
    started = spawner(start_timeout=4)
    with pytest.raises(TimeoutError):
        await started.start()
    assert await started.poll() is None
    await started.stop()
    assert await started.poll() == 1
    assert cluster.pods == {}
