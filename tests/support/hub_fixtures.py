"""Fixtures of a live platform, and the parts that most of its policies share."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, Literal

import pytest

from tests.support.live_hub import Api, LiveHub, running

PLAIN_TIER: Final = """\
images:
  lab: {title: JupyterLab, reference: quay.io/jupyter/base-notebook:latest}
tiers:
  small: {title: Small, requests: {cpu: 100m, memory: 256Mi}, images: [lab]}
"""
"""The end of a policy with one tier, which has no limits."""

SMALL_TIER: Final = """\
images:
  lab: {title: JupyterLab, reference: quay.io/jupyter/base-notebook:latest}
tiers:
  small:
    title: Small
    requests: {cpu: 100m, memory: 256Mi}
    limits: {cpu: 1, memory: 1Gi}
    images: [lab]
"""
"""The end of a policy with one tier, after which others may follow."""


def hub_of(
    policy: str | Path, *, scope: Literal["module", "function"] = "module", **options: Any
) -> Any:
    """Return a fixture: a platform that runs for a module, or for each test.

    Parameters
    ----------
    options
        Those of :class:`LiveHub`.
    """

    @pytest.fixture(scope=scope)
    def hub(make_directory: Callable[[], Path]) -> Iterator[LiveHub]:
        with running(LiveHub(make_directory(), policy, **options)) as hub:
            yield hub

    return hub


def token_of(name: str) -> Any:
    """Return a fixture: the API of a module's ``hub``, with a token of a user."""

    @pytest.fixture(scope="module")
    def api(hub: LiveHub) -> Api:
        return hub.token(name)

    return api
