import codecs
import sys
import threading
import time
from datetime import UTC, datetime
from functools import cache
from hashlib import sha256
from pathlib import Path

import pytest

from jupyterhub_platform.core.document.faults import MAX_FAULTS
from jupyterhub_platform.core.document.schema import Declaration
from jupyterhub_platform.core.errors import Fault, PolicyError
from jupyterhub_platform.core.levels import Level
from jupyterhub_platform.documents import (
    CONFIG_MAP_BYTES,
    MAX_BYTES,
    ReadPolicy,
    parse_policy,
)
from jupyterhub_platform.policy_files import read_policy
from tests.support.broken_documents import FILES, Expected, expected_faults

EXAMPLE = Path(__file__).parents[1] / "examples" / "local" / "platform.yaml"
SMALL = """\
version: 1
users:
  dev: {level: admin}
groups:
  vision: {members: [dev]}
images:
  lab: {reference: example/lab:1}
tiers:
  small:
    requests: {cpu: 1, memory: 1Gi}
    images: [lab]
"""


def faults_in(text: bytes | str) -> tuple[Fault, ...]:
    started = time.process_time()
    with pytest.raises(PolicyError) as caught:
        parse_policy(text.encode() if isinstance(text, str) else text, "platform.yaml")
    # What is not linear takes minutes; a watched run on a busy machine, a second.
    assert time.process_time() - started < 10
    return caught.value.faults


@cache
def faults_of(file: Path) -> tuple[Fault, ...]:
    return faults_in(file.read_bytes())


def parse(text: str) -> ReadPolicy:
    return parse_policy(text.encode(), "platform.yaml")


def test_at_least_a_hundred_broken_files_are_tried():
    assert len(FILES) >= 100


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_says_exactly_what_is_wrong_and_on_which_line(file: Path):
    left = expected_faults(file)
    assert left, "the file says nothing about what is expected"
    unexpected = []
    for fault in faults_of(file):
        said = f"{fault.what}; {fault.fix}"
        found = next((e for e in left if _is_it(e, fault, said)), None)
        if found:
            left.remove(found)
        else:
            unexpected.append(str(fault))
    assert (left, unexpected) == ([], [])


def _is_it(expected: Expected, fault: Fault, said: str) -> bool:
    return (expected.line, expected.key) == (fault.line, fault.key) and expected.words in said


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_fault_is_one_printable_line_that_says_the_fix(file: Path):
    for fault in faults_of(file):
        assert str(fault).isprintable()
        assert fault.what
        assert fault.fix


# Broken files that are too big, or too strange, to lie in the repository. Each: bytes, the line of
# the only fault, words of it.
STRANGE = {
    "twenty megabytes": (b"# a comment\n" * 1_800_000, 1, "larger than 16 MiB"),
    "one byte too many": (b"#" * (MAX_BYTES + 1), 1, "larger than 16 MiB"),
    "latin-1": (b"version: 1\nname: caf\xe9\n", 2, "the byte 0xe9 is not UTF-8"),
    "utf-16": (SMALL.encode("utf-16"), 1, "UTF-16"),
    "binary": (bytes(range(14, 256)) * 10, 1, "is not UTF-8"),
    "gzip": (b"\x1f\x8b\x08\x00" + bytes(range(128, 256)), 1, "is not UTF-8"),
    "nul": (b"version: 1\nname: a\0b\n", 2, "U+0000"),
    "surrogate": (b"name: \xed\xa0\x80\n", 1, "is not UTF-8"),
    "deep brackets": (b"version: " + b"[" * 50_000, 1, "more than 20 levels"),
    "deep braces": (b"a: " + b"{a: " * 50_000, 1, "more than 20 levels"),
    "deep blocks": (b"\n".join(b" " * n + b"a:" for n in range(500)), 22, "more than 20 levels"),
    "deep dashes": (b"- " * 50_000, 1, "more than 20 levels"),
    "open quote": (b"version: 1\nname: 'never closed\n", 2, "never closed"),
    "open bracket": (b"version: 1\nquota: [1, 2\n", 2, "never closed"),
    "only a tab": (b"\tversion: 1\n", 1, "a tab cannot indent"),
    "windows tab": (b"users:\r\n\tdev: {}\r\n", 2, "a tab cannot indent"),
    "many blanks": (b" " * 300_000, 1, "the document is empty"),
    "zero bytes": (b"", 1, "the document is empty"),
    "byte order mark only": (codecs.BOM_UTF8, 1, "the document is empty"),
    "yaml directive": (b"%YAML 9.9\n---\nversion: 1\n", 1, "not YAML"),
    "one long word": (b"x" * 500_000, 1, "not keys and values"),
}


