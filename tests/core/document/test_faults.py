"""Suggestions are for the first of many unknown names: comparing thousands is slow."""

from jupyterhub_platform.core.document.faults import FaultCollector


def test_a_name_that_looks_like_a_known_one_is_suggested() -> None:
    faults = FaultCollector({})
    assert faults.suggest("smal", {"small", "large"}, "add it") == "did you mean “small”?"
    assert faults.suggest("gpu", {"small", "large"}, "add it") == "add it"


def test_thousands_of_names_are_not_compared_with_thousands() -> None:
    faults, known = FaultCollector({}), {f"tier-{number}" for number in range(20_000)}
    said = [faults.suggest("tier-99999", known, "add it") for _ in range(4)]
    assert [each == "add it" for each in said] == [False, False, True, True]
