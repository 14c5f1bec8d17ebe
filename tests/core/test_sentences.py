"""What is left of a limit is said in the same words everywhere."""

import pytest

from jupyterhub_platform.core.question import HeldLimit
from jupyterhub_platform.core.reservations import Scope
from jupyterhub_platform.core.sentences import describe_left


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
