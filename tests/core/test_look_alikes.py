"""People whose names could be taken for each other, in the file and beside it."""

from typing import Any

import pytest

from jupyterhub_platform.core.document.compile import EARLIEST, compile_policy
from jupyterhub_platform.core.errors import PolicyError
from jupyterhub_platform.core.managed import Key, Kind, ManagedObject, Sources

POCA, ROSA = "poca", "\u0440\u043e\u0441\u0430"
"""Latin letters, and Cyrillic ones that spell a name of their own."""
TURKISH = "y\u0131ld\u0131z"


def document(*names: str) -> dict[str, Any]:
    return {
        "version": 1,
        "users": {"root": {"level": "admin"}, **dict.fromkeys(names)},
        "images": {"lab": {"reference": "example/lab:1"}},
        "tiers": {"small": {"requests": {"cpu": 1, "memory": "1Gi"}, "images": ["lab"]}},
    }


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ((POCA, ROSA), {POCA: ROSA, ROSA: POCA}),
        (("alice", "a|ice"), {"alice": "a|ice", "a|ice": "alice"}),
        (("O'Malley", "o`malley"), {"O'Malley": "o`malley", "o`malley": "O'Malley"}),
        (
            ("y\u0131ld\u0131z", "yildiz"),
            {"y\u0131ld\u0131z": "yildiz", "yildiz": "y\u0131ld\u0131z"},
        ),
    ],
)
def test_two_people_whose_names_look_the_same_are_refused(
    names: tuple[str, ...], said: dict[str, str]
):
    with pytest.raises(PolicyError) as caught:
        compile_policy(document(*names))
    found = {fault.path[1]: fault.what for fault in caught.value.faults}
    whats = {name: f"looks like “{other}”, who is another person" for name, other in said.items()}
    assert found == whats


def test_people_who_were_ever_let_in_beside_each_other_still_are():
    names = ["user1", "userl", "kim-lee", "kim.lee", "kim_lee", "rn", "m", "0", "o"]
    assert compile_policy(document(*names)).people.keys() == {"root", *names}


def test_names_that_differ_for_a_reader_stand_beside_each_other():
    names = ["jos\u00e9", "jose", "김", "o'malley", "omalley", "auth0|5f", "auth0|6f", ROSA]
    policy = compile_policy(document(*names))
    assert policy.people.keys() == {"root", *names}
    assert [policy.find_look_alike(name) for name in names] == [""] * len(names)
    assert policy.find_look_alike(POCA) == ROSA


@pytest.mark.parametrize(("known", "new"), [(POCA, ROSA), (ROSA, POCA)])
def test_a_managed_person_does_not_look_like_another(known: str, new: str):
    sources = Sources(document(known))
    policy = sources.unite()

    def put(name: str) -> None:
        nonlocal sources, policy
        person = ManagedObject(Key(Kind.USER, name), {}, 1, "root", EARLIEST)
        sources, policy = sources.put(policy, person, EARLIEST)

    with pytest.raises(PolicyError) as caught:
        put(new)
    (fault,) = caught.value.faults
    assert fault.path == ("users", new)
    assert fault.what == f"looks like “{known}”, who is another person"
    put("a|ice")
    with pytest.raises(PolicyError):
        put("alice")
    sources, policy = sources.retire(policy, Key(Kind.USER, "a|ice"), EARLIEST)
    put("alice")
    assert "alice" in policy.people