@pytest.mark.parametrize(("text", "line", "words"), STRANGE.values(), ids=STRANGE)
def test_refuses_strange_files_quickly(text: bytes, line: int, words: str):
    (fault,) = faults_in(text)
    assert fault.line == line
    assert words in str(fault)
    assert len(str(fault)) < 300


def test_an_alias_bomb_is_never_expanded():
    rows = ["a0: &a0 [lol, lol]"]
    rows += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 10)]
    said = [str(fault) for fault in faults_in("\n".join(rows))]
    assert sum("anchors (&) are not read" in line for line in said) == 10
    assert sum("aliases (*) are not read" in line for line in said) == 9
    assert all(len(line) < 400 for line in said)


def test_a_thousand_unknown_names_are_each_reported():
    members = ", ".join(f"x{number}" for number in range(1000))
    faults = faults_in(SMALL.replace("[dev]", f"[{members}]"))
    assert len(faults) == 1000
    assert {fault.line for fault in faults} == {5}


def test_more_faults_than_a_reader_needs_are_not_kept():
    members = ", ".join(f"x{number}" for number in range(MAX_FAULTS + 5))
    with pytest.raises(PolicyError) as caught:
        parse_policy(SMALL.replace("[dev]", f"[{members}]").encode(), "platform.yaml")
    assert len(caught.value.faults) == MAX_FAULTS


def test_thousands_of_people_are_more_than_a_config_map_holds_and_are_read():
    people = "".join(f"  student.number.{n:06d}@example.edu: {{}}\n" for n in range(30_000))
    text = SMALL.replace("users:\n", f"users:\n{people}").encode()
    assert len(text) > CONFIG_MAP_BYTES
    assert len(parse_policy(text, "platform.yaml").policy.people) == 30_001


def test_faults_come_in_the_order_of_the_document():
    file = next(file for file in FILES if file.stem == "many-faults-at-once")
    faults = faults_of(file)
    assert len(faults) >= 20
    assert [fault.line for fault in faults] == sorted(fault.line for fault in faults)


def test_one_mistake_is_one_fault():
    tiers = SMALL.index("tiers:")
    (fault,) = faults_in(SMALL[:tiers] + "tiers: oops\ndefaults: {tier: small}\n")
    assert fault.key == "tiers"


def test_lists_keep_their_numbers_when_an_entry_before_is_broken():
    faults = faults_in(SMALL.replace("[dev]", "[dev, 5, mallory]"))
    assert [fault.key for fault in faults] == [
        "groups.vision.members.1",
        "groups.vision.members.2",
    ]


def test_a_name_cannot_move_the_cursor_of_a_terminal():
    (fault,) = faults_in(SMALL.replace("  dev:", '  "\\e[2J\\n": {}\n  dev:'))
    assert "\\x1b[2J\\n" in str(fault)


def test_remembers_where_everything_was_declared():
    lines = parse(SMALL).policy.lines
    assert str(lines["tiers.small.requests.cpu"]) == "platform.yaml:10"
    assert str(lines["groups.vision.members.0"]) == "platform.yaml:5"


