"""A plan for people: what it hits first, then what differs, on a terminal or in Markdown."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from jupyterhub_platform.cli.terminal import count, paint, printable
from jupyterhub_platform.core.quantities import describe_amount
from jupyterhub_platform.core.sentences import describe_share
from jupyterhub_platform.deploy.plan import PartChange
from jupyterhub_platform.rest.managed import OverLimit
from jupyterhub_platform.rest.policy_plans import Plan

_NAMED: Final = 8
_SHOWN: Final = 20
_OBJECTS: Final = 30
_MET: Final = {
    "suspended": "is stopped: its user is suspended",
    "removed": "goes on: its user is removed",
    "group": "goes on: the group that it is charged to is removed",
    "tier": "goes on: its tier is removed",
    "image": "goes on: its image is removed",
    "changed": "goes on as it is: its tier changes for the next start",
}


@dataclass(frozen=True, slots=True)
class Report:
    """What applying files would do, and what that was found out from.

    Attributes
    ----------
    against
        What they were compared with.
    is_live
        Whether a Hub said it; if not, nothing is known of what runs or is managed there.
    parts
        What becomes of the parts of the deployment.
    allowed
        The codes of what is destructive and allowed.
    """

    file: str
    against: str
    is_live: bool
    plan: Plan
    parts: tuple[PartChange, ...]
    allowed: frozenset[str] = frozenset()

    @property
    def refused(self) -> tuple[str, ...]:
        """The codes of what is destructive, and not allowed."""
        codes = [each.code for each in self.plan.risks if each.destructive]
        codes += [each.code for each in self.parts if each.destructive]
        if "all" in self.allowed:
            return ()
        return tuple(dict.fromkeys(code for code in codes if code not in self.allowed))

    @property
    def is_idle(self) -> bool:
        """Whether there is nothing to do."""
        return not self.plan.changes and all(each.change == "none" for each in self.parts)

    def say_verdict(self) -> str:
        """Say what applying it comes to."""
        if self.plan.conflicts_count:
            objects = count(self.plan.conflicts_count, "managed object")
            return f"It cannot be applied: {objects} would be declared as well."
        if self.refused:
            allow = " ".join(f"--allow {code}" for code in self.refused)
            return f"It is destructive, and is applied with {allow} only."
        if self.is_idle:
            return "Nothing to do: these files are in force."
        return "It can be applied, and destroys nothing."

    def to_json(self) -> dict[str, Any]:
        """Render for programs."""
        return {
            "file": self.file,
            "against": self.against,
            "live": self.is_live,
            "base": {"revision": self.plan.revision, "digest": self.plan.digest},
            "proposed": self.plan.proposed,
            "verdict": self.say_verdict(),
            "nothing_to_do": self.is_idle,
            "refused": list(self.refused),
            "deployment": [
                {
                    "part": each.part,
                    "change": each.change,
                    "sentence": each.sentence,
                    "destructive": each.destructive,
                }
                for each in self.parts
            ],
            "policy": self.plan.to_json(),
        }


def list_sections(report: Report) -> Iterator[tuple[str, list[str]]]:
    """Yield the parts of a report with their lines, what hits hardest first."""
    plan = report.plan
    yield "Blast radius", list(_list_radius(report))
    yield (
        "Destructive",
        [_say_risk(each.code, each.sentence) for each in plan.risks if each.destructive],
    )
    yield (
        "Conflicts",
        [
            f"{each.kind} {each.name} is managed in the Hub, by {each.by}: "
            f"jhp adopt {each.kind} {each.name} --take-file --reason …"
            for each in plan.conflicts
        ],
    )
    yield "People", list(_list_people(plan))
    yield "Tiers", list(_list_tiers(plan))
    yield "Over now", [*map(_say_over, plan.over[:_SHOWN]), *_count_others(plan.over_count, _SHOWN)]
    yield (
        "Running servers",
        [
            *(
                f"{each.user}/{each.server or 'default'} ({each.tier}) {_MET[each.code]}"
                for each in plan.servers[:_SHOWN]
            ),
            *_count_others(plan.servers_count, _SHOWN),
        ],
    )
    warnings = [each.sentence for each in plan.risks if not each.destructive]
    yield (
        "Look at",
        [*warnings[:_SHOWN], *_count_others(len(warnings), _SHOWN), *plan.warnings[:_SHOWN]],
    )


def render_terminal(report: Report) -> Iterator[str]:
    """Yield the lines of a report for a terminal."""
    yield paint(printable(f"{report.file}, compared with {report.against}"), bold=True)
    for title, lines in list_sections(report):
        if lines:
            yield ""
            colour = {"fg": "red"} if title in {"Destructive", "Conflicts"} else {}
            yield paint(title, bold=True, **colour)
            yield from (f"  {printable(line)}" for line in lines)
    difference = list(list_difference(report.plan))
    if difference:
        yield ""
        yield paint("Difference", bold=True)
        yield from (f"  {_paint_line(printable(line))}" for line in difference)
    yield ""
    yield paint(report.say_verdict(), bold=True)


def render_markdown(report: Report) -> Iterator[str]:
    """Yield the lines of a report for a merge request."""
    yield f"### Plan for `{report.file}`"
    yield ""
    yield f"**{report.say_verdict()}** Compared with {report.against}."
    for title, lines in list_sections(report):
        if lines:
            yield ""
            yield f"**{title}**"
            yield ""
            yield from (f"- {_escape(line)}" for line in lines)
    difference = list(list_difference(report.plan))
    if difference:
        fence = "`" * max(3, *(1 + _count_ticks(line) for line in difference))
        yield ""
        yield "<details><summary>Difference</summary>"
        yield ""
        yield f"{fence}diff"
        yield from map(printable, difference)
        yield fence
        yield ""
        yield "</details>"


def list_difference(plan: Plan) -> Iterator[str]:
    """Yield what differs in the files, by lines; object by object if that is too long."""
    if plan.digest is None:
        yield f"+ the first files: {count(plan.objects_count, 'object')}"
        return
    if plan.lines is not None:
        yield from plan.lines
        return
    for each in plan.objects[:_OBJECTS]:
        yield f"{each.change} {each.kind} {each.name}".rstrip()
        for value in each.values:
            if value.before:
                yield f"- {value.path}: {value.before}"
            if value.after:
                yield f"+ {value.path}: {value.after}"
    yield from _count_others(plan.objects_count, _OBJECTS)


def _list_radius(report: Report) -> Iterator[str]:
    yield from (f"{each.part}: {each.sentence}" for each in report.parts)
    plan = report.plan
    if not report.is_live:
        yield "servers: not known, since no Hub was asked"
        return
    stopped = sum(each.code == "suspended" for each in plan.servers)
    others = plan.servers_count - stopped
    yield f"servers: {count(stopped, 'server')} stopped; {others:,} concerned, which go on"
    limits = count(plan.over_count, "limit")
    yield f"people: {plan.concerned:,} concerned; {limits} set below what is held"


def _list_people(plan: Plan) -> Iterator[str]:
    for names, verb in (
        (plan.added, "added"),
        (plan.removed, "removed"),
        (plan.suspended, "suspended"),
        (plan.resumed, "resumed"),
    ):
        if names.count:
            yield f"{verb}: {_name(names.people, names.count)}"
    yield from (f"{each.user}: {each.before} → {each.after}" for each in plan.levels[:_SHOWN])
    yield from _count_others(plan.levels_count, _SHOWN)
    for found, total, verb in (
        (plan.joins, plan.joins_count, "gains"),
        (plan.leaves, plan.leaves_count, "loses"),
    ):
        for each in found[:_SHOWN]:
            yield f"group {each.group} {verb} {_name(each.people, each.count)}"
        yield from _count_others(total, _SHOWN)


def _list_tiers(plan: Plan) -> Iterator[str]:
    for found, words in ((plan.gains, "can be started by"), (plan.losses, "is lost by")):
        for each in found:
            yield f"{each.tier} {words} {_name(each.people, each.count)}"


def _name(people: Sequence[str], total: int) -> str:
    shown = list(people[:_NAMED])
    rest = total - len(shown)
    named = ", ".join(shown) + (f" and {rest:,} more" if rest else "")
    return f"{total:,} ({named})" if total > 1 else named


def _say_over(over: OverLimit) -> str:
    who = {
        "platform": "the platform",
        "account": over.account,
        "member": f"{over.user} in {over.account}",
        "user": over.user,
        "tier": "all together",
        "tier-account": over.account,
        "tier-user": over.user,
    }[over.scope]
    share = describe_share(over.resource, over.held, over.maximum, over.tier)
    by = describe_amount(over.resource, over.held - over.maximum)
    return f"{who}: {share}, over by {by} ({over.path})"


def _say_risk(code: str, sentence: str) -> str:
    return f"{sentence} (--allow {code})"


def _count_others(total: int, shown: int) -> list[str]:
    return [f"and {total - shown:,} more"] if total > shown else []


def _paint_line(line: str) -> str:
    colours = {"+": "green", "-": "red", "@": "cyan"}
    return paint(line, fg=colours[line[0]]) if line[:1] in colours else line


def _escape(text: str) -> str:
    """Return text that Markdown shows as it is."""
    for sign in "\\`*_[]<>|":
        text = text.replace(sign, f"\\{sign}")
    return printable(text)


def _count_ticks(line: str) -> int:
    longest = run = 0
    for sign in line:
        run = run + 1 if sign == "`" else 0
        longest = max(longest, run)
    return longest
