"""Faults in plans and in what applies them: what is destructive, stale or secret."""

from typing import Final

from mutation.faults import noticed_by
from mutation.operators import Always, Never, Replace, Return

PLANS: Final = (
    *noticed_by(
        "tests/core/test_policy_plan.py",
        (
            "a lost admin is not destructive",
            "_list_destructive",
            Replace("{*before.admins()} - {*after.admins()}", "set()"),
        ),
        (
            "removed people with servers are not destructive",
            "_list_destructive",
            Never("each.code == code"),
        ),
        (
            "whom a rule names is taken for others",
            "_Startable.find",
            Never("user in self._named or ..."),
        ),
        ("a suspension that is over counts", "policy_plan:_holds", Return("True")),
    ),
    *noticed_by(
        "tests/core/test_planned_cuts.py",
        ("a small cut counts", "_is_cut", Replace("PERCENT * before", "0")),
        ("a first limit is no cut", "_is_cut", Replace("before is None", "False")),
    ),
    *noticed_by(
        "tests/core/test_masked_secrets.py",
        (
            "what follows a key of a secret is shown",
            "Mask.mask_text",
            Never("is_whole or ':' not in line"),
        ),
        ("forms of secrets are shown", "Mask._mask_forms", Return("text")),
    ),
    *noticed_by(
        "tests/usecases/test_policy_plans.py",
        ("a plan shows secrets of files", "policy_plans:_mask_file", Return("file.text")),
        ("a plan hides conflicts", "_list_conflicts", Return("[]")),
    ),
    *noticed_by(
        "tests/cli/test_plan.py",
        ("what is destructive is allowed", "Report.refused", Always('"all" in self.allowed')),
    ),
    *noticed_by(
        "tests/cli/test_applied.py",
        (
            "a rollback crosses a migration",
            "check_migration",
            Never("before and now and before != now"),
        ),
        (
            "two apply at once",
            "hold_lease",
            Replace("fcntl.LOCK_EX | fcntl.LOCK_NB", "fcntl.LOCK_SH"),
        ),
    ),
    *noticed_by(
        "tests/deploy/test_plan.py",
        (
            "a proxy that restarts is no matter",
            "plan:_compare",
            Replace("True", "False", within="PartChange('proxy', 'restarts', ...)"),
        ),
    ),
)
