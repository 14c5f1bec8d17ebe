"""Who gets a sample password when a platform starts: everybody, unless people are many."""

from jupyterhub_platform.cli.local.startup_message import MAX_SAMPLED, choose_sampled
from tests.support.policies import make_policy


def test_everybody_gets_a_password_where_people_are_few() -> None:
    policy = make_policy()
    assert choose_sampled(policy) == sorted(policy.people)


def test_only_admins_get_one_where_people_are_many() -> None:
    many = {f"p{number}": {"level": "user"} for number in range(MAX_SAMPLED)}
    assert choose_sampled(make_policy({"users": many})) == ["root"]
