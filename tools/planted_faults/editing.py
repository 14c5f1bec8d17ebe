"""Faults in pages on which something is changed, and in what lists show to whom."""

from typing import Final

from mutation.faults import noticed_by
from mutation.operators import Always, Drop, Never, Replace

EDITING: Final = (
    *noticed_by(
        "tests/service/test_editing.py",
        (
            "a form goes to the Hub with no version",
            "FormPage._send",
            Replace("""{"If-Match": f'"{draft.seen}"'}""", """{"If-Match": "*"}"""),
        ),
        (
            "a new object replaces an old one",
            "FormPage._send",
            Replace("""{"If-None-Match": "*"}""", """{"If-Match": "*"}"""),
        ),
        (
            "a group is changed before its effects were seen",
            "FormPage.send_form",
            Never(
                "is_new_to_them",
                within="self._is_live or self.sent(...) == 'preview' or is_new_to_them",
            ),
        ),
        (
            "another change is saved than was previewed",
            "FormPage.send_form",
            Replace("self.sent('previewed') != draft.digest", "not self.sent('previewed')"),
        ),
        (
            "forms are open to all",
            "EditingPage.require_change",
            Never("not (...)"),
        ),
        (
            "members of any group are changed on the page",
            "MembersPage._begin",
            Never("not self.viewer.may_change(Kind.GROUP, group)"),
        ),
        (
            "a rollback goes by whatever revision is in force",
            "RollBackPage._roll_back",
            Replace("""{"If-Match": f'"{seen}"'}""", """{"If-Match": "*"}"""),
        ),
        (
            "a lost update keeps the old version",
            "forms:_reply",
            Replace("str(current['version']) if current else ''", "draft.seen"),
        ),
    ),
    *noticed_by(
        "tests/service/test_forms.py",
        (
            "a name leads to another address of the Hub",
            "place_of",
            Drop("name in {'.', '..'}"),
        ),
        (
            "what has no field is lost",
            "show_document",
            Replace("render_mapping(_without_empty(rest))", "''"),
        ),
    ),
    *noticed_by(
        "tests/service/test_objects.py",
        (
            "members read who else is in their group",
            "report_group",
            Always("whole", within="tuple(sorted(...)[:MAX_MEMBERS]) if whole else ()"),
        ),
        (
            "a search tells who is in a group",
            "report_groups",
            Always("viewer.sees_account(group.name)"),
        ),
        (
            "grants of others are listed",
            "sees_grant",
            Replace("grant.account in viewer.reads_groups", "True"),
        ),
        (
            "a table runs formulas",
            "csv_export:_say",
            Never("text.startswith(_FORMULAS)"),
        ),
    ),
    *noticed_by(
        "tests/core/test_effects.py",
        (
            "suspended people count as if they could start",
            "may_start",
            Never("policy.suspension_of(user, {}, now) is not None"),
        ),
        (
            "what was over before counts as the change's doing",
            "find_over",
            Always("at not in old or old[at].maximum > limit.maximum"),
        ),
    ),
)
