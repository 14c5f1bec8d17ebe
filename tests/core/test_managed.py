"""The sources of policy, and the one policy that they make."""

from jupyterhub_platform.core.managed import Sources
from tests.support.policies import make_policy


def test_the_file_alone_is_the_policy_when_nothing_else_is_said():
    declared = make_policy()
    assert Sources(declared).unite() == declared
