"""Faults in what is asked for at a start, and what decides."""

from typing import Final

from mutation.faults import noticed_by
from mutation.operators import Drop, Never, Replace, Return

DECISIONS: Final = (
    *noticed_by(
        "tests/core/test_decision.py",
        ("faults of options are passed over", "RULES", Drop("options_are_well_formed")),
        ("levels are not asked for", "RULES", Drop("person_may_start")),
        ("memberships are not asked for", "RULES", Drop("account_is_theirs")),
        ("tiers are open to all", "RULES", Drop("tier_is_granted")),
        ("images are open to all", "RULES", Drop("image_is_approved")),
        ("limits are not kept", "RULES", Drop("limits_are_kept")),
        ("one more than a limit fits", "_exceeded", Replace("limit.maximum", "limit.maximum + 1")),
        (
            "a limit cannot be used up",
            "_exceeded",
            Replace("limit.held + asked > limit.maximum", "limit.held + asked >= limit.maximum"),
        ),
        (
            "what is asked does not count",
            "_exceeded",
            Replace("limit.held + asked > limit.maximum", "limit.held >= limit.maximum"),
        ),
        (
            "limits of tiers are not kept",
            "_exceeded",
            Replace("(*question.limits, *candidate.limits)", "question.limits"),
        ),
        (
            "limits of people and groups are not kept",
            "_exceeded",
            Replace("(*question.limits, *candidate.limits)", "candidate.limits"),
        ),
        (
            "a tier that observes lets in whom nothing lets in",
            "decide",
            Drop("all(denial.limit is not None for denial in denials)"),
        ),
        ("every tier observes", "decide", Drop("candidate.observe")),
        ("what is not open is said to fit", "list_fitting", Drop("candidate.granted")),
        (
            "tiers are offered to who may not start",
            "list_fitting",
            Drop("if not may_start_servers(question.subject): ..."),
        ),
    ),
    *noticed_by(
        "tests/core/test_question.py tests/core/test_generated_options.py",
        (
            "unknown keys are passed over",
            "_read_options",
            Never("key not in (*OPTION_NAMES, PROFILE)"),
        ),
        (
            "values that are not text are ignored",
            "_read_options",
            Replace("not isinstance(value, str)", "value is ..."),
        ),
        (
            "a value that is not an object counts as no options",
            "_read_options",
            Return(
                (
                    'Options() or Options(faults=("Options are an object with the keys '
                    'tier, size, account and image.",))'
                ),
                within="if not isinstance(raw, Mapping): ...",
            ),
        ),
        (
            "characters that cannot be seen are names",
            "_is_name",
            Drop("value.isprintable()"),
        ),
        (
            "names have any length",
            "_is_name",
            Drop("all(len(part) <= longest for part in parts)"),
        ),
        ("any number of faults is said", "_read_options", Never("len(faults) > _MAX_FAULTS")),
        (
            "a profile goes before a tier that is named beside it",
            "_fold_names",
            Never('named.get("tier", profile) not in {profile, ""}'),
        ),
        (
            "one of several accounts is charged unasked",
            "choose_account",
            Replace("len(asker.accounts) == 1", "asker.accounts"),
        ),
        ("what is named now is passed over", "still_meant", Never("not options.remembered")),
        (
            "a remembered tier is asked for that is gone",
            "still_meant",
            Replace("return known is not None", "return True"),
        ),
        (
            "a remembered tier is asked for that is not theirs",
            "still_meant",
            Replace('options.tier if is_theirs(charged) else ""', "options.tier"),
        ),
        (
            "a remembered account is charged that is not theirs",
            "still_meant",
            Replace(
                'options.account if options.account in asker.accounts else ""', "options.account"
            ),
        ),
        ("any group of the Hub is an account", "Policy.accounts_of", Drop("self.groups.keys()")),
        (
            "tiers are open to strangers",
            "_Lookup.list_candidates",
            Replace(
                "asking.level is not None and self.policy.may_use(tier, ...)",
                "asking.level is None or self.policy.may_use("
                "tier, asking.user, asking.level, self.account, self.now)",
            ),
        ),
        (
            "what is held is not looked up",
            "_Lookup.hold",
            Replace("self.totals.held(scope, resource)", "0"),
        ),
    ),
    *noticed_by(
        "tests/core/test_offers.py",
        ("sizes are open to all", "RULES", Drop("size_is_granted")),
        (
            "a size is open to all who have the tier",
            "_Lookup.list_candidates",
            Replace("is_open and not is_closed", "is_open"),
        ),
        (
            "quotas count the first size",
            "_Lookup.list_candidates",
            Replace("variant.demand", "tier.demand"),
        ),
        (
            "an image is open to all who have the tier",
            "offers:list_images",
            Never("image is not None and not asking.may_use(image.access)"),
        ),
        (
            "any image is within a pattern",
            "image_is_approved",
            Replace("parse_pattern(each).admits(question.image)", "bool(each)"),
        ),
        (
            "a remembered size is asked for that is not theirs",
            "still_meant",
            Replace('options.size if has_size else ""', "options.size"),
        ),
        (
            "a rule is fulfilled by one of its kinds",
            "AccessRule.admits",
            Replace("(not self.levels or level in self.levels)", "True"),
        ),
    ),
    *noticed_by(
        "tests/core/test_image_references.py",
        (
            "a pattern is open to every registry",
            "ImagePattern.admits",
            Drop("reference.registry == self.registry"),
        ),
        (
            "what comes after a digest is passed over",
            "parse_reference",
            Drop("(not at or _DIGEST.fullmatch(digest))"),
        ),
        (
            "a pattern is open below it",
            "ImagePattern._fits",
            Never(
                "len(names) < len(self.parts) or (fixed == self.parts and len(names) != len(fixed))"
            ),
        ),
        (
            "a name may begin as the pattern does",
            "_fits_part",
            Replace("name == part", "name.startswith(part)"),
        ),
    ),
    *noticed_by(
        "tests/core/test_suspensions.py",
        ("the suspended start servers", "person_may_start", Never("question.subject.suspended")),
        ("tiers are offered to the suspended", "may_start_servers", Return("may_start")),
    ),
    *noticed_by(
        "tests/core/test_question.py",
        (
            "what was passed over stays stored",
            "keep_meant",
            Drop("key in others or value in named.get(key, ())"),
        ),
    ),
)
