"""A change asks for the tests that import it, however far away."""

from changed import ALWAYS, WALK, list_affected_tests, list_changed_tests


def test_tests_of_importers_of_a_changed_module_are_selected() -> None:
    affected = list_affected_tests(["jupyterhub_platform/core/quotas.py"])
    assert {"tests/core/test_quotas.py", "tests/usecases/test_admission.py", *ALWAYS} <= {*affected}
    assert "tests/core/test_quantities.py" not in affected


def test_a_changed_support_of_tests_is_a_change_of_what_imports_it() -> None:
    assert "tests/usecases/test_book.py" in list_affected_tests(["tests/support/policies.py"])


def test_file_that_is_no_module_selects_the_tests_that_always_run() -> None:
    assert list_affected_tests(["docs/operations.md", "gone.py"]) == sorted(ALWAYS)


def test_changed_live_tests_and_one_walk_are_listed() -> None:
    changed = [
        "jupyterhub_platform/core/quotas.py",
        "tests/hub/api/test_live_why.py",
        "tests/test_x.py",
    ]
    assert list_changed_tests(changed) == ["tests/hub/api/test_live_why.py", WALK]