def test_the_digest_is_that_of_the_bytes():
    text = codecs.BOM_UTF8 + SMALL.encode()
    read = parse_policy(text, "platform.yaml")
    assert read.digest == f"sha256:{sha256(text).hexdigest()}"
    assert read.text == SMALL


def test_reads_files_as_windows_writes_them():
    assert parse_policy(SMALL.replace("\n", "\r\n").encode(), "f").policy.tiers["small"]


@pytest.mark.parametrize("key", ["1234", "null", "yes", "2030-01-01", "1.5"])
def test_a_key_is_always_text(key: str):
    read = parse(SMALL.replace("  dev: {", f"  {key}: {{}}\n  dev: {{"))
    assert key in read.policy.people


@pytest.mark.parametrize("value", ["yes", "on", "0o17", "1_000", "12:30:00", "'1'"])
def test_values_that_other_readers_would_guess_are_text(value: str):
    assert parse(f"name: {value}\n{SMALL}").policy.name == value.strip("'")


def test_reads_the_example():
    read = read_policy(EXAMPLE)
    policy = read.policy
    assert sorted(policy.people) == [
        *("admin", "auditor", "dev1", "dev2", "manager", "operator", "viewer"),
    ]
    assert policy.declared_groups("dev1") == {"vision"}
    assert policy.declared_groups("dev2") == {"vision", "language"}
    assert policy.managed_groups("manager") == {"vision", "language"}
    assert list(policy.tiers) == ["small", "medium", "gpu"]
    starters = [p for p in policy.people.values() if p.level not in {Level.VIEWER, Level.AUDITOR}]
    assert all(policy.declared_groups(person.name) for person in starters)


def test_the_example_opens_the_gpu_to_developers_on_request_only():
    policy = read_policy(EXAMPLE).policy
    now = datetime(2026, 1, 1, tzinfo=UTC)
    gpu = policy.tiers["gpu"]
    assert gpu.requestable
    assert not policy.may_use(gpu, "dev1", Level.DEVELOPER, "vision", now)
    assert policy.may_use(gpu, "manager", Level.MANAGER, "vision", now)


def test_the_example_stops_a_developer_at_the_third_small_server():
    policy = read_policy(EXAMPLE).policy
    limits = policy.list_limits("dev1", "vision", datetime(2026, 1, 1, tzinfo=UTC))
    maximum = {lim.resource: lim.maximum for lim in limits if lim.scope.kind == "member"}
    demand = policy.tiers["small"].demand
    assert all(2 * demand.amount(name) <= amount for name, amount in maximum.items())
    assert [name for name, amount in maximum.items() if 3 * demand.amount(name) > amount] == [
        "servers"
    ]
    medium = policy.tiers["medium"].demand
    assert all(
        demand.amount(name) + medium.amount(name) <= amount for name, amount in maximum.items()
    )


def test_reading_many_people_lets_other_threads_run_all_the_time():
    people: dict[str, object] = {f"student{number}": {} for number in range(80_000)}
    tiers = {"small": {"requests": {"cpu": 1, "memory": "1Gi"}, "images": ["lab"]}}
    images = {"lab": {"reference": "example/lab:1"}}
    document = {"version": 1, "users": people, "tiers": tiers, "images": images}
    began_and_ended: list[float] = []

    def read() -> None:
        began_and_ended.append(time.perf_counter())
        Declaration.model_validate(document)
        began_and_ended.append(time.perf_counter())

    interval = sys.getswitchinterval()
    sys.setswitchinterval(0.0001)
    try:
        thread = threading.Thread(target=read)
        thread.start()
        ran_at = []
        while thread.is_alive():
            ran_at.append(time.perf_counter())
    finally:
        sys.setswitchinterval(interval)
    began, ended = began_and_ended
    parts = {int(10 * (at - began) / (ended - began)) for at in ran_at if began < at < ended}
    assert len(parts) >= 2, "what is compiled kept the interpreter to itself"
