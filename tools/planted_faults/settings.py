"""Faults in settings of a site that must stay safe."""

from typing import Final

from mutation.faults import noticed_by
from mutation.operators import Drop, InsertBefore, Never

SETTINGS: Final = (
    *noticed_by(
        "tests/hub/test_platform_traits.py",
        (
            "options that admission reads are left to others",
            "PlatformTraits._not_ours",
            Never("if ours: ..."),
        ),
    ),
    *noticed_by(
        "tests/hub/test_configure.py",
        (
            "the site lets in users whom the policy does not know",
            "_find_overwritten",
            Never("not issubclass(chosen, governed)"),
        ),
        (
            "what configure(c) added is not missed",
            "_find_overwritten",
            Never("each not in _list_present(app, trait)"),
        ),
        ("a prefix is any text", "_check_prefix", Never("not _PATH.fullmatch(path)")),
        (
            "what is in a setting is not looked at",
            "check_shapes",
            Drop("shape.entries.validate_python(entries)"),
        ),
    ),
    *noticed_by(
        "tests/hub/policy/test_live_policy_watch.py -k 'by_hand or of_levels'",
        (
            "requests fill groups of levels",
            "LevelGroupGuard.prepare",
            Drop("refuse_levels(self.path_args[:1])"),
        ),
        (
            "requests make admins",
            "AdminGuard.get_json_body",
            Never('body.get("admin") not in (None, name in admins)'),
        ),
    ),
    *noticed_by(
        "tests/hub/configuration/test_hardening.py",
        (
            "scopes in the role server are not looked at",
            "find_weakened",
            Never('setting.trait == "server_token_scopes"'),
        ),
    ),
    *noticed_by(
        "tests/hub/configuration/test_live_hardening.py -k from_a_get",
        (
            "a site may want no form",
            "TierFormMixin.get_options_form",
            InsertBefore(
                "return spawn_form(platform_of(self.user.settings), ...)",
                "return str(self.options_form)",
            ),
        ),
    ),
)
