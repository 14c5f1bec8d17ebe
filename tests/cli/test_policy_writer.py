"""Files of a policy are written where a Hub reads them: each whole, and killed anywhere, again."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from jupyterhub_platform.cli.deploy import policy_writer
from jupyterhub_platform.cli.deploy.found_files import FoundFiles, find_files
from jupyterhub_platform.cli.deploy.policy_writer import write_policy
from jupyterhub_platform.policy_files import PolicyFiles, read_policy

REST = """\
groups: {vision: {members: [root]}}
images: {lab: {reference: "lab:1"}}
tiers: {small: {requests: {cpu: 1, memory: 1Gi}, images: [lab]}}
"""
OLD = {
    "site.yaml": f"version: 1\ninclude: [people, more.yaml]\n{REST}",
    "people/a.yaml": "users: {root: {level: admin}}\n",
    "people/b.yaml": "users: {kim: {level: user}}\n",
    "more.yaml": "users: {lee: {level: user}}\n",
}
NEW = {
    "site.yaml": f"version: 1\ninclude: [people, deep/er]\n{REST}",
    "people/a.yaml": "\ufeffusers: {root: {level: admin, title: Röt}}\n",
    "deep/er/c.yaml": "users: {max: {level: user}}\n",
}


def make(folder: Path, files: Mapping[str, str]) -> FoundFiles:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return find_files(folder / "site.yaml")


def test_a_policy_of_one_file_is_written_once(tmp_path: Path) -> None:
    found = make(tmp_path, {"site.yaml": f"version: 1\nusers: {{root: {{level: admin}}}}\n{REST}"})
    target = tmp_path / "state" / "platform.yaml"
    target.parent.mkdir()
    assert write_policy(found, target) == ["platform.yaml"]
    assert read_policy(target).digest == found.digest
    assert target.stat().st_mode & 0o777 == 0o600
    assert write_policy(found, target) == []


def test_only_what_differs_is_written_and_what_is_left_over_goes(tmp_path: Path) -> None:
    target = tmp_path / "state" / "site.yaml"
    target.parent.mkdir()
    write_policy(make(tmp_path / "old", OLD), target)
    (target.parent / "own.txt").write_text("not ours")
    found = make(tmp_path / "new", NEW)
    written = write_policy(found, target)
    assert written == ["deep/er/c.yaml", "more.yaml", "people/a.yaml", "people/b.yaml", "site.yaml"]
    assert read_policy(target).digest == found.digest
    assert (target.parent / "own.txt").exists()
    assert [each.text for each in PolicyFiles(target).find()] == [each.text for each in found.files]


class KilledError(BaseException):
    """Ends a write as a signal would that cannot be caught."""


@pytest.mark.parametrize("step", range(9))
def test_killed_at_any_step_the_next_write_ends_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    target = tmp_path / "state" / "site.yaml"
    target.parent.mkdir()
    write_policy(make(tmp_path / "old", OLD), target)
    found, left = make(tmp_path / "new", NEW), iter(range(step))

    def unless_killed(call: Callable[..., Any]) -> Callable[..., Any]:
        def do(*words: Any, **named: Any) -> Any:
            if next(left, None) is None:
                raise KilledError
            return call(*words, **named)

        return do

    with monkeypatch.context() as patched:
        # What a process does to the disk, one call at a time.
        patched.setattr(os, "open", unless_killed(os.open))
        patched.setattr(Path, "replace", unless_killed(Path.replace))
        patched.setattr(Path, "unlink", unless_killed(Path.unlink))
        try:
            write_policy(found, target)
        except KilledError:
            pass
        else:
            pytest.fail("it was not killed")
    for name, text in OLD.items():
        now = target.parent / name
        assert not now.exists() or now.read_text() in {text, NEW.get(name)}
    write_policy(found, target)
    assert read_policy(target).digest == found.digest


def test_the_writer_does_not_read_what_is_no_policy(tmp_path: Path) -> None:
    found = make(tmp_path / "new", NEW)
    target = tmp_path / "state" / "site.yaml"
    target.parent.mkdir()
    target.write_text("include: [nowhere]\n")
    write_policy(found, target)
    assert read_policy(target).digest == found.digest
    assert policy_writer.write_policy(found, target) == []
