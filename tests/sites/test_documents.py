"""The documents of the sites are valid, and say nothing that is probably a mistake."""

import pytest

from jupyterhub_platform.core.policy_warnings import list_warnings
from jupyterhub_platform.policy_files import read_policy
from tests.sites.folders import NAMES, SHARED, SiteFolder


@pytest.mark.parametrize("name", NAMES)
def test_the_document_of_a_site_is_valid_without_a_warning(name: str) -> None:
    policy = read_policy(SiteFolder(name).policy_file).policy
    assert list(list_warnings(policy)) == []


@pytest.mark.parametrize("name", NAMES)
def test_every_difference_of_a_pod_has_its_reason(name: str) -> None:
    starts = [start for each in SiteFolder(name).visitors for start in each.starts]
    for listed in (*SHARED, *(one for start in starts for one in start.differences)):
        assert listed["why"].endswith(".")
