"""What ``mutants.py`` breaks: each guard of the platform, by its text, and the tests that notice.

A guard that is new or changed gets its rows here; :data:`SUSPENSION` shows how few it takes. What
replaces the text must be code that runs: a fault is a wrong answer, never a crash at import.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Fault:
    """``old`` stands exactly once in ``file``; with ``new`` in its place, ``tests`` must fail."""

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]


@dataclass(frozen=True)
class Equivalent:
    """A change that no test can notice, and why."""

    name: str
    file: str
    reason: str


def faults_in(file: str, tests: tuple[str, ...], *rows: tuple[str, str, str]) -> tuple[Fault, ...]:
    """Return faults of one file with the same tests; each row is name, old text and new text."""
    path = f"jupyterhub_platform/{file}"
    return tuple(Fault(name, path, old, new, tests) for name, old, new in rows)


_QUESTION_TESTS = ("tests/core/test_question.py", "tests/core/test_generated_options.py")

WHO_A_PERSON_IS: Final = (
    *faults_in(
        "usecases/snapshot.py",
        ("tests/usecases/test_reports.py",),
        (
            "a door does not hear of suspensions",
            "name, memberships, self.suspension_of(name, now))",
            "name, memberships, None)",
        ),
    ),
    *faults_in(
        "usecases/reports/own.py",
        ("tests/usecases/test_reports.py",),
        (
            "a group that was left is offered as long as it is charged",
            "if member and question_shows(question, tier)",
            "if question_shows(question, tier)",
        ),
        (
            "a report counts who is charged as a member",
            "facts.snapshot.subject(name, memberships, facts.at)",
            "facts.snapshot.subject(name, memberships | {'vision', 'text'}, facts.at)",
        ),
    ),
)

PAGES: Final = (
    *faults_in(
        "service/pages.py",
        ("tests/service/test_queries.py",),
        (
            "a page without a live part is asked for it",
            "return str(self.get_query_argument(name, default)) if name in self.TAKES else default",
            "return str(self.get_query_argument(name, default))",
        ),
        (
            "a slash leads out of the service",
            '        self.redirect(prefix + path.removeprefix(prefix).strip("/") + query)',
            '        self.redirect(path.removeprefix(prefix).rstrip("/") + query)',
        ),
    ),
    *faults_in(
        "hub/pages/already_running.py",
        ("tests/hub/test_live_already_running.py",),
        (
            "a wish leads to what runs",
            "if user is None or not (wish or NEW_SERVER in self.request.query_arguments)",
            "if True",
        ),
    ),
    *faults_in(
        "usecases/troubles.py",
        ("tests/service/test_troubles.py",),
        ("faults of the policy file are not told", "    if faults:\n", "    if False:\n"),
        ("a store that is down is not told", '    if store["fault"]:\n', "    if False:\n"),
        ("drift is not told", "    if drift:\n", "    if False:\n"),
    ),
    *faults_in(
        "usecases/health.py",
        ("tests/usecases/test_health.py",),
        (
            "a file that was changed is not read again",
            "last is None or last[0] != seen",
            "last is None",
        ),
        (
            "a file is read at each look",
            "last is None or last[0] != seen",
            "True",
        ),
    ),
)

ADMISSION: Final = (
    *faults_in(
        "usecases/admission.py",
        ("tests/usecases/test_admission.py",),
        (
            "the store that is down is asked",
            "        self._health.check()\n        if decision.denials",
            "        if decision.denials",
        ),
        (
            "a denial lets in",
            "        if not decision.admitted:\n",
            "        if False:\n",
        ),
        (
            "a denial is not recorded",
            "                identifier = self.denials.record(decision, start.by or start.user)\n",
            "                identifier = 'x'\n",
        ),
        (
            "a server that was never released is admitted again",
            "        if self.book.of_server(start.user, start.server):\n",
            "        if False:\n",
        ),
        (
            "the book is not entered",
            "        self.book.enter(admitted.reservation)\n        self.denials",
            "        self.denials",
        ),
        (
            "a failure does not mark the store down",
            "            self._health.mark_down(error)\n            # A commit",
            "            # A commit",
        ),
        ("what failed is admitted", '"not admitted")\n            raise\n', '"not admitted")\n'),
        (
            "a release is done twice",
            "        if self.book.strike(reservation_id) is None:\n            return False\n",
            "        self.book.strike(reservation_id)\n",
        ),
        (
            "a release leaves its row open",
            "        self.close_row(reservation_id, reason, at)\n        return True",
            "        return True",
        ),
        (
            "a release is dated when it is entered",
            "                ledger.release(transaction, reservation_id, at, reason)\n",
            "                ledger.release(transaction, reservation_id, self._clock(), reason)\n",
        ),
        (
            "memberships of the Hub are not asked for",
            "snapshot.subject(start.user, start.memberships, now)",
            "snapshot.subject(start.user, frozenset(), now)",
        ),
        (
            "another revision is recorded",
            "policy_revision=self.snapshot.revision,",
            "policy_revision=0,",
        ),
        (
            "who asked is not recorded",
            "requested_by=start.by or start.user,\n                )\n                if",
            "requested_by=start.user,\n                )\n                if",
        ),
    ),
    *faults_in(
        "usecases/admission.py",
        ("tests/usecases/test_interleavings.py", "tests/usecases/test_state_machine.py"),
        (
            "less is reserved than is asked for",
            "            demand=decision.demand,\n",
            "            demand=type(decision.demand).of({'servers': 1}),\n",
        ),
        (
            "somebody else is charged",
            "account=question.account,\n            tier=question.tier,\n            image",
            "account='',\n            tier=question.tier,\n            image",
        ),
        (
            "the book is entered before the row",
            (
                "            with self._store.begin() as transaction:\n"
                "                ledger.open_reservation(\n                    transaction,\n"
                "                    admitted.reservation,\n"
            ),
            (
                "            self.book.enter(admitted.reservation)\n"
                "            with self._store.begin() as transaction:\n"
                "                ledger.open_reservation(\n                    transaction,\n"
                "                    admitted.reservation,\n"
            ),
        ),
    ),
    *faults_in(
        "usecases/book.py",
        ("tests/usecases/test_book.py",),
        (
            "a server holds two reservations",
            "        if reservation.id in self._by_id or server in self._by_server:\n",
            "        if reservation.id in self._by_id:\n",
        ),
        (
            "a reservation is entered twice",
            "        if reservation.id in self._by_id or server in self._by_server:\n",
            "        if server in self._by_server:\n",
        ),
        (
            "totals do not grow",
            "        _change(self._totals, reservation, +1)\n",
            "",
        ),
        (
            "totals do not shrink",
            "        _change(self._totals, reservation, -1)\n",
            "",
        ),
        (
            "what is refilled is added to what was there",
            "        self._totals.clear()\n",
            "",
        ),
        (
            "servers of before are still found after a refill",
            "        self._by_server.clear()\n",
            "",
        ),
        (
            "a struck server is still found",
            "        del self._by_server[reservation.user, reservation.server]\n",
            "",
        ),
        (
            "drift is not found",
            "if due.get(each, 0) != booked.get(each, 0)",
            "if due.get(each, 0) > booked.get(each, 0)",
        ),
    ),
    *faults_in(
        "usecases/consistency.py",
        ("tests/usecases/test_consistency.py",),
        (
            "a row without a server stays open",
            "        if row.id not in admission.book:\n",
            "        if False:\n",
        ),
        (
            "a server without a row gets none",
            "        if reservation.id not in rows:\n",
            "        if False:\n",
        ),
        (
            "a state is believed before its row",
            "    if committed is not None:\n",
            "    if False:\n",
        ),
        (
            "a row of another server is taken",
            "return committed if _names(committed, server) else row",
            "return committed",
        ),
        (
            "a state of another server is taken",
            "return reservation if well_formed and _names(reservation, server) else None",
            "return reservation if well_formed else None",
        ),
        (
            "a state with less than nothing is taken",
            "        and all(amount >= 0 for amount in demand.values())\n",
            "",
        ),
        (
            "a state with no server in it is taken",
            "        and demand.amount(SERVERS) == 1\n",
            "",
        ),
        (
            "what a closed row charged is charged again",
            "id=uuid.uuid4().hex, opened_at=admission.now())",
            "id=uuid.uuid4().hex)",
        ),
        (
            "somebody is charged for a group that is not theirs",
            "account = options.account if options.account in accounts else",
            "account = options.account if options.account else",
        ),
        (
            "a server that holds nothing is no drift",
            "for user, server in sorted(running - booked)",
            "for user, server in sorted(booked - booked)",
        ),
        (
            "an open row in no book is no drift",
            "for each in sorted(rows - held.keys())",
            "for each in sorted(rows - rows)",
        ),
    ),
    *faults_in(
        "core/decision.py",
        ("tests/core/test_decision.py",),
        ("faults of options are passed over", "    options_are_well_formed,\n", ""),
        ("levels are not asked for", "    person_may_start,\n", ""),
        ("memberships are not asked for", "    account_is_theirs,\n", ""),
        ("tiers are open to all", "    tier_is_granted,\n", ""),
        ("images are open to all", "    image_is_approved,\n", ""),
        ("limits are not kept", "    limits_are_kept,\n", ""),
        (
            "one more than a limit fits",
            "if asked and limit.held + asked > limit.most:",
            "if asked and limit.held + asked > limit.most + 1:",
        ),
        (
            "a limit cannot be used up",
            "if asked and limit.held + asked > limit.most:",
            "if asked and limit.held + asked >= limit.most:",
        ),
        (
            "what is asked does not count",
            "if asked and limit.held + asked > limit.most:",
            "if asked and limit.held >= limit.most:",
        ),
        (
            "limits of tiers are not kept",
            "for limit in (*question.limits, *candidate.limits):",
            "for limit in question.limits:",
        ),
        (
            "limits of people and groups are not kept",
            "for limit in (*question.limits, *candidate.limits):",
            "for limit in candidate.limits:",
        ),
        (
            "a tier that observes lets in whom nothing lets in",
            "        and all(denial.limit is not None for denial in denials)\n",
            "",
        ),
        (
            "every tier observes",
            "        and candidate.observe\n",
            "",
        ),
        (
            "what is not open is said to fit",
            "if candidate.granted and next(_exceeded",
            "if next(_exceeded",
        ),
        (
            "tiers are offered to who may not start",
            "    if not may_start_servers(question.subject):\n        return ()\n",
            "",
        ),
    ),
    *faults_in(
        "core/options.py",
        _QUESTION_TESTS,
        (
            "unknown keys are passed over",
            "        if key not in (*OPTION_NAMES, PROFILE):\n",
            "        if False:\n",
        ),
        (
            "values that are no text are passed over",
            "        elif not isinstance(value, str):\n",
            "        elif value is ...:\n",
        ),
        (
            "what is no object is read as nothing",
            '        return Options(faults=("Options are',
            '        return Options() or Options(faults=("Options are',
        ),
        (
            "characters that cannot be seen are names",
            "or not value.isprintable():",
            "or False:",
        ),
        ("names have any length", "len(value) > _MAX_OPTION_LENGTH or", "False or"),
        (
            "any number of faults is said",
            "    if len(faults) > _MAX_FAULTS:\n",
            "    if False:\n",
        ),
        (
            "a profile goes before a tier that is named beside it",
            'named.get("tier", profile) not in {profile, ""}',
            "False",
        ),
        (
            "one of several accounts is charged unasked",
            "return accounts[0] if len(accounts) == 1 else",
            "return accounts[0] if accounts else",
        ),
        (
            "what is named now is passed over",
            "    if not options.remembered:\n",
            "    if False:\n",
        ),
        (
            "a remembered tier is asked for that is gone",
            'tier = options.tier if known is not None else ""',
            "tier = options.tier",
        ),
        (
            "a remembered tier is asked for that is not theirs",
            '        tier = tier if is_theirs else ""\n',
            "        pass\n",
        ),
        (
            "a remembered account is charged that is not theirs",
            'account = options.account if options.account in asker.accounts else ""',
            "account = options.account",
        ),
    ),
    *faults_in(
        "core/question.py",
        _QUESTION_TESTS,
        (
            "any group of the Hub is an account",
            "(policy.declared_groups(name) | memberships) & policy.groups.keys()",
            "policy.declared_groups(name) | memberships",
        ),
        (
            "tiers are open to strangers",
            "granted=level is not None and policy.may_use(",
            "granted=level is None or policy.may_use(",
        ),
        (
            "what is held is not looked up",
            "            usage.held(scope, resource),\n",
            "            0,\n",
        ),
    ),
)

POLICY: Final = (
    *faults_in(
        "core/resources.py",
        ("tests/core/test_resources.py",),
        ("amounts are rounded down", "    amount = ceil(number", "    amount = floor(number"),
        ("a bound is rounded up", "floor(kept) if bound else ceil(kept)", "ceil(kept)"),
        ("little is said to be nothing", "or number >= Fraction(1, 100) else 3", "or True else 3"),
    ),
    *faults_in(
        "core/instants.py",
        ("tests/core/test_instants.py",),
        (
            "a time keeps its zone",
            "        return instant.astimezone(UTC)\n    except",
            "        return instant\n    except",
        ),
        ("hours are shown as they are written", "{instant.astimezone(UTC):%d", "{instant:%d"),
    ),
    *faults_in(
        "core/document/units.py",
        ("tests/test_documents.py",),
        ("eight bytes are valid", "if 0 < amount < least else None", "if False else None"),
        (
            "cores are counted in GiB",
            "        if name == CPU:\n            said",
            "        if False:\n            said",
        ),
    ),
    *faults_in(
        "core/policy_warnings.py",
        ("tests/core/test_policy_warnings.py",),
        ("a server of any size starts", "    if 0 < cpu < _MIN_CPU:\n", "    if False:\n"),
        ("somebody always may start it", "    if blocking is not None:\n", "    if False:\n"),
    ),
    *faults_in(
        "core/policy.py",
        ("tests/core/test_policy.py", "tests/core/test_decision.py"),
        (
            "a grant opens every tier",
            "            grant.tier == tier.name\n            and (",
            "            bool(grant.tier)\n            and (",
        ),
        (
            "a grant opens a tier to all",
            '(grant.user == user and grant.account in {"", account})\n                or',
            '(grant.user != "")\n                or',
        ),
        (
            "accelerators are free where no rule names them",
            "                yield from _scarce(name, grants, user, account)\n",
            "                yield from ()\n",
        ),
        ("members manage their group", "if user in self.groups[g].managers)", "if True)"),
    ),
    *faults_in(
        "core/quotas.py",
        ("tests/core/test_quotas.py", "tests/core/test_decision.py"),
        ("a grant never ends", " and now < self.until", ""),
        ("a grant counts before it begins", "(self.starts is None or self.starts <= now) and ", ""),
    ),
    *faults_in(
        "core/tiers.py",
        ("tests/core/test_tiers.py", "tests/core/test_decision.py"),
        (
            "a tier for some is open to all",
            "return account in self.groups or user in self.users or level in self.levels",
            "return True",
        ),
        ("a server does not count itself", ".plus(self.devices).plus({SERVERS: 1})", ""),
    ),
)

_LIVE_LEVELS = ("tests/hub/test_live_matrix.py",)
_LIVE_SUSPENSION = ("tests/hub/test_live_suspension.py", "-k", "everywhere")
_LIVE_INVITES = ("tests/hub/test_live_invites.py",)

LEVELS: Final = (
    *faults_in(
        "core/levels.py",
        ("tests/core/test_levels.py",),
        (
            "viewers start servers",
            'LevelRule("opens what is shared with them", may_start=False)',
            'LevelRule("opens what is shared with them", may_start=True)',
        ),
        (
            "auditors start servers",
            '"reads everything, changes nothing", may_start=False, reads',
            '"reads everything, changes nothing", may_start=True, reads',
        ),
        (
            "operators are no readers",
            'runs maintenance", may_start=True, reads_everything=True',
            'runs maintenance", may_start=True, reads_everything=False',
        ),
        (
            "managers read everything",
            "            may_start=True,\n            manages_groups=True,\n",
            (
                "            may_start=True,\n            manages_groups=True,\n"
                "            reads_everything=True,\n"
            ),
        ),
    ),
    *faults_in(
        "hub/people/roles.py",
        ("tests/hub/test_roles.py",),
        (
            "managers have everything of ours",
            "(*_EVERYBODY, *_SHARING, MANAGE)",
            '(*_EVERYBODY, *_SHARING, MANAGE, "custom:platform")',
        ),
        (
            "operators reach servers",
            'OPERATE, "delete:servers", "admin-ui")',
            'OPERATE, "delete:servers", "admin-ui", "access:servers")',
        ),
        (
            "developers share for everybody",
            '("shares!user", ',
            '("shares", ',
        ),
        (
            "auditors see nothing",
            "Level.AUDITOR: (*_EVERYBODY, *_SEEING, ",
            "Level.AUDITOR: (*_EVERYBODY, ",
        ),
        (
            "a role of services and people is not looked at",
            "named = users - set(admins) or groups - {level_group(Level.ADMIN)}",
            "named = groups - {level_group(Level.ADMIN)}",
        ),
        (
            "a role of admins and others is not looked at",
            "named = users - set(admins) or groups - {level_group(Level.ADMIN)}",
            "named = users - set(admins)",
        ),
        (
            "a role of a level goes to anybody",
            "        found += _list_wrong_bearers(role)\n",
            "",
        ),
        (
            "any filter makes a scope safe",
            'if not condition or (kind == "group" and name in UNSAFE_WITHIN_GROUPS):',
            "if not condition:",
        ),
        (
            "no scope is unsafe",
            "for each in _meant(name, custom_scopes) if each in UNSAFE)",
            "for each in _meant(name, custom_scopes) if False)",
        ),
        (
            "power over one other person is safe",
            'return f"has power over {whom}" if why and whom not in {"", bearer} else ""',
            'return ""',
        ),
        (
            "any group makes admins",
            'for group in sorted(set(role.get("groups", ())) - {level_group(Level.ADMIN)})',
            "for group in ()",
        ),
        (
            "scopes for everybody are not looked at",
            "find_unsafe([*roles, everybody], {**custom_scopes, **CUSTOM_SCOPES}, admins)",
            "find_unsafe([*roles], {**custom_scopes, **CUSTOM_SCOPES}, admins)",
        ),
        (
            "any role inherits",
            'and (name, scope) != ("token", "inherit")',
            'and scope != "inherit"',
        ),
        (
            "unsafe roles are passed over",
            "    if found:\n        raise",
            "    if False:\n        raise",
        ),
    ),
    *faults_in(
        "hub/api/handler.py",
        ("tests/hub/test_live_api.py",),
        (
            "whoever is in a group is in charge of it",
            "policy.managed_groups(self.me)",
            "policy.declared_groups(self.me)",
        ),
    ),
    *faults_in(
        "hub/auth/invites.py",
        _LIVE_INVITES,
        (
            "managers take over whoever is elsewhere, too",
            "    if not groups <= managed:\n",
            "    if False:\n",
        ),
        ("managers take over members", "    if has_password:\n", "    if False:\n"),
        (
            "managers invite everybody",
            "not groups & managed or",
            "False or",
        ),
        (
            "groups of the Hub are passed over",
            "group for group in memberships if not",
            "group for group in () if not",
        ),
        (
            "readers of everything are invited by managers",
            "    if rule.manages_groups or rule.reads_everything:\n",
            "    if rule.manages_groups:\n",
        ),
        (
            "managers of groups are invited by managers",
            "    if rule.manages_groups or rule.reads_everything:\n",
            "    if rule.reads_everything:\n",
        ),
        (
            "an invite outlives what its maker may do",
            "    return not why_not_for_manager(platform, by",
            "    return True or not why_not_for_manager(platform, by",
        ),
    ),
    *faults_in(
        "hub/api/people.py",
        _LIVE_INVITES,
        ("whoever has no right invites", "        if why_not:\n", "        if False:\n"),
    ),
    *faults_in(
        "request_limits.py",
        ("tests/test_request_limits.py",),
        (
            "what says that it is too large comes all the same",
            "if _is_beyond(headers, MAX_BODY_BYTES):",
            "if False:",
        ),
        (
            "a chunked body never ends",
            "self._received > MAX_BODY_BYTES:",
            "False:",
        ),
        (
            "a body comes in any number of pieces",
            "        if left < 0:\n",
            "        if False:\n",
        ),
        (
            "a refusal has two answers",
            "        self._connection.stream.write = lambda _data: sent\n",
            "",
        ),
        (
            "what comes after a refusal is not read",
            "if self._received > _DISCARDED_BYTES:",
            "if True:",
        ),
    ),
    *faults_in(
        "hub/json_bodies.py",
        ("tests/hub/test_json_bodies.py",),
        ("JSON has any depth", "            if depth > DEEPEST:\n", "            if False:\n"),
        ("numbers have any size", "abs(number) <= MAX_INTEGER", "True"),
        ("text that no database stores goes through", "and not is_storable(each)", "and False"),
        (
            "strangers send as much as users",
            "if is_stranger and len(body) > MAX_BYTES_OF_STRANGERS:",
            "if False:",
        ),
    ),
    *faults_in(
        "hub/threads.py",
        ("tests/hub/test_threads.py",),
        ("any number waits to log in", "if self._asked >= self._most:", "if False:"),
        (
            "hashes go before the Hub",
            "    os.setpriority(",
            "    _ = (",
        ),
    ),
    *faults_in(
        "usecases/login_throttle.py",
        ("tests/usecases/test_throttle.py",),
        (
            "a new name is a free try",
            "max(self._free_at.get(source, now), now) + SECONDS_PER_TRY",
            "now",
        ),
    ),
    *faults_in(
        "forwarded_headers.py",
        ("tests/hub/upstream/test_http_server.py", "tests/service/test_forwarded.py"),
        ("every user is the proxy", "if user in {0, os.geteuid()}:", "if True:"),
        (
            "whoever connects speaks for others",
            "            drop_forwarded(headers)\n",
            "            pass\n",
        ),
        (
            "an address that was the proxy's stays believed",
            "(known and age >= _BELIEVED_SECONDS)",
            "(False)",
        ),
        (
            "a name beside the address is believed",
            "            del headers[name]\n",
            "            pass\n",
        ),
    ),
    *faults_in(
        "connection_limits.py",
        ("tests/test_connection_limits.py",),
        ("one peer holds every connection", "self._open[peer] < bounds.each and", "True and"),
        (
            "what cannot be taken is tried without a pause",
            "        loop.update_handler(self, 0)\n",
            "        pass\n",
        ),
    ),
    *faults_in(
        "cli/local/public_port.py",
        ("tests/cli/test_public_port.py",),
        (
            "another user listens where localhost leads",
            "        beside.update(_LOOPBACK)\n",
            "        pass\n",
        ),
        (
            "only the first address of a name is held",
            "for address in (*named, *_list_beside(named)):",
            "for address in named[:1]:",
        ),
    ),
    *faults_in(
        "cli/local/public_port.py",
        ("tests/cli/test_held_ports.py",),
        (
            "another user shares a port that is kept",
            "        _allow(beside, socket.SO_REUSEADDR, 0)\n",
            "        pass\n",
        ),
        (
            "only the address that was listened at is kept",
            "for each in (self.listener, *self.guards):\n                _allow",
            "for each in (self.listener,):\n                _allow",
        ),
        (
            "a second start listens beside the first",
            "for address in named if is_kept else ():",
            "for address in ():",
        ),
    ),
    *faults_in(
        "cli/local/held_ports.py",
        ("tests/cli/test_held_ports.py",),
        (
            "every user's process is believed to keep a port",
            "if runs_as(process.pid, believed) and _is_alive(process):",
            "if believed and _is_alive(process):",
        ),
    ),
    *faults_in(
        "cli/local/hub_log.py",
        ("tests/cli/test_hub_log.py",),
        (
            "a flood fills the disk",
            "            self._left_out += 1\n            return False\n",
            "            pass\n",
        ),
        (
            "a request moves the cursor",
            ".translate(_CONTROLS)",
            "",
        ),
    ),
    *faults_in(
        "hub/upstream/turns.py",
        ("tests/hub/upstream/test_http_server.py",),
        (
            "strangers go first",
            "if ahead or name_sender(headers) in self._known:",
            "if True:",
        ),
        ("strangers run between", "                await self._let_known_go_on()\n", ""),
        (
            "one who is known keeps strangers for ever",
            "asyncio.timeout(_HELD_SECONDS)",
            "asyncio.timeout(60)",
        ),
    ),
    *faults_in(
        "hub/upstream/redirects.py",
        ("tests/hub/test_live_bad_input.py",),
        (
            "an address has several lines",
            "        if not all(is_address(",
            "        if not any(False and is_address(",
        ),
    ),
    *faults_in(
        "hub/auth/authenticator.py",
        ("tests/hub/test_live_bad_input.py",),
        (
            "a user is deleted from under their servers",
            'await stop_server(self.platform.app, user, name, reason="stopped")',
            "pass",
        ),
    ),
    *faults_in(
        "hub/api/handler.py",
        _LIVE_LEVELS,
        (
            "whoever is not logged in is answered",
            "        if self.current_user is None:\n",
            "        if False:\n",
        ),
        (
            "scopes are not asked for",
            "        if not any(self.has_scope(scope) for",
            "        if any(False for",
        ),
    ),
    *faults_in(
        "hub/api/admission.py",
        _LIVE_LEVELS,
        (
            "managers see what is held elsewhere",
            "accounts = tuple(each for each in accounts if self.in_charge_of(each))",
            "accounts = tuple(accounts)",
        ),
        (
            "everybody asks for everybody",
            "        elif not (self.has_scope(roles.READ) or self._may_start(name)):\n",
            "        elif False:\n",
        ),
        (
            "decisions of others are shown",
            "        if not (mine or managed or self.has_scope(roles.READ)):\n",
            "        if False:\n",
        ),
        (
            "decisions are shown by their owner's level alone",
            "        managed = recorded is not None and self.in_charge_of(recorded.account)\n",
            "        managed = recorded is not None and self.has_scope(roles.MANAGE)\n",
        ),
    ),
    *faults_in(
        "hub/api/policy.py",
        _LIVE_LEVELS,
        (
            "everybody reloads",
            "        self.require(roles.OPERATE, roles.ADMIN)\n        before",
            "        before",
        ),
    ),
)

IDENTITY: Final = (
    *faults_in(
        "core/identity.py",
        ("tests/core/test_identity.py", "tests/core/test_generated_names.py"),
        ("names are not folded", ".casefold())\n    if", ")\n    if"),
        (
            "what cannot be seen is passed over",
            "    if invisible is not None:\n",
            "    if False:\n",
        ),
        (
            "only controls cannot be seen",
            'unicodedata.category(c)[0] == "C"',
            'unicodedata.category(c) == "Cc"',
        ),
        (
            "letters of any script are names",
            'r"[a-z0-9](?:[a-z0-9._@+-]{0,62}[a-z0-9])?"',
            'r"\\w(?:[\\w.@+-]{0,62}\\w)?"',
        ),
        ("a name only begins as one", "_USER.fullmatch(folded)", "_USER.match(folded)"),
        ("names have any length", "    if len(folded) > MAX_CHARACTERS:\n", "    if False:\n"),
        (
            "forms are not folded together",
            'unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name.strip())',
            '("".join(name.strip())',
        ),
        ("a group only begins as one", "_NAME.fullmatch(name)", "_NAME.match(name)"),
        (
            "groups of levels are accounts",
            '    return "".join(seen).startswith(LEVEL_GROUP_PREFIX)\n',
            "    return False\n",
        ),
        ("two that fall together are let through", "if len(same) > 1}", "if len(same) > 2}"),
        (
            "what comes after a bad name is not looked at",
            "            continue\n",
            "            break\n",
        ),
    ),
    *faults_in(
        "hub/auth/authenticator.py",
        ("tests/hub/test_authenticator.py",),
        (
            "names that look alike are one",
            "        return form if mapped.isascii() else mapped\n",
            "        return form\n",
        ),
        (
            "the Kelvin sign is a k",
            "        if lowered.isascii() and not username.isascii():\n",
            "        if False:\n",
        ),
        (
            "a blank beside a name is nothing",
            "        if mapped != mapped.strip():\n",
            "        if False:\n",
        ),
        (
            "any form of a name is added by hand",
            "return normal == username and bool(",
            "return bool(",
        ),
    ),
    *faults_in(
        "hub/auth/authenticator.py",
        ("tests/hub/test_live_foreign_authenticator.py",),
        (
            "whoever the site knows comes in",
            "        if name not in self.platform.snapshot.policy.people:\n",
            "        if False:\n",
        ),
    ),
    *faults_in(
        "hub/auth/authenticator.py",
        ("tests/hub/test_authenticator.py",),
        (
            "whoever was dropped stays in",
            "        return name in self.platform.snapshot.policy.people and name not in",
            "        return name not in",
        ),
    ),
    *faults_in(
        "hub/auth/authenticator.py",
        # Whoever is asked later refuses as well, but no longer with the status of the denial.
        ("tests/faults/test_races.py", "-k", "denied_need_not_wait"),
        (
            "admission is not asked before a start",
            "        if isinstance(spawner, AdmissionMixin):\n",
            "        if False:\n",
        ),
    ),
)

SUSPENSION: Final = (
    *faults_in(
        "usecases/suspensions.py",
        ("tests/usecases/test_suspensions.py",),
        (
            "people suspend themselves",
            "    if name == by:\n        raise",
            "    if False:\n        raise",
        ),
        (
            "the last admin is suspended",
            "    if snapshot.policy.admins_let_in(snapshot.suspensions, now) == (name,):\n",
            "    if False:\n",
        ),
        (
            "what is over is a suspension",
            "    if until is not None and until <= now:\n",
            "    if False:\n",
        ),
        (
            "what the policy declares is lifted elsewhere",
            "    if suspension is not None and suspension.path:\n",
            "    if False:\n",
        ),
        (
            "shares are not remembered",
            "            suspensions.keep_shares(transaction, shares)\n",
            "            pass\n",
        ),
    ),
    *faults_in(
        "core/policy.py",
        ("tests/core/test_suspensions.py",),
        (
            "a declared suspension does not count",
            "(person.suspended if person else None, others.get(user))",
            "(others.get(user),)",
        ),
        (
            "an end that has come does not count",
            "if suspension is not None and suspension.holds(now):",
            "if suspension is not None:",
        ),
    ),
    *faults_in(
        "hub/auth/authenticator.py",
        _LIVE_SUSPENSION,
        (
            "the suspended log in",
            "        self.refuse_suspended(username)\n",
            "",
        ),
    ),
    *faults_in(
        "hub/people/suspension.py",
        _LIVE_SUSPENSION,
        (
            "tokens outlive a suspension",
            "*database.query(orm.APIToken).filter_by(user_id=orm_user.id),",
            "",
        ),
        (
            "codes for tokens outlive a suspension",
            "*database.query(orm.OAuthCode).filter_by(user_id=orm_user.id),",
            "",
        ),
        (
            "share codes outlive a suspension",
            "*database.query(orm.ShareCode).filter_by(owner_id=orm_user.id),",
            "",
        ),
        (
            "whoever was looked at lately stays in",
            "        user._auth_refreshed = None\n",
            "",
        ),
        (
            "cookies outlive a suspension",
            "    orm_user.cookie_id = orm.new_token()\n",
            "",
        ),
        (
            "servers outlive a suspension",
            "        names = list_active(user)\n",
            "        names: list[str] = []\n",
        ),
        (
            "shares outlive a suspension",
            "                    self._app.db.delete(share)\n",
            "                    pass\n",
        ),
        (
            "shares are not given back",
            "    orm.Share.grant(database, spawner, shared_with, share.scopes.split())\n",
            "",
        ),
    ),
    *faults_in(
        "hub/people/suspension.py",
        ("tests/hub/test_live_suspension.py", "-k", "last_of_the_two or namesake"),
        (
            "whoever is still out gets shares",
            "name in share.people and not any(map(self._is_out, share.people))",
            "name in share.people",
        ),
        (
            "a namesake gets the shares, with another id",
            "    if ids != (share.owner_id, share.spawner_id, share.shared_with_id):\n",
            "    if False:\n",
        ),
        (
            "a namesake gets the shares, with the same id",
            "user.created.replace(tzinfo=UTC) > share.at for",
            "False for",
        ),
    ),
    *faults_in(
        "hub/people/suspension.py",
        ("tests/hub/test_live_suspension.py", "-k", "still_be_open"),
        (
            "what stays open through a group is not named",
            "orm_user.all_shared_with_me",
            "orm_user.shared_with_me",
        ),
    ),
    *faults_in(
        "hub/people/suspension.py",
        ("tests/hub/test_live_suspension.py", "-k", "lifts_nothing or holds_up"),
        (
            "one failure holds up everybody",
            "        except StoreError:\n            raise\n        except Exception:\n",
            "        except StoreError:\n",
        ),
        ("what is over is not lifted", "if not all(s.holds(now) for s", "if not all(True for s"),
    ),
    *faults_in(
        "core/suspensions.py",
        ("tests/core/test_suspensions.py",),
        ("a suspension never ends", "self.until is None or now < self.until", "True"),
        (
            "a suspension with an end is none",
            "self.until is None or now < self.until",
            "self.until is None",
        ),
    ),
    *faults_in(
        "core/decision.py",
        ("tests/core/test_suspensions.py",),
        (
            "the suspended start servers",
            "    if question.subject.suspended:\n",
            "    if False:\n",
        ),
    ),
    *faults_in(
        "core/question.py",
        ("tests/core/test_suspensions.py",),
        (
            "tiers are offered to the suspended",
            "    return may_start and not subject.suspended\n",
            "    return may_start\n",
        ),
    ),
)

DOORS: Final = (
    *faults_in(
        "hub/platform_traits.py",
        ("tests/hub/test_platform_traits.py",),
        (
            "options that admission reads are left to others",
            "        if ours:\n",
            "        if False:\n",
        ),
    ),
    *faults_in(
        "hub/kubernetes/reconciling.py",
        ("tests/hub/kubernetes/test_reconciling.py",),
        (
            "a Hub with another database removes what it does not know",
            "doubtful = len(unknown) > max(known, 1)",
            "doubtful = False",
        ),
    ),
    *faults_in(
        "hub/api/request_bodies.py",
        ("tests/hub/test_live_stock_api.py",),
        (
            "a list of anything is a list of texts",
            "isinstance(each, str) for each",
            "True for each",
        ),
        ("a page begins anywhere", "        if offset > MAX_ROWS:\n", "        if False:\n"),
    ),
    *faults_in(
        "hub/spawner/admission.py",
        ("tests/hub/test_admission.py",),
        (
            "what was not admitted starts",
            "        if self.admitted is not None:\n            return super().start()\n",
            "        if True:\n            return super().start()\n",
        ),
        (
            "a start that no authenticator asked about is not asked about",
            "            self.admit()\n        await super().apply",
            "            pass\n        await super().apply",
        ),
    ),
    *faults_in(
        "hub/kubernetes/guard/forbidden_fields.py",
        ("tests/hub/kubernetes/test_guard.py",),
        (
            "a pod that says nothing of tokens is let through",
            'spec.get("automountServiceAccountToken") is not False',
            'spec.get("automountServiceAccountToken")',
        ),
        (
            "another service account is let through",
            'not in (None, "", "default", service_account)',
            "not in (spec.get(key),)",
        ),
        (
            "the node's network is let through",
            '        "hostNetwork": "shares the network of the node",\n',
            "",
        ),
        ("privileged is let through", '    if context.get("privileged"):', "    if False:"),
        (
            "kinds of volumes are let through that nobody has thought of",
            "in volume.keys() - _VOLUMES - {",
            'in volume.keys() & {"hostPath"} - {',
        ),
        (
            "a certificate of the pod is let through",
            '    if any("podCertificate" in source for source in sources):',
            "    if False:",
        ),
        (
            "a probe of another host is let through",
            '            if part(container, *where, kind).get("host"):',
            "            if False:",
        ),
    ),
    *faults_in(
        "hub/kubernetes/lifecycle.py",
        ("tests/hub/kubernetes/test_starts.py", "-k", "gives_up"),
        (
            "whoever gives up ends the first list for everybody",
            "await asyncio.shield(beginning)",
            "await beginning",
        ),
    ),
    *faults_in(
        "hub/kubernetes/governed.py",
        ("tests/hub/kubernetes/test_restarts.py",),
        (
            "pods are not watched before somebody asks",
            "        IOLoop.current().add_callback(any_of_us.watch)\n",
            "",
        ),
        (
            "nobody looks for pods that no server accounts for",
            "        platform.repeat(reconciler.look, any_of_us.reconcile_seconds)\n",
            "",
        ),
    ),
    *faults_in(
        "hub/kubernetes/spawner.py",
        ("tests/hub/kubernetes/test_starts.py", "-k", "past_the_guard"),
        (
            "a server takes the labels of the Hub",
            "            labels={**self._selected_by(), **labels_of(admitted)},\n",
            "            labels=labels_of(admitted),\n",
        ),
    ),
    *faults_in(
        "hub/kubernetes/guard/check.py",
        ("tests/hub/kubernetes/test_own_account.py",),
        (
            "a server runs as the Hub",
            "    if account and account in (named or",
            "    if False and account in (named or",
        ),
        (
            "a server that names no account runs as the Hub",
            ' in (named or ["default"]):',
            " in named:",
        ),
    ),
    *faults_in(
        "hub/kubernetes/guard/security_context.py",
        ("tests/hub/kubernetes/test_guard.py",),
        ("root is let through", '    if context.get("runAsUser") == 0:', "    if False:"),
        (
            "any sysctl is let through",
            '        if sysctl.get("name") not in _SYSCTLS:',
            "        if False:",
        ),
        (
            "any type of SELinux is let through",
            '    if (options.get("type") or "container_t") not in _SELINUX_TYPES:',
            "    if False:",
        ),
        (
            "annotations of AppArmor are let through",
            '        if value != "runtime/default" and',
            "        if False and",
        ),
    ),
    *faults_in(
        "hub/kubernetes/manifest/device_claims.py",
        ("tests/hub/kubernetes/test_guard.py",),
        (
            "a claim that nothing reserved is let through",
            '        if name not in admitted:\n            yield f"spec.resourceClaims',
            '        if False:\n            yield f"spec.resourceClaims',
        ),
        (
            "another container uses the server's devices",
            "            elif path != _OWN:\n",
            "            elif False:\n",
        ),
        (
            "a claim from another template is let through",
            '        if _named(spec, "resourceClaims", device.name) != [admitted]:\n',
            '        if not _named(spec, "resourceClaims", device.name):\n',
        ),
        (
            "a server goes without what it is charged for",
            "device.name) != whole for one in own",
            "device.name) != whole for one in ()",
        ),
    ),
    *faults_in(
        "hub/kubernetes/causes/pod.py",
        ("tests/hub/kubernetes/test_causes.py",),
        (
            "a large image is taken for volumes that do not come",
            ' or sandbox.get("status") != "False" or not waits',
            " or not waits",
        ),
        (
            "a pod that was just placed is late",
            "> _SETUP_TIME",
            "> timedelta(0)",
        ),
        (
            "containers beside the server are not looked at",
            "(*_statuses(pod), *_others(pod))",
            "(*_statuses(pod),)",
        ),
        (
            "what others sent is repeated",
            "_REASON.fullmatch(",
            're.compile(".*").fullmatch(',
        ),
        (
            "a pod that its node refused has no cause",
            'status.get("phase") != "Failed" or',
            'status.get("phase") == "Failed" or',
        ),
    ),
    *faults_in(
        "hub/kubernetes/causes/scheduling.py",
        ("tests/hub/kubernetes/test_scheduling.py",),
        (
            "what is not known is not quoted",
            "    _UNKNOWN,\n    *(_Kind(each.matches",
            "    *(_Kind(each.matches",
        ),
        (
            "a control plane is taken for a node of the tier",
            " or taints.is_never_for_servers(words)",
            "",
        ),
        (
            "what preemption says is a reason",
            'text = _TAIL.sub("", _HEAD.sub("", message))',
            'text = _HEAD.sub("", message)',
        ),
    ),
    *faults_in(
        "hub/kubernetes/causes/scaling.py",
        ("tests/hub/kubernetes/test_scheduling.py",),
        (
            "a node is on its way for ever",
            "_coming(cause) if now - seen_at(last) < _PATIENCE else cause",
            "_coming(cause)",
        ),
        (
            "the scheduler is taken for an autoscaler",
            '    if event.get("reason") != "FailedScheduling":\n        return True\n',
            "    return True\n",
        ),
        (
            "a node helps a claim that does not exist",
            " or cause.code in _NO_HELP",
            "",
        ),
    ),
    *faults_in(
        "hub/kubernetes/causes/events.py",
        ("tests/hub/kubernetes/test_scheduling.py",),
        (
            "events of an earlier pod count",
            'if part(each, "involvedObject").get("uid") in (None, uid)',
            "if True",
        ),
    ),
    *faults_in(
        "hub/kubernetes/home_claim.py",
        ("tests/hub/kubernetes/test_home_claims.py",),
        (
            "a state is up to date before its claim is settled",
            "            state.pop(_VERSION, None)\n",
            "            pass\n",
        ),
        (
            "the home of a namesake is taken",
            "and namesake in (None, self.user.orm_user)",
            "",
        ),
        (
            "a home with another user's mark is taken",
            "return self._is_this_server(marks)",
            "return True",
        ),
        (
            "a new user gets the home of one who was written like that",
            "if today is not None and self._is_of_an_earlier_name(today):",
            "if False:",
        ),
        (
            "two homes are not told of",
            "        self.told_of_claims = (",
            "        _ = (",
        ),
    ),
    *faults_in(
        "hub/kubernetes/pod_client.py",
        ("tests/hub/kubernetes/test_home_claims.py", "-k", "no_answer"),
        (
            "whatever answers 404 knows that there is no home",
            "error.status == 404 and _is_not_found(error.body)",
            "error.status == 404",
        ),
    ),
    *faults_in(
        "hub/spawner/last_run.py",
        ("tests/hub/test_admission.py",),
        (
            "a start begins when it is awaited",
            "        begun = maybe_future(super().start())\n",
            "        begun = super().start()\n",
        ),
        (
            "a start that is broken off leaves its backend running",
            "        watched.add_done_callback(lambda _: begun.cancel())\n",
            "",
        ),
    ),
    *faults_in(
        "hub/upstream/wait_up.py",
        ("tests/hub/test_live_silent.py",),
        (
            "a tier that is too small is a failure of the Hub",
            "if cause.code in UNEXPLAINED:",
            "if True:",
        ),
        (
            "a Hub that reaches nobody counts no failure",
            "if cause.code in UNEXPLAINED:",
            "if False:",
        ),
    ),
    *faults_in(
        "hub/kubernetes/causes/disruption.py",
        ("tests/hub/kubernetes/test_causes.py",),
        (
            "a server that is moved is said to have lost its node",
            "            return _MOVED  #",
            "            return _NODE_LOST  #",
        ),
        (
            "a drained node is said to be full",
            "_OF_DISRUPTION.get(reason, _MOVED)",
            "_OF_DISRUPTION.get(reason, _EVICTED)",
        ),
        (
            "a kubelet's word for not ready is taken for a lost node",
            ' and not ready.get("reason") and was_ready',
            " and was_ready",
        ),
        (
            "a server that was never ready is cut off",
            ' and not ready.get("reason") and was_ready',
            ' and not ready.get("reason")',
        ),
        ("a server that is cut off runs", "if _is_cut_off(pod) else None", "if False else None"),
    ),
    *faults_in(
        "hub/kubernetes/guard/check.py",
        ("tests/hub/kubernetes/test_guard.py",),
        (
            "what is reserved for claims is requested beside them",
            " - claimed.get(name, 0)\n",
            "\n",
        ),
        (
            "claims are not looked for",
            "            *find_foreign(spec, allowance.devices),\n",
            "",
        ),
    ),
    *faults_in(
        "core/tiers.py",
        ("tests/core/test_tiers.py",),
        (
            "devices are not charged",
            "self.requests.plus(self.devices).plus(",
            "self.requests.plus(",
        ),
    ),
    *faults_in(
        "deploy/doctor/checks/devices.py",
        ("tests/deploy/test_cluster_checks.py",),
        (
            "a template gives more than is counted, and all is well",
            "    elif given != device.count:\n",
            "    elif False:\n",
        ),
        (
            "devices of everybody are claimed, and all is well",
            '    if any(each.get("adminAccess") for each in requests):\n',
            "    if False:\n",
        ),
    ),
    *faults_in(
        "core/document/compile_pods.py",
        ("tests/test_documents.py",),
        (
            "a tier gets the same devices twice",
            "                if each.resource in getattr(tier, key):\n",
            "                if False:\n",
        ),
    ),
    *faults_in(
        "hub/auth/provided.py",
        ("tests/hub/test_provided.py",),
        (
            "a provider gives levels",
            "sorted(texts - reserved)",
            "sorted(texts)",
        ),
        (
            "a provider gives the roles of levels",
            "    if is_ours(name):\n",
            "    if False:\n",
        ),
        (
            "a provider gives scopes of admins",
            "scope for scope in list_safe(scopes, custom_scopes) if",
            "scope for scope in scopes if",
        ),
        (
            "a provider gives roles of services to people",
            "            if list_safe(has, custom_scopes) != has:\n",
            "            if False:\n",
        ),
        (
            "a provider makes admins",
            '        if read is not None and read["name"] not in _OF_THE_HUB:\n',
            "        if read is not None:\n",
        ),
        (
            "names that no database takes are believed",
            "<= MAX_NAME_LENGTH and is_storable(said)",
            "<= MAX_NAME_LENGTH",
        ),
        (
            "a role of any name is believed",
            " or not _ROLE_NAME.fullmatch(name)",
            "",
        ),
        (
            "scopes that do not exist are believed",
            "if _is_known(scope, custom_scopes)",
            "",
        ),
        (
            "a role that comes twice keeps the Hub from starting",
            '        if role["name"] in kept:\n',
            "        if False:\n",
        ),
        (
            "a provider fills the Hub with groups",
            "sorted(texts - reserved)[:MAX_ENTRIES]",
            "texts - reserved",
        ),
        (
            "what no JSON has is kept of a person",
            "        json.dumps(value)\n",
            "        pass\n",
        ),
    ),
    *faults_in(
        "hub/kept_settings.py",
        ("tests/hub/test_configure.py",),
        (
            "whoever comes in is nobody's business after configure(c)",
            "        if not issubclass(chosen, governed):\n",
            "        if False:\n",
        ),
        (
            "what configure(c) added is not missed",
            "if missing := [each for each in needed if each not in _list_present(app, trait)]:",
            "if missing := [each for each in needed if False]:",
        ),
    ),
    *faults_in(
        "hub/configuration/site_settings.py",
        ("tests/hub/test_configure.py",),
        (
            "a prefix is any text",
            "        if not _PATH.fullmatch(path):\n",
            "        if False:\n",
        ),
        (
            "what is in a setting is not looked at",
            "            shape.entries.validate_python(entries)\n",
            "            pass\n",
        ),
    ),
    *faults_in(
        "hub/audit_watch.py",
        ("tests/hub/test_audit_watch.py", "-k", "sqlite"),
        (
            "a chain that was written anew is forgotten",
            "        if proof.is_whole and known:\n",
            "        if known:\n",
        ),
        (
            "heads are seen and not remembered",
            "            self._seen.append(head)\n",
            "            self._seen = [head]\n",
        ),
    ),
    *faults_in(
        "hub/upstream/answers.py",
        ("tests/hub/test_live_bad_input.py", "-k", "sqlite and (sentence or kept_nowhere)"),
        (
            "answers with secrets are kept",
            '            handler.set_header("Cache-Control", "no-store")\n',
            "            pass\n",
        ),
        (
            "errors have no words",
            "    return bool(error.get_message() or any(said))\n",
            "    return bool(said) or True\n",
        ),
    ),
    *faults_in(
        "hub/pages/already_running.py",
        ("tests/hub/test_live_already_running.py", "-k", "every_way or link_began"),
        (
            "a start's page leads past the choice",
            "        wish = asked_options(self)\n        user = self.find_user(user_name) if wish",
            "        wish: dict[str, str] = {}\n        user = self.find_user(user_name) if wish",
        ),
        (
            "a start goes on with what the link asked for",
            " if key not in _WISHES]",
            "]",
        ),
    ),
    *faults_in(
        "core/options.py",
        ("tests/core/test_question.py",),
        (
            "what was passed over stays stored",
            " if key in others or value == named.get(key)}",
            "}",
        ),
    ),
    *faults_in(
        "hub/auth/authenticator.py",
        ("tests/hub/test_live_provider.py", "-k", "gives_no_level"),
        (
            "what a provider says is not united with the policy",
            '            return self.unite(model, handler.find_user(model["name"]))\n',
            "            return model\n",
        ),
    ),
    *faults_in(
        "hub/api/policy_guards.py",
        ("tests/hub/test_live_reload.py", "-k", "by_hand or of_levels"),
        (
            "requests fill groups of levels",
            "            refuse_levels(handler.path_args[:1])\n",
            "            pass\n",
        ),
        (
            "requests make admins",
            'if body.get("admin") not in (None, platform.declared.is_admin(name)):',
            "if False:",
        ),
    ),
    *faults_in(
        "hub/auth/authenticator.py",
        ("tests/hub/test_live_hardening.py", "-k", "outrun"),
        (
            "a provider that is slow outruns a suspension",
            "            self.refuse_suspended(user.name)\n            if not refreshed",
            "            if not refreshed",
        ),
    ),
    *faults_in(
        "usecases/suspensions.py",
        ("tests/usecases/test_suspensions.py",),
        (
            "whoever is suspended lifts it",
            "    if name == by:\n        # Whoever",
            "    if False:\n        # Whoever",
        ),
    ),
    *faults_in(
        "hub/upstream/database_errors.py",
        ("tests/faults/test_database.py", "-k", "stranger"),
        (
            "a database that fails makes strangers",
            "    if failure is not None:\n",
            "    if False:\n",
        ),
    ),
    *faults_in(
        "hub/configuration/hardening.py",
        ("tests/hub/test_hardening.py",),
        (
            "scopes in the role server are not looked at",
            'if setting.trait == "server_token_scopes":',
            "if False:",
        ),
    ),
    *faults_in(
        "hub/spawn_page/mixin.py",
        ("tests/hub/test_live_hardening.py", "-k", "from_a_get"),
        (
            "a site may want no form",
            "        return spawn_form(",
            "        return str(self.options_form)\n        return spawn_form(",
        ),
    ),
    *faults_in(
        "hub/spawner/admission.py",
        ("tests/hub/test_live_hardening.py", "-k", "token_in_a_link"),
        (
            "what the Hub's environment says of tokens is kept",
            "            environment.pop(TOKEN_IN_URL, None)\n",
            "            pass\n",
        ),
    ),
    *faults_in(
        "store/engine.py",
        ("tests/store/test_claim.py", "-k", "link"),
        ("a link is another store", "Path(str(url.database)).resolve()", "Path(str(url.database))"),
    ),
)

LIFETIMES: Final = faults_in(
    "hub/servers/lifetimes.py",
    ("tests/hub/test_lifetimes.py",),
    (
        "what was used while the Hub was down is idle",
        "self._busy_at.get(held.id, self._began)",
        "self._busy_at.get(held.id, held.opened_at)",
    ),
    ("use that is reported is not heard", "max(used, self", "max(held.opened_at, self"),
    (
        "a busy kernel is idle",
        "            self._busy_at[held.id] = datetime.now(UTC)\n            return\n",
        "            pass\n",
    ),
    (
        "no answer is no busy kernel",
        "(ClientError, OSError, ValueError):\n        return None\n",
        "(ClientError, OSError, ValueError):\n        return []\n",
    ),
    (
        "an answer that says nothing is no busy kernel",
        "    if not isinstance(kernels, list):\n        return None\n",
        "    if not isinstance(kernels, list):\n        return []\n",
    ),
    (
        "no answer is never enough",
        "            if unanswered < LOOKS_WITHOUT_ANSWER:\n",
        "            if True:\n",
    ),
    (
        "looks without an answer count with an answer between",
        "self._unanswered.pop(held.id, 0)",
        "self._unanswered.get(held.id, 0)",
    ),
    (
        "looks without an answer count with use between",
        "        _keep_only(idle, self._unanswered)\n",
        "",
    ),
    ("all are asked at once", "asyncio.Semaphore(_ASKED_AT_ONCE)", "asyncio.Semaphore(1000)"),
    (
        "a question waits in a queue",
        "client = JupyterHubHTTPClient()",
        "client = JupyterHubHTTPClient.loop_instance()",
    ),
    (
        "what is used while it is asked is stopped",
        "        if self._is_idle(spawner, held):\n            await self._stop(",
        "        if True:\n            await self._stop(",
    ),
    ("another run is stopped", " or spawner.reservation != held", ""),
    (
        "a lifetime never ends",
        "each[2].ends_at is not None and each[2].ends_at <= now",
        "False",
    ),
)

_DEPLOY_TESTS = (
    "tests/deploy/test_cluster_checks.py",
    "tests/deploy/test_amounts.py",
    "tests/deploy/test_network_rules.py",
    "tests/deploy/test_workload_checks.py",
    "tests/deploy/test_hub_checks.py",
    "tests/deploy/test_connection.py",
)

DOCTOR: Final = (
    *faults_in(
        "cli/hub/client.py",
        ("tests/cli/test_hub_client.py",),
        (
            "whatever answers is a Hub",
            "        if not data.keys() >= set(keys):",
            "        if False:",
        ),
        ("every word is an address", "            _check_address(url)\n", "            pass\n"),
    ),
    *faults_in(
        "deploy/cluster/connection.py",
        _DEPLOY_TESTS,
        (
            "anything may be posted",
            "        if not path.startswith(",
            "        if False and not path.startswith(",
        ),
        ("anything may follow a review", "or not path.endswith(REVIEWS)", ""),
        ("a refusal is an answer", "        if answer.status >= 400:\n", "        if False:\n"),
    ),
    *faults_in(
        "deploy/cluster/reader.py",
        _DEPLOY_TESTS,
        ("what may not be read is empty", "Objects(unread=said, as_hub", "Objects(as_hub"),
        (
            "a right that nobody tells is there",
            "        return None\n\n\ndef _pull",
            "        return True\n\n\ndef _pull",
        ),
        (
            "a login page is an API server",
            'return "" if "gitVersion" in version else other',
            'return ""',
        ),
        (
            "an API server that refuses everything answers",
            '        return f"it refuses to tell its version ({said})"',
            '        return ""',
        ),
    ),
    *faults_in(
        "deploy/doctor/checks/limits.py",
        _DEPLOY_TESTS,
        ("a ratio of nothing is kept", "    if missing:\n", "    if False:\n"),
    ),
    *faults_in(
        "deploy/doctor/model/scheduling.py",
        _DEPLOY_TESTS,
        (
            "taints keep nobody out",
            '_KEEPS_OUT: Final = frozenset({"NoSchedule", "NoExecute"})',
            "_KEEPS_OUT: Final = frozenset({''})",
        ),
        (
            "selectors select every node",
            "        if labels.get(key) != value:",
            "        if False:",
        ),
        (
            "DaemonSets take nothing",
            "            left[name] = _less(left.get(name, 0), request_in(spec, name))\n",
            "            pass\n",
        ),
        (
            "what a node has and nobody can read is nothing",
            "            read[name] = None\n",
            "            read[name] = 0\n",
        ),
        (
            "a cordoned node takes pods",
            '    if part(node, "spec").get("unschedulable"):',
            "    if False:",
        ),
    ),
    *faults_in(
        "deploy/doctor/checks/quotas.py",
        _DEPLOY_TESTS,
        (
            "every quota counts",
            "            if is_counted(quota, tier.pod.priority_class or priority):",
            "            if True:",
        ),
        (
            "what cannot be read is well",
            (
                "        yield from say_unreadable("
                'f"The ResourceQuota {name_of(quota)}", hard, _WHY_UNREADABLE)\n'
            ),
            "        pass\n",
        ),
        ("Hub and proxy hold nothing", "held_beside_servers(cluster, quota)", "{}"),
        ("claims of devices are in no quota", "    if tier.pod.devices:\n", "    if False:\n"),
        ("no quota is too small", "if name in asked and asked[name] > 0", "if False"),
    ),
    *faults_in(
        "deploy/doctor/findings.py",
        _DEPLOY_TESTS,
        ("the Hub's rights are widened", "FROM_OUTSIDE if objects.as_hub else ", ""),
    ),
    *faults_in(
        "deploy/doctor/checks/workloads.py",
        _DEPLOY_TESTS,
        (
            "a container that cannot be made is well",
            "    if reason in _CONFIG:\n",
            "    if False:\n",
        ),
        (
            "a rollout that is stuck is well",
            '    elif progressing.get("status") == "False":',
            "    elif False:",
        ),
    ),
    *faults_in(
        "deploy/doctor/checks/storage.py",
        _DEPLOY_TESTS,
        (
            "nodes that may not be read are in one zone",
            "    if is_at_once and nodes.unread:",
            "    if False:",
        ),
    ),
    *faults_in(
        "deploy/doctor/checks/network.py",
        _DEPLOY_TESTS,
        (
            "servers may reach each other",
            "    if may is False:\n        return\n",
            "    return\n",
        ),
        (
            "the Hub need not get out",
            "    if not network.lets_out_to_api(hub):\n",
            "    if False:\n",
        ),
        ("nobody needs DNS", "        if lets is False:\n", "        if False:\n"),
        (
            "only the Hub needs DNS",
            '        (servers, "singleuser",',
            '        (hub, "singleuser",',
        ),
    ),
    *faults_in(
        "deploy/doctor/model/network_rules.py",
        _DEPLOY_TESTS,
        (
            "the way to DNS is one to the API server",
            'described.get("port") not in DNS_PORTS',
            "True",
        ),
        (
            "what stands in the way is overlooked",
            "                return False, direction",
            "                continue",
        ),
    ),
    *faults_in(
        "deploy/doctor/checks/hub.py",
        _DEPLOY_TESTS,
        ("a broken policy file is well", "    if faults:\n", "    if False:\n"),
        ("a store that is down is well", '    if store.get("fault"):', "    if False:"),
    ),
)

_LOCAL_TESTS = ("tests/hub/local/test_forged.py",)
_LOG_TESTS = ("tests/hub/local/test_server_log.py",)

PROCESSES: Final = (
    *faults_in(
        "hub/local/processes.py",
        _LOCAL_TESTS,
        (
            "marks of every user are believed",
            "    own = {os.geteuid()}\n",
            "    own = owners_of(pid)\n",
        ),
        (
            "what others say is read, whatever its size",
            "    if not runs_as(pid, own):\n        return None\n",
            "",
        ),
        (
            "what gave up its rights meanwhile is believed",
            " and runs_as(pid, own) else None",
            " else None",
        ),
        ("a name makes up a user id", '.read().split(b"\\n")', ".read().splitlines()"),
        (
            "a user id that acts as root is root's",
            " and owners.issubset(uids)",
            " and not owners.isdisjoint(uids)",
        ),
        (
            "what hangs below another user is no orphan",
            "                self._tops |= {process.pid} if owner >= 0 else set()\n",
            "",
        ),
        ("one whose first thread ended is dead", " and len(process.threads()) <= 1", ""),
        (
            "two servers have one mark",
            'quote(name, safe="@", errors="surrogatepass")',
            "name",
        ),
    ),
    *faults_in(
        "hub/local/termination.py",
        _LOCAL_TESTS,
        (
            "a recorded process of anybody's is the supervisor",
            " and runs_as(known.pid, {os.geteuid()})",
            "",
        ),
        (
            "what hides from its supervisor goes on",
            " and runs_as(process.pid, target.uids)\n",
            " and False\n",
        ),
        (
            "whatever has the person's user id ends",
            "orphan = marks is None and table.is_whole(line) and",
            "orphan =",
        ),
        ("a line that broke off makes an orphan", " and table.is_whole(line)", ""),
        (
            "another server's processes end too",
            "            and self.server in {None, marks.server}\n",
            "",
        ),
        (
            "another platform's processes end too",
            "            marks.instance == self.instance\n            and",
            "           ",
        ),
    ),
    *faults_in(
        "hub/local/termination.py",
        ("tests/hub/local/test_ending.py",),
        (
            "another run's processes end too",
            "            and self.reservation in {None, marks.reservation}\n",
            "",
        ),
    ),
    *faults_in(
        "hub/local/cgroups.py",
        _LOCAL_TESTS,
        ("a group of another user is looked into", " if _is_ours(path)", ""),
    ),
    *faults_in(
        "hub/local/supervisor.py",
        _LOG_TESTS,
        ("a server has its log open", "        os.dup2(written, 2)\n", ""),
        (
            "a log grows without end",
            "        if size + len(text) > 2 * half:\n",
            "        if False:\n",
        ),
        (
            "a flood is written as it comes",
            "        if budget > 0 or not read:\n",
            "        if True:\n",
        ),
        ("a flood is read without pause", "        time.sleep(_PAUSE)\n", "        pass\n"),
        ("the end of a log is not waited for", "    keeper.join(_DRAIN_SECONDS)\n", ""),
        (
            "a pipe in foreign hands is waited for",
            "    keeper.join(_DRAIN_SECONDS)\n",
            "    keeper.join()\n",
        ),
        (
            "a full disk ends the reader of the log",
            "    with suppress(OSError):  # A full disk",
            "    if True:  # A full disk",
        ),
    ),
    *faults_in(
        "hub/local/supervisor.py",
        ("tests/hub/local/test_inherited.py",),
        ("keys of the operator are passed on", "    _leave_keyring()\n", ""),
        (
            "a user without room keeps the operator's keys",
            "{errno.ENOSYS, errno.EPERM}",
            "{errno.ENOSYS, errno.EPERM, errno.EDQUOT}",
        ),
        (
            "no server starts where keys are denied",
            "{errno.ENOSYS, errno.EPERM}",
            "{errno.ENOSYS}",
        ),
        ("capabilities outlast a change of user", "    _give_up_capabilities()\n", ""),
        ("ignored signals stay so", "signal.signal(number, signal.SIG_DFL)", "pass"),
        ("blocked signals stay so", "signal.SIG_SETMASK, ()", "signal.SIG_UNBLOCK, _WATCHED"),
    ),
    *faults_in(
        "hub/local/machine.py",
        _LOG_TESTS,
        (
            "logs of ever new servers stay",
            "        path.unlink(missing_ok=True)\n",
            "        pass\n",
        ),
    ),
    *faults_in(
        "hub/local/process_spawner.py",
        ("tests/hub/local/test_spawner.py",),
        ("the limit of a log is not passed on", "            log_bytes=self.log_limit,\n", ""),
    ),
)

_PROOF_TESTS: Final = ("tests/usecases/test_proof.py",)

PROOF: Final = (
    *faults_in(
        "store/audit_chain.py",
        _PROOF_TESTS,
        ("a changed row is sound", "    if digest != found:\n", "    if False:\n"),
        (
            "a row that does not follow is sound",
            "    if previous != head.hash:\n",
            "    if False:\n",
        ),
        ("a missing row is sound", "    if seq != due:\n", "    if False:\n"),
        (
            "a head that was noted is not compared",
            "    if noted.get(seq, {found}) != {found}:\n",
            "    if False:\n",
        ),
        (
            "rows missing at the end are not",
            "        if last > self.head.seq:\n",
            "        if False:\n",
        ),
    ),
    *faults_in(
        "store/guards.py",
        _PROOF_TESTS,
        (
            "a guard of the same name is a guard",
            '        if _plain(found.get(name, "")) != _plain(statement)\n',
            "        if name not in found\n",
        ),
    ),
    *faults_in(
        "store/witnesses.py",
        _PROOF_TESTS,
        (
            "a decision that is gone is not missed",
            "                    yield Contradiction(table.name, str(key), what)\n",
            "                    pass\n",
        ),
        (
            "rows that the audit does not tell of are not looked for",
            "            if there > told:\n",
            "            if False:\n",
        ),
        (
            "the text of a revision is not looked at",
            "    if row.digest != digest or digest not in",
            "    if row.digest != digest and digest not in",
        ),
        ("what differs is the same", "        if found != told:\n", "        if False:\n"),
    ),
    *faults_in(
        "usecases/proof.py",
        _PROOF_TESTS,
        (
            "a line that quotes a head notes it",
            "        if (found := _NOTED.fullmatch(line.rstrip())) is not None:\n",
            "        if (found := _NOTED.search(line.rstrip())) is not None:\n",
        ),
        ("the ledger is left out", "    if ledger:\n", "    if False:\n"),
    ),
    *faults_in(
        "deploy/doctor/checks/audit.py",
        ("tests/deploy/test_audit_checks.py",),
        (
            "what was not looked at is well",
            '    if found.get("unread"):\n        yield',
            "    if False:\n        yield",
        ),
    ),
    *faults_in(
        "usecases/denials.py",
        ("tests/usecases/test_denials.py",),
        (
            "each denial is recorded whole",
            "        if shared is not None and now < shared.until:\n",
            "        if False:\n",
        ),
        (
            "a caller has any number recorded",
            "        if self._allowance.seconds_to_wait(by):\n",
            "        if False:\n",
        ),
        (
            "any number is shared",
            "        if len(caller.shared) > MAX_AT_ONCE:\n",
            "        if False:\n",
        ),
        (
            "repeats are not counted",
            "            shared.count.add(decision.question.at)\n",
            "            pass\n",
        ),
        (
            "a denial is not audited",
            '        action="server.denied",\n',
            '        action="seen",\n',
        ),
    ),
    *faults_in(
        "usecases/credentials.py",
        ("tests/usecases/test_allowance.py",),
        (
            "a password is changed without end",
            "        if seconds := self._changes.seconds_to_wait(name):\n",
            "        if seconds := 0:\n",
        ),
        (
            "people are invited without end",
            "        if seconds := self._invites.seconds_to_wait(by):\n",
            "        if seconds := 0:\n",
        ),
    ),
    *faults_in(
        "core/document/references.py",
        ("tests/test_documents.py", "tests/usecases/test_policies.py"),
        ("a policy needs no admin", "        if not admins:\n", "        if False:\n"),
        (
            "the last admin is suspended in the file",
            "        elif all(s is not None and",
            "        elif False and all(s is not None and",
        ),
    ),
    *faults_in(
        "usecases/policies.py",
        ("tests/usecases/test_policies.py",),
        (
            "the last admin is suspended in the store",
            "        if not self.locked_out:\n",
            "        if False:\n",
        ),
    ),
)

_CROWDED_TESTS: Final = ("tests/hub/local/test_crowded.py",)

CROWDED: Final = (
    *faults_in(
        "hub/local/termination.py",
        _CROWDED_TESTS,
        (
            "control groups are looked for on the loop",
            "await asyncio.to_thread(target.groups)",
            "target.groups()",
        ),
    ),
    *faults_in(
        "hub/local/process_spawner.py",
        _CROWDED_TESTS,
        (
            "a user id is looked for on the loop",
            "await asyncio.to_thread(machine.people.person, self.user.name)",
            "machine.people.person(self.user.name)",
        ),
    ),
    *faults_in(
        "hub/local/supervisor.py",
        _CROWDED_TESTS,
        (
            "a server is as urgent as its supervisor",
            "            _set_priority(max(0, os.nice(0)))\n",
            "",
        ),
        ("a server shares its supervisor's session", "            os.setsid()\n", ""),
        ("a supervisor is as urgent as a bomb", "        come_before_users()\n", "        pass\n"),
    ),
)

ADDRESSES: Final = (
    *faults_in(
        "hub/local/supervisor.py",
        ("tests/hub/local/test_sockets.py",),
        (
            "the supervisor keeps a server's socket",
            "in its place.\n    _close_input()\n",
            "in its place.\n",
        ),
    ),
    *faults_in(
        "hub/local/supervisor.py",
        ("tests/hub/local/test_ending.py",),
        ("a server reads from its socket", "_LISTENER)\n    _close_input()\n", "_LISTENER)\n"),
    ),
    *faults_in(
        "sockets.py",
        ("tests/hub/local/test_sockets.py",),
        ("its own user can replace it", "path.parent, 0o710", "path.parent, 0o770"),
        ("others pass through to it", "path.parent, 0o710", "path.parent, 0o711"),
        ("its own user cannot connect", "path.chmod(0o660)", "path.chmod(0o600)"),
        (
            "a deep tree of a user's stays",
            'subprocess.run(["rm", "-rf", "--", self.directory], check=False)',
            "__import__('shutil').rmtree(self.directory, ignore_errors=True)",
        ),
        ("others can write there", "others_write = ", "others_write = 0 and "),
        ("another user owns it", "found.st_uid not in {0, os.geteuid()}", "False"),
    ),
    *faults_in(
        "hub/upstream/jupyter_server/jupyter_config.py",
        ("tests/hub/upstream/test_jupyter_server.py",),
        ("any socket will do", "listener.getsockname() != server.sock", "False"),
        ("kernels inherit the marks", 'environ.pop("LISTEN_FDS"', 'environ.get("LISTEN_FDS"'),
    ),
    *faults_in(
        "hub/upstream/kernel_sockets.py",
        ("tests/hub/local/test_kernels.py",),
        ("kernels listen at ports", '"transport": "ipc"', '"transport": "tcp"'),
        ("a kernel can be debugged", '    "comm_close",\n', '    "debug_request",\n'),
        (
            "the path of a long home is too long",
            "_link_home(sockets, uid, home)",
            "home",
        ),
        (
            "a site's own configuration goes first",
            "(str(directory), str(WITHOUT_PORTS), *([configured] if configured else []))",
            "(*([configured] if configured else []), str(directory), str(WITHOUT_PORTS))",
        ),
    ),
    *faults_in(
        "hub/upstream/jupyter_kernels/jupyter_config.py",
        ("tests/hub/local/test_kernels.py",),
        ("a kernel keeps its port", "if cmd[1:3] == _STOCK", "if False"),
    ),
    *faults_in(
        "hub/upstream/jupyter_kernels/kernel.py",
        ("tests/hub/local/test_kernels.py",),
        ("what a fork prints is lost", 'connect(f"ipc://{path}")', 'connect("inproc://x")'),
    ),
    *faults_in(
        "hub/upstream/unix_sockets.py",
        ("tests/hub/upstream/test_unix_sockets.py",),
        ("the API makes services at sockets", "if not from_config or ", "if "),
        ("a port is written behind a socket", "if server.proto == SCHEME and", "if False and"),
    ),
    *faults_in(
        "cli/local/decided.py",
        ("tests/cli/test_decided.py",),
        (
            "a site moves what was decided",
            "            c[section][name] = value\n        for",
            "        for",
        ),
        ("a site's own proxy is started", "if name not in _CONFIGURABLE_HTTP_PROXY", "if False"),
        ("internal_ssl is let through", 'if hub.get("internal_ssl")', "if False"),
        ("services cannot be known again", "{**own, MARK: str(self.state)}", "own"),
    ),
)

FAULTS: Final = (
    *(*ADMISSION, *POLICY, *LEVELS, *IDENTITY, *SUSPENSION, *DOORS, *LIFETIMES, *DOCTOR),
    *PROCESSES,
    *WHO_A_PERSON_IS,
    *PAGES,
    *PROOF,
    *ADDRESSES,
    *CROWDED,
)

EQUIVALENT: Final = (
    Equivalent(
        "names over 256 characters are refused before they are folded",
        "jupyterhub_platform/core/identity.py",
        "they are refused afterwards, too; looking first only saves time",
    ),
    Equivalent(
        "normalised a second time after folding case",
        "jupyterhub_platform/core/identity.py",
        "whatever case folding takes apart is no letter of a name, and is refused",
    ),
    Equivalent(
        "a total that is missing counts as nothing when drift is looked for",
        "jupyterhub_platform/usecases/book.py",
        "totals of nothing are never kept",
    ),
)
"""Changes that a generator of mutants (mutmut) finds as well, and that no test can notice."""
