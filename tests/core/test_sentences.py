"""What is left of a limit is said in the same words everywhere."""

import pytest

from jupyterhub_platform.core.question import HeldLimit
from jupyterhub_platform.core.reservations import Scope
from jupyterhub_platform.core.sentences import (
    describe_left,
    say_what_helps,
    say_what_is_exceeded,
)


@pytest.mark.parametrize(
    ("maximum", "held", "words"),
    [
        (2_000, 500, "1.5 CPU left"),
        (2_000, 2_000, "full"),
        (2_000, 2_500, "over by 0.5 CPU"),
        (0, 0, "none granted"),
        (0, 500, "over by 0.5 CPU"),
    ],
)
def test_remaining_amount_of_a_limit_is_worded(maximum: int, held: int, words: str) -> None:
    assert describe_left(HeldLimit(Scope("platform"), "cpu", maximum, held, "path")) == words


@pytest.mark.parametrize(
    ("kind", "by_pods", "reason", "remedy"),
    [
        ("user", 0, "dev holds 2 of 2 CPU, and small", "Stop a server, or"),
        ("user", 500, "2 of 2 CPU, 0.5 CPU of it by pods, and", "Stop a server or some of the"),
        ("user", 2_000, "2 of 2 CPU, 2 CPU of it by pods, and", "Stop some of the pods, or ask"),
        ("platform", 0, "The platform holds 2 of 2 CPU, and", "Wait until a server stops, or"),
        ("platform", 500, "CPU, 0.5 CPU of it by pods, and", "Wait until servers or pods end, or"),
    ],
)
def test_what_pods_hold_of_a_limit_is_said_and_what_would_make_room(
    kind: str, by_pods: int, reason: str, remedy: str
) -> None:
    scope = Scope(kind, user="dev" if kind == "user" else "")
    limit = HeldLimit(scope, "cpu", 2_000, 2_000, "path", raised_by=("root",), by_pods=by_pods)
    assert reason in say_what_is_exceeded(limit, "small", 500)
    assert say_what_helps(limit, 500, "dev").startswith(remedy)
