"""What the rows of one request for access say, from the wish to the end of the grant."""

from collections.abc import Mapping
from typing import Any

import pytest

from jupyterhub_platform.usecases.reports.audit_words import say_event

WISH: Mapping[str, Any] = {"wish": {"tier": "gpu"}, "account": "vision", "reason": "paper"}
GRANT: Mapping[str, Any] = {
    "user": "nina",
    "account": "vision",
    "tier": "gpu",
    "add": {"memory": "4Gi"},
    "until": "2030-01-31T18:00:00Z",
}
GIVEN = "nina 4 GiB more and the tier gpu in vision until 31 Jan 2030 18:00 UTC"


@pytest.mark.parametrize(
    ("actor", "action", "detail", "sentence"),
    [
        ("nina", "request.made", WISH, "nina asked for the tier gpu in vision: paper"),
        (
            "boss",
            "request.approved",
            WISH,
            "boss approved the request of nina for the tier gpu in vision: paper",
        ),
        (
            "nina",
            "request.withdrawn",
            {"wish": {"level": "manager"}},
            "nina withdrew their request for the level manager",
        ),
        ("nina", "request.made", {"wish": {"grant": "g1"}}, "nina asked for a grant that lasts"),
        ("nina", "request.made", {"wish": "spoiled"}, "nina asked for more"),
        ("boss", "grant.made", {"after": GRANT}, f"boss gave {GIVEN}"),
        ("boss", "grant.changed", {"before": {}, "after": GRANT}, f"boss changed a grant: {GIVEN}"),
        ("boss", "grant.retired", {"before": GRANT}, f"boss ended a grant: {GIVEN}"),
        ("boss", "grant.retired", {"before": 7}, "boss ended a grant: the grant nina"),
    ],
)
def test_a_row_says_what_was_asked_for_and_given(
    actor: str, action: str, detail: Mapping[str, Any], sentence: str
) -> None:
    assert say_event(actor, action, "nina", "done", detail).startswith(sentence)
