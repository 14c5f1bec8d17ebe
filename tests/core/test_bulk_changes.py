"""What a bulk change is, and how its progress adds up."""

from jupyterhub_platform.core.bulk_changes import Act, BulkJob, Progress
from tests.support.policies import NOW


def test_what_is_not_settled_is_left() -> None:
    job = BulkJob("j", Act.LEVEL, {"level": "user"}, "why", "root", "", NOW, 10)
    progress = Progress(job, 4, 2, 1, 4, 7, 12)
    assert (progress.handled, progress.left) == (7, 3)


def test_managers_neither_suspend_nor_resume_nor_undo() -> None:
    assert {each for each in Act if each.is_for_admins} == {Act.SUSPEND, Act.RESUME, Act.UNDO}


def test_only_changes_of_the_policy_make_revisions() -> None:
    assert {each for each in Act if not each.makes_revisions} == {Act.SUSPEND, Act.RESUME}
    assert {each for each in Act if each.is_of_group} == {Act.ADD, Act.REMOVE}


def test_only_a_table_of_new_people_is_done_whole_or_not_at_all() -> None:
    assert {each for each in Act if each.is_whole} == {Act.ADD_PEOPLE}
