"""Who gets a sample password when a platform starts: everybody, unless people are many."""

from jupyterhub_platform.cli.local.startup_message import MAX_SAMPLED, choose_sampled
from tests.support.policies import make_policy


def test_everybody_gets_a_password_where_people_are_few() -> None:
    policy = make_policy()
    assert choose_sampled(policy) == sorted(policy.people)


def test_of_many_those_with_the_most_to_say_get_one_first() -> None:
    many = {f"p{number:03}": {"level": "user"} for number in range(MAX_SAMPLED)}
    chosen = choose_sampled(make_policy({"users": many | {"zoe": {"level": "manager"}}}))
    assert len(chosen) == MAX_SAMPLED
    assert {"root", "zoe", "p000"} <= set(chosen)
    assert "p149" not in chosen
