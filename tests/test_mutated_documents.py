"""Of many thousand damaged platform files, each is a policy or a list of faults, and soon.

``TEST_SEED`` repeats the files of a run.
"""

import random
import resource
import time
from collections import Counter
from pathlib import Path

import pytest
import yaml

from jupyterhub_platform import document_reader
from jupyterhub_platform.core.errors import PolicyError
from jupyterhub_platform.core.policy import Policy
from jupyterhub_platform.documents import parse_policy
from tests.support.broken_documents import FILES
from tests.support.policies import NOW, judge
from tests.support.seeds import dice_for

ROOT = Path(__file__).parents[1]
WHOLE = sorted([*(ROOT / "examples").rglob("platform.yaml"), *(ROOT / "tests/data").glob("*.yaml")])
SLOWEST_SECONDS = 1
MAX_GROWTH_BYTES = 100 * 2**20

SCALARS = (
    *("", "~", "null", "true", "yes", "NaN", ".inf", "-.inf", "1e999", "-1", "0", "9" * 40),
    *("9" * 5_000, "1_000", "0x1F", "0o17", "1:30", "2026-02-30", "2026-01-01T00:00:00Z", "500g"),
    *("1Ti", "1e400Gi", "-5m", "0.0000001", "1Gi1Gi", "unlimited", "none", "small", "admin"),
    *(
        "level:admin",
        "../x",
        "a\u200bb",
        "\u202edev",
        "'",
        '"',
        "'x",
        '"\\x00"',
        "|",
        ">-",
        "@x",
        "`",
    ),
    *("%TAG", "!!python/object/apply:os.system [id]", "!x y", "&a", "*a", "[", "{", "[]", "{}"),
    *(
        "[[[[[[]]]]]]",
        "{a: {b: {c: 1}}}",
        "{servers: -1}",
        "? x",
        "- - -",
        "<<: {a: b}",
        "\t",
        "\ud83d",
    ),
)
LINES = (
    *(
        "<<: *base",
        "base: &base {a: 1}",
        "---",
        "...",
        "%YAML 1.1",
        "\tx: 1",
        "users:",
        "tiers: {}",
    ),
    *(
        "version: 2",
        "version: 1",
        "quota: {cpu: 1e9}",
        "? [a, b]\n: c",
        "- 1",
        "# comment",
        "\ufeff",
        ":",
    ),
    *(
        "extra: key",
        "grants: [{}]",
        "grants:\n  - user: dev1",
        "defaults: {tier: nosuch}",
        "key",
        "'",
    ),
)


def mutate(dice: random.Random, text: bytes, others: list[bytes]) -> bytes:
    """Damage a document in one way of many."""
    rows = text.split(b"\n")
    at = dice.randrange(len(rows))
    match dice.randrange(12):
        case 0:
            del rows[at]
        case 1:
            rows.insert(at, rows[dice.randrange(len(rows))])
        case 2:
            rows[at : at + 3] = rows[at : at + 3] * dice.choice((2, 3, 50))
        case 3:
            rows[at] = b" " * dice.randrange(9) + rows[at].lstrip()
        case 4:
            rows.insert(at, _bytes(dice.choice(LINES)))
        case 5 | 6 | 7:
            key, colon, _ = rows[at].partition(b":")
            rows[at] = key + colon + b" " + _bytes(dice.choice(SCALARS))
        case 8:
            other = dice.choice(others).split(b"\n")
            rows[at:at] = other[dice.randrange(len(other)) :]
        case 9:
            text = b"\n".join(rows)
            cut = dice.randrange(len(text) + 1)
            return text[:cut] + (dice.randbytes(3) if dice.random() < 0.5 else b"")
        case 10:
            words = rows[at].split(b" ")
            dice.shuffle(words)
            rows[at] = b" ".join(words)
        case _:
            place = dice.randrange(len(text) + 1)
            return text[:place] + bytes([dice.randrange(256)]) + text[place + 1 :]
    return b"\n".join(rows)


def _bytes(text: str) -> bytes:
    return text.encode("utf8", "surrogatepass")


@pytest.mark.parametrize("number", [1_500, pytest.param(20_000, marks=pytest.mark.long)])
def test_a_damaged_file_is_a_policy_or_a_list_of_faults(number: int) -> None:
    dice = dice_for("documents")
    corpus = [file.read_bytes() for file in (*WHOLE, *FILES)]
    outcomes: Counter[str] = Counter()
    slowest, before = 0.0, _memory()
    for _ in range(number):
        text = dice.choice(corpus[: len(WHOLE)] if dice.random() < 0.7 else corpus)
        for _ in range(dice.choice((1, 1, 2, 4))):
            text = mutate(dice, text, corpus)
        began = time.process_time()
        outcome = read(text)
        slowest = max(slowest, time.process_time() - began)
        outcomes[outcome] += 1
        assert slowest < SLOWEST_SECONDS, text
    print(f"{number} documents: {dict(outcomes)}, slowest {slowest:.3f} s")
    assert _memory() - before < MAX_GROWTH_BYTES
    assert min(outcomes["policy"], outcomes["faults"]) > number / 50


@pytest.mark.skipif(not yaml.__with_libyaml__, reason="by choice: PyYAML has no libyaml here")
@pytest.mark.parametrize("number", [400, pytest.param(10_000, marks=pytest.mark.long)])
def test_both_parsers_read_the_same(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    dice = dice_for("parsers")
    corpus = [file.read_bytes() for file in (*WHOLE, *FILES)]
    compiled = outcomes = 0
    for _ in range(number):
        text = dice.choice(corpus)
        for _ in range(dice.choice((1, 1, 2, 4))):
            text = mutate(dice, text, corpus)
        said = text.decode(errors="replace")
        found = outcome_of(said)
        with monkeypatch.context() as patched:
            patched.setattr(document_reader, "_COMPILED", None)
            assert outcome_of(said) == found, said
        outcomes += not isinstance(found, list)
        compiled += not document_reader._DOUBTFUL.search(said)
    assert min(outcomes, compiled) > number / 10


def outcome_of(text: str) -> object:
    """Return what a reader makes of a text, with every line, or what is wrong with it."""
    reader = document_reader.DocumentReader()
    try:
        said = reader.read(text)
    except PolicyError as error:
        return list(map(str, error.faults))
    # Numbers show how they were written, and true is not 1.
    return repr(said), reader.mark, list(map(str, reader.faults)), reader.unreadable


def read(text: bytes) -> str:
    """Read a document, and hold what comes of it to what its reader promises."""
    try:
        policy = parse_policy(text, "platform.yaml").policy
    except PolicyError as error:
        check_faults(text, error)
        return "faults"
    check_policy(policy)
    return "policy"


def check_faults(text: bytes, error: PolicyError) -> None:
    last = text.count(b"\n") + text.count(b"\r") + 2
    assert error.faults, text
    for fault in error.faults:
        assert fault.file == "platform.yaml"
        assert 1 <= fault.line <= last, (fault, text)
        assert fault.what, text
        assert fault.fix, text
        assert str(fault).isprintable(), text
        assert len(str(fault)) < 1_000, text


def check_policy(policy: Policy) -> None:
    """Hold a policy to be one that can be asked: a user who may start something gets an answer."""
    for person in list(policy.people)[:3]:
        for account in policy.declared_groups(person) or {""}:
            for tier in policy.tiers:
                decision = judge(policy, person, {"tier": tier, "account": account}, now=NOW)
                assert decision.sentence
                assert all(amount >= 0 for amount in decision.demand.values())


def _memory() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
