"""Faults in what the policy says, and how it is read."""

from typing import Final

from mutation.faults import noticed_by
from mutation.operators import Always, Drop, Never, Replace, Return

POLICY: Final = (
    *noticed_by(
        "tests/core/test_quantities.py",
        ("amounts are rounded down", "parse_quantity", Replace("ceil", "floor")),
        ("a bound is rounded up", "read_quantity", Return("min(ceil(kept), _MAX)")),
        ("little is said to be nothing", "quantities:_short", Always("number >= Fraction(1, 100)")),
    ),
    *noticed_by(
        "tests/core/test_times.py",
        ("a time keeps its zone", "parse_instant", Replace("instant.astimezone(UTC)", "instant")),
        (
            "hours are shown as they are written",
            "describe_instant",
            Replace("instant.astimezone(UTC)", "instant"),
        ),
    ),
    *noticed_by(
        "tests/test_documents.py",
        ("eight bytes are valid", "_find_meaning", Never("0 < amount < minimum")),
        ("cores are counted in GiB", "_find_meaning", Never("name == CPU")),
        (
            "a count is octal to others",
            "_check_whole",
            Never("(ambiguity := find_ambiguity(value))"),
        ),
        (
            "an amount is octal to others",
            "units:_read",
            Never("(said := find_ambiguity(text))"),
        ),
        (
            "all have one home",
            "compile_volumes:_check_home",
            Never("not is_personal"),
        ),
        (
            "a sub path leads out",
            "_check_sub_path",
            Never('not is_relative or {".", ".."} & set(parts)'),
        ),
        (
            "any name is a slug",
            "schema_volumes:_check_names",
            Never("name not in names"),
        ),
        (
            "a site's label is the Hub's",
            "schema_metadata:_check_own",
            Never("is_reserved(value, annotation=annotation)"),
        ),
        (
            "nothing counts what is unlimited",
            "check_amounts",
            Never("not has_devices"),
        ),
        (
            "a tier gets the same devices twice",
            "_read_devices",
            Never("each.resource in amounts"),
        ),
    ),
    *noticed_by(
        "tests/core/test_policy_warnings.py",
        ("a server of any size starts", "_check_size", Never("0 < cpu < _MIN_CPU")),
        ("a user always may start it", "_check_users", Never("blocking is not None")),
    ),
    *noticed_by(
        "tests/core/test_policy.py tests/core/test_decision.py",
        (
            "a grant opens every tier",
            "Policy.may_use",
            Replace("each.tier == tier.name", "bool(each.tier)"),
        ),
        (
            "a grant opens a tier to all",
            "Grant.counts_for",
            Replace('self.user == user and self.account in {"", account}', "True"),
        ),
        (
            "accelerators are free where no rule names them",
            "Policy._limits",
            Replace("_scarce(name, grants, user, account)", "()"),
        ),
        (
            "members manage their group",
            "Policy.managed_groups",
            Always("user in self.groups[g].managers"),
        ),
    ),
    *noticed_by(
        "tests/core/test_quotas.py tests/core/test_decision.py",
        ("a grant never ends", "Grant.is_live", Drop("now < self.until")),
        ("a grant counts before it begins", "Grant.is_live", Return("now < self.until")),
    ),
    *noticed_by(
        "tests/core/test_tiers.py tests/core/test_decision.py",
        (
            "a tier for some is open to all",
            "Access.admits",
            Always("account in self.groups or user in self.users or level in self.levels"),
        ),
        (
            "a server does not count itself",
            "Tier.__post_init__",
            Replace("self.requests.plus(self.devices).plus({SERVERS: 1})", "self.requests"),
        ),
    ),
    *noticed_by(
        "tests/core/test_suspensions.py",
        (
            "a declared suspension does not count",
            "Policy.suspension_of",
            Drop("person.suspended if person else None"),
        ),
        (
            "an end that has come does not count",
            "Policy.suspension_of",
            Drop("suspension.holds(now)"),
        ),
    ),
    *noticed_by(
        "tests/core/test_tiers.py",
        (
            "devices are not charged",
            "Tier.__post_init__",
            Replace("self.requests.plus(self.devices)", "self.requests"),
        ),
    ),
    *noticed_by(
        "tests/usecases/test_health.py",
        (
            "a file that was changed is not read again",
            "PolicyFileReader.read",
            Drop("last[0] != seen"),
        ),
        (
            "a file is read at each look",
            "PolicyFileReader.read",
            Always("last is None or last[0] != seen"),
        ),
    ),
    *noticed_by(
        "tests/test_documents.py tests/usecases/test_policies.py",
        ("a policy needs no admin", "_Checks.check_admins", Never("not admins")),
        ("the last admin is suspended in the file", "_Checks.check_admins", Never("all(...)")),
    ),
    *noticed_by(
        "tests/usecases/test_policies.py",
        (
            "the last admin is suspended in the store",
            "PublishPolicy.check",
            Never("not self.locked_out"),
        ),
    ),
    *noticed_by(
        "tests/core/document/test_files.py",
        (
            "the last of two files wins",
            "_Union._is_new",
            Always("first not in self.document[section]"),
        ),
        (
            "a team sets the quota of all",
            "_Union._add_section",
            Never("section not in SECTIONS"),
        ),
        (
            "what is above the folder is included",
            "find_include_fault",
            Never('any(part.startswith(".") for part in parts)'),
        ),
        ("any path is included", "find_include_fault", Drop("not all(parts)")),
        ("an emptied file retires its people", "_Union.add", Never("part.document is None")),
    ),
    *noticed_by(
        "tests/test_policy_files.py",
        (
            "a link leads out of the folder",
            "_Search._read_file",
            Never("os.path.commonpath([real, within]) != within"),
        ),
        ("a file is included twice", "_Search._read_file", Never("real in self._known")),
        (
            "half of a set is put into force",
            "PolicyFiles._find",
            Always("self._see() == seen"),
        ),
        (
            "a file that is added is not seen",
            "PolicyFiles._see",
            Replace("_list(folder, entry)", "[entry]"),
        ),
        ("files have no bound", "_Search._read_bytes", Never("self._bytes > MAX_TOTAL_BYTES")),
        ("a file is kept as it was", "FileParser.parse", Never("known[0] != digest")),
    ),
    *noticed_by(
        "tests/hub/people/test_membership_sync.py",
        (
            "what another file took away is remembered again",
            "apply_to_moved",
            Replace(
                "in_store_thread(policies.change_applied, gone, {})",
                "in_store_thread(policies.change_applied, was, now)",
            ),
        ),
    ),
)
