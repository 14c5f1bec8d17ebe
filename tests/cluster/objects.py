"""Objects that the tests give to a cluster, and waiting for what becomes of them."""

import time
from collections.abc import Callable
from typing import Any, TypeVar

PROBE_IMAGE = "localhost/probe:1"
"""What the cluster's own tests run in pods: ``programs/own/probe``."""

T = TypeVar("T")


def render_pod(name: str, *words: str, image: str = PROBE_IMAGE, **spec: Any) -> Any:
    """Return a pod of one container, which runs these words of ``programs/own/probe``."""
    container = {
        "name": "main",
        "image": image,
        "imagePullPolicy": "Never",
        "args": list(words),
        "resources": {
            "requests": {"cpu": "100m", "memory": "32Mi"},
            "limits": {"cpu": "1", "memory": "32Mi"},
        },
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"app": name}},
        "spec": {
            "containers": [container],
            "restartPolicy": "Never",
            "terminationGracePeriodSeconds": 1,
            **spec,
        },
    }


def wait_for(check: Callable[[], T], what: str, seconds: float = 30) -> T:
    """Wait until ``check`` is true, and return what it answered."""
    deadline = time.monotonic() + seconds
    while not (found := check()):
        assert time.monotonic() < deadline, f"waited {seconds} s for {what}"
        time.sleep(0.05)
    return found
