"""What README and pages of docs/ tell readers to type works as pasted, and shows what they say.

A page that is listed here is followed from its first block to its last, in one shell: what it says
to type is typed, what it says to write into the policy is written there, and what it shows comes.
"""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from jupyterhub_platform.core.document.schema import Declaration
from tests.support.hub_fixtures import hub_of
from tests.support.live_hub import LiveHub, wait_for
from tests.test_docs import EXAMPLE, ROOT, list_fences, load_yaml, merge

pytestmark = pytest.mark.hub

README = ROOT / "README.md"
FIRST_ADDRESS = "http://127.0.0.1:8000"
FOLLOWED = (
    *(
        "tutorial",
        "repository",
        "identity-providers",
        "add-a-tier",
        "give-gpus",
        "check-a-change",
        "secrets",
    ),
)
STARTED = "make hub"
"""What the fixture has done already."""
ACTIVATION = ". .venv/bin/activate"
"""What the index of all pages says to do first."""
SHOWN = frozenset({"text", "console", "json"})
KEYS_OF_POLICY = frozenset(Declaration.model_fields)

hub = hub_of(EXAMPLE)


@dataclass
class Checkout:
    """A folder like the checkout in which the platform was started, and a shell in it."""

    hub: LiveHub
    folder: Path
    answer: str = field(default="", init=False)
    status: int = field(default=0, init=False)

    def paste(self, block: str) -> str:
        """Paste a block into the shell, at the address that this platform has."""
        script, kept = block.replace(FIRST_ADDRESS, self.hub.url), self.folder / ".shell"
        keep = f'trap \'{{ export -p; printf "cd %q\\n" "$PWD"; }} > {kept}\' EXIT'
        done = subprocess.run(
            ["/bin/bash", "-c", f". {kept}\nset -e\n{keep}\n{script}"],
            cwd=self.folder,
            env={"PATH": "/usr/bin:/bin", "HOME": str(self.folder)},
            # Whatever asks gets Enter.
            input="\n" * 100,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        self.answer, self.status = done.stdout.replace(self.hub.url, FIRST_ADDRESS), done.returncode
        return self.answer

    def write(self, block: str) -> None:
        """Write a block into the policy, as a person does: the one where the shell is."""
        here = Path((self.folder / ".shell").read_text().rpartition("\ncd ")[2].strip())
        policy = here / "platform.yaml" if here != self.folder else self.hub.policy
        document = merge(load_yaml(policy.read_text()), load_yaml(block))
        text = StringIO()
        YAML().dump(document, text)
        policy.write_text(text.getvalue())

    def put_back(self) -> None:
        """Stop what runs and take back what was written, for the next page."""
        admin = self.hub.token("admin")
        for user in admin.get("users").json():
            for name in user["servers"]:
                admin.stop(user["name"], name)
        wait_for(lambda: not any(u["servers"] for u in admin.get("users").json()), "the stops")
        self.hub.policy.write_text(EXAMPLE.read_text())
        assert admin.post("platform/reload").status_code == 200
        undo = {"to": 1, "reason": "the next page"}
        undone = admin.post("platform/policy/rollback", json=undo, headers={"If-Match": "*"})
        assert undone.status_code in {200, 409}, undone.text


@pytest.fixture
def checkout(hub: LiveHub, tmp_path: Path) -> Iterator[Checkout]:
    (tmp_path / ".venv").symlink_to(Path(sys.executable).parent.parent)
    (tmp_path / ".jupyterhub-platform").symlink_to(hub.state)
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    (tmp_path / ".shell").touch()
    if not (hub.state / "platform.yaml").exists():
        (hub.state / "platform.yaml").symlink_to(hub.policy)
    checkout = Checkout(hub, tmp_path)
    yield checkout
    checkout.put_back()


def find_block(word: str, page: Path = README) -> str:
    (block,) = (
        block for language, block in list_fences(page) if language == "sh" and word in block
    )
    return block


def test_commands_of_jhp_are_found_and_answer(checkout: Checkout) -> None:
    answer = checkout.paste(find_block("jhp doctor"))
    assert checkout.status == 0, answer
    assert "all well" in answer
    assert "Valid: " in answer


def test_third_server_is_refused_with_the_words_that_are_shown(checkout: Checkout) -> None:
    shown = next(block for _, block in list_fences(README) if block.startswith('{"status"'))
    answer = checkout.paste(find_block("TOKEN="))
    # Starts that are under way answer with nothing, or with the server.
    assert json.loads(answer[answer.index('{"status"') :]) == json.loads(shown)


def find_missing(shown: str, answer: str) -> list[str]:
    """Return the lines that are shown and did not come; `…` stands for anything."""
    lines = {re.sub(r"\s+", " ", line).strip() for line in answer.splitlines()}
    missing = []
    for line in filter(None, (re.sub(r"\s+", " ", line).strip() for line in shown.splitlines())):
        pattern = ".*".join(map(re.escape, line.split("…")))
        if not any(re.fullmatch(pattern, each) for each in lines):
            missing.append(line)
    return missing


def test_a_line_that_did_not_come_is_noticed() -> None:
    assert find_missing("a  b\n…\nc … e\n", "a b\nc d e\n") == []
    assert find_missing("a b\nb\n", "a b c\nb\n") == ["a b"]


@pytest.mark.parametrize("page", FOLLOWED)
def test_page_works_as_it_is_typed(page: str, checkout: Checkout) -> None:
    blocks = list_fences(ROOT / "docs" / f"{page}.md")
    assert any(language == "sh" for language, _ in blocks)
    if not any(ACTIVATION in block for _, block in blocks):
        checkout.paste(find_block(ACTIVATION, ROOT / "docs" / "README.md"))
    is_answered = True
    for language, block in blocks:
        if language == "sh":
            assert checkout.status == 0 or is_answered, checkout.answer
            is_answered = False
            if not block.startswith(STARTED):
                checkout.paste(block)
        elif language in SHOWN:
            assert find_missing(block, checkout.answer) == [], checkout.answer
            is_answered = True
        elif language == "yaml" and load_yaml(block).keys() <= KEYS_OF_POLICY:
            checkout.write(block)
    assert checkout.status == 0 or is_answered, checkout.answer
