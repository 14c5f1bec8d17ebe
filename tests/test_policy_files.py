"""The files of a policy are found below its folder, and seen to change as one."""

import os
from pathlib import Path

import pytest

from jupyterhub_platform.core.errors import PolicyError
from jupyterhub_platform.documents import MAX_TOTAL_BYTES, parse_revision
from jupyterhub_platform.policy_files import MAX_FILES, PolicyFiles, read_policy

MAIN = """\
version: 1
include: [tiers.yaml, people]
users:
  root: {level: admin}
images:
  lab: {reference: example/lab:1}
"""
TIERS = "tiers:\n  small: {requests: {cpu: 1, memory: 1Gi}, images: [lab]}\n"
VISION = "users:\n  kim: {title: Kim}\ngroups:\n  vision: {members: [kim]}\n"
NLP = "users:\n  lee: {groups: [vision]}\n"


def write(folder: Path, main: str = MAIN) -> Path:
    (folder / "people").mkdir(parents=True)
    (folder / "platform.yaml").write_text(main)
    (folder / "tiers.yaml").write_text(TIERS)
    (folder / "people" / "vision.yaml").write_text(VISION)
    (folder / "people" / "nlp.yml").write_text(NLP)
    return folder / "platform.yaml"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return write(tmp_path)


def faults_in(path: Path) -> list[str]:
    with pytest.raises(PolicyError) as caught:
        read_policy(path)
    return [str(each).replace(f"{path.parent}/", "") for each in caught.value.faults]


def include(path: Path, *entries: str) -> Path:
    path.write_text(MAIN.replace("[tiers.yaml, people]", str([*entries])))
    return path


def test_a_folder_is_its_yaml_files_in_the_order_of_their_names(file: Path) -> None:
    for name in (".hidden.yaml", "notes.txt", "vision.yaml~"):
        (file.parent / "people" / name).write_text("- no policy\n")
    read = read_policy(file)
    names = [each.name for each in read.files]
    assert names == ["platform.yaml", "tiers.yaml", "people/nlp.yml", "people/vision.yaml"]
    assert list(read.policy.people) == ["root", "lee", "kim"]
    assert read.policy.groups["vision"].members == {"kim", "lee"}


def test_every_line_has_its_file(file: Path) -> None:
    lines = {path: str(place) for path, place in read_policy(file).policy.lines.items()}
    assert lines["users.root"] == f"{file}:4"
    assert lines["tiers.small"] == f"{file.parent}/tiers.yaml:2"
    assert lines["users.kim"] == f"{file.parent}/people/vision.yaml:2"
    assert lines["users.lee"] == f"{file.parent}/people/nlp.yml:2"


def test_faults_of_all_files_are_in_the_order_of_the_files(file: Path) -> None:
    file.write_text(MAIN.replace("admin", "boss"))
    (file.parent / "tiers.yaml").write_text(TIERS.replace("1Gi", "lots"))
    (file.parent / "people" / "nlp.yml").write_text(NLP.replace("vision", "visoin"))
    places = [fault.partition(": ")[0] for fault in faults_in(file)]
    assert places == ["platform.yaml:4", "tiers.yaml:2", "people/nlp.yml:2"]


def test_files_that_are_no_yaml_are_reported_together(file: Path) -> None:
    (file.parent / "tiers.yaml").write_text("tiers: [\n")
    (file.parent / "people" / "nlp.yml").write_bytes(b"users:\n  \xff: {}\n")
    assert faults_in(file) == [
        "tiers.yaml:2: what opens here is never closed; close it",
        "people/nlp.yml:2: the byte 0xff is not UTF-8; save the document as UTF-8",
    ]


@pytest.mark.parametrize(
    ("entries", "fault"),
    [
        (
            ["tiers.yaml", "tiers.yaml"],
            (
                "platform.yaml:2: include.1: tiers.yaml is included twice, "
                "first at platform.yaml:2; name it once, itself or its folder"
            ),
        ),
        (
            ["people", "people/nlp.yml"],
            (
                "platform.yaml:2: include.1: people/nlp.yml is included "
                "twice, first at platform.yaml:2; name it once, itself or its folder"
            ),
        ),
        (
            ["platform.yaml"],
            (
                "platform.yaml:2: include.0: platform.yaml is the file that includes "
                "it; remove it here"
            ),
        ),
        (
            ["gone.yaml"],
            (
                "platform.yaml:2: include.0: gone.yaml cannot be read (No such file or "
                "directory); put it there, readable for the Hub, or remove this line"
            ),
        ),
        (
            ["empty"],
            ("platform.yaml:2: include.0: the folder empty has no *.yaml or *.yml; put one there"),
        ),
        (
            ["pipe"],
            (
                "platform.yaml:2: include.0: pipe is no file, and no folder that can be listed; "
                "name a file, or a folder of files"
            ),
        ),
        (
            ["out.yaml"],
            (
                "platform.yaml:2: include.0: out.yaml leads out of the folder of "
                "platform.yaml; put it there"
            ),
        ),
        (
            ["dangling.yaml"],
            (
                "platform.yaml:2: include.0: dangling.yaml cannot be read (No such file "
                "or directory); put it there, readable for the Hub, or remove this line"
            ),
        ),
        (
            ["../x.yaml"],
            (
                "platform.yaml:2: include.0: “../x.yaml” has a part that begins with a dot; "
                "name what is below the folder of this file, and is not hidden"
            ),
        ),
        (
            ["/etc/x.yaml"],
            (
                "platform.yaml:2: include.0: “/etc/x.yaml” is no path below the folder of "
                "this file; write for example people/vision.yaml, or people for all files there"
            ),
        ),
        (
            ["odd"],
            (
                "platform.yaml:2: include.0: odd/\\udcff.yaml has a name that cannot be shown; "
                "rename it"
            ),
        ),
    ],
)
def test_what_cannot_be_included_is_a_fault_at_its_line(
    file: Path, entries: list[str], fault: str
) -> None:
    folder = file.parent
    (folder / "empty").mkdir()
    os.mkfifo(folder / "pipe")
    (folder / "out.yaml").symlink_to("/etc/hosts")
    (folder / "dangling.yaml").symlink_to("nowhere")
    (folder / "odd").mkdir()
    Path(os.fsdecode(os.fsencode(folder / "odd") + b"/\xff.yaml")).write_text(NLP)
    include(file, *entries)
    assert faults_in(file) == [fault]


def test_a_file_that_only_its_name_makes_another_is_included_twice(file: Path) -> None:
    (file.parent / "people" / "again.yaml").symlink_to("nlp.yml")
    assert "people/nlp.yml is included twice" in faults_in(file)[0]


def test_a_cycle_is_refused_with_both_places(file: Path) -> None:
    (file.parent / "people" / "nlp.yml").write_text("include: [vision.yaml]\n")
    (file.parent / "people" / "vision.yaml").write_text("\ninclude: [nlp.yml]\n")
    rest = "name the files there, and remove it here"
    assert [each.replace(f"{file.parent}/", "") for each in faults_in(file)] == [
        f"people/{name}: include: stands in platform.yaml alone, which includes this file at "
        f"platform.yaml:2; {rest}"
        for name in ("nlp.yml:1", "vision.yaml:2")
    ]


def test_all_faults_of_what_is_included_are_reported_at_once(file: Path) -> None:
    found = faults_in(include(file, "gone.yaml", "../x", "tiers.yaml", "tiers.yaml"))
    assert [fault.split(":")[2] for fault in found] == [" include.0", " include.1", " include.3"]


def test_files_are_bounded_together(file: Path) -> None:
    comment = "# a comment\n" * (2**24 // 12 - 10)
    for number in range(MAX_TOTAL_BYTES // 2**24 + 1):
        (file.parent / "people" / f"long{number}.yaml").write_text(comment)
    assert "all files together are larger than 64 MiB" in faults_in(file)[0]


def test_files_are_counted(file: Path) -> None:
    for number in range(MAX_FILES):
        (file.parent / "people" / f"{number}.yaml").write_text("users: {}\n")
    assert "these are more than 1,000 files" in faults_in(file)[0]


def test_one_file_is_parsed_again_and_no_other(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files, first = PolicyFiles(file), PolicyFiles(file).read()
    files.read()
    (file.parent / "people" / "nlp.yml").write_text(NLP.replace("lee", "ann"))
    again = files.read()
    assert list(again.policy.people) == ["root", "ann", "kim"]
    assert again.digest != first.digest
    known = files.read().document["users"]
    assert files.read().document["users"]["kim"] is known["kim"]
    (file.parent / "people" / "vision.yaml").write_text(VISION + "\n")
    assert files.read().document["users"]["kim"] is not known["kim"]


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: (folder / "platform.yaml").write_text(MAIN + "name: Lab\n"),
        lambda folder: (folder / "tiers.yaml").write_text(TIERS + "\n"),
        lambda folder: (folder / "people" / "nlp.yml").write_text(NLP + "\n"),
        lambda folder: (folder / "people" / "new.yaml").write_text("users: {ann: {}}\n"),
        lambda folder: (folder / "people" / "nlp.yml").unlink(),
        lambda folder: (folder / "people" / "nlp.yml").rename(folder / "people" / "old.yml"),
    ],
    ids=["first", "included", "in a folder", "added", "removed", "renamed"],
)
def test_whatever_changes_is_seen_and_is_another_digest(file: Path, change: object) -> None:
    files = PolicyFiles(file)
    seen, digest = files.see(), files.read().digest
    assert (files.see(), files.read_digest(None)) == (seen, digest)
    change(file.parent)  # type: ignore[operator]
    assert files.see() != seen
    assert files.read_digest(digest) != digest


def test_what_is_included_next_is_seen_before_it_is_read(file: Path) -> None:
    files = PolicyFiles(file)
    include(file, "people", "tiers.yaml", "more.yaml")
    seen = files.see()
    (file.parent / "more.yaml").write_text("users: {ann: {}}\n")
    assert files.see() != seen
    # Until it can be read, what was included before is looked at.
    file.write_text("include: [")
    seen = files.see()
    (file.parent / "more.yaml").write_text("users: {}\n")
    assert files.see() != seen


def test_a_first_file_that_is_gone_is_seen_as_such(file: Path) -> None:
    files = PolicyFiles(file)
    seen, changed = files.see(), files.read_time()
    assert abs(changed - file.stat().st_ctime) < 60
    for each in (*file.parent.glob("*.yaml"), *file.parent.glob("people/*")):
        each.unlink()
    assert files.see() != seen
    assert files.read_time() == 0
    with pytest.raises(FileNotFoundError):
        files.read()


def test_the_digest_is_that_of_what_sha256sum_prints(file: Path) -> None:
    from hashlib import sha256

    names = ["platform.yaml", "tiers.yaml", "people/nlp.yml", "people/vision.yaml"]
    sums = [sha256((file.parent / each).read_bytes()).hexdigest() for each in names]
    printed = "".join(f"{each}  {name}\n" for each, name in zip(sums, names, strict=True))
    assert read_policy(file).digest == f"sha256:{sha256(printed.encode()).hexdigest()}"


def test_a_revision_is_read_as_the_files_were(file: Path) -> None:
    (file.parent / "people" / "nlp.yml").write_text("\n\nusers:\n  jörg: {groups: [vision]}")
    read = read_policy(file)
    again = parse_revision(read.text, "platform.yaml")
    assert again.document == read.document
    assert again.text == read.text
    assert again.digest == read.digest
    assert str(again.policy.lines["users.jörg"]) == "people/nlp.yml:4"
    alone = include(file, "x")
    alone.write_text(MAIN.replace("include: [tiers.yaml, people]\n", TIERS))
    assert read_policy(alone).text == alone.read_text()


def publish(volume: Path, name: str, texts: dict[str, str]) -> None:
    """Put files there as Kubernetes does: in a folder of their own, to which one link is moved."""
    new = volume / f"..{name}"
    for path, text in texts.items():
        (new / path).parent.mkdir(parents=True, exist_ok=True)
        (new / path).write_text(text)
    (volume / "..data_tmp").symlink_to(new.name)
    (volume / "..data_tmp").rename(volume / "..data")
    for top in {path.partition("/")[0] for path in texts}:
        if not (volume / top).is_symlink():
            (volume / top).symlink_to(f"..data/{top}")


def test_a_volume_of_kubernetes_is_read_through_its_links(tmp_path: Path) -> None:
    texts = {"platform.yaml": MAIN, "tiers.yaml": TIERS, "people/vision.yaml": VISION}
    publish(tmp_path, "first", texts)
    files = PolicyFiles(tmp_path / "platform.yaml")
    seen, first = files.see(), files.read()
    assert list(first.policy.people) == ["root", "kim"]
    publish(tmp_path, "second", {**texts, "people/vision.yaml": VISION.replace("kim", "ann")})
    assert files.see() != seen
    assert list(files.read().policy.people) == ["root", "ann"]


def test_files_are_those_of_one_time(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    swaps = 0
    people, aside = file.parent / "people", file.parent / "aside"
    aside.mkdir()
    for each in people.iterdir():
        (aside / each.name).write_text(each.read_text().replace("kim", "ann"))
    real = PolicyFiles.see
    files = PolicyFiles(file)
    seen = real(files)
    from jupyterhub_platform import policy_files

    read = policy_files.read_bytes

    def swapping(path: Path) -> bytes:
        nonlocal swaps
        text = read(path)
        if path.name == "nlp.yml" and not swaps:
            swaps += 1
            people.rename(file.parent / "before")
            aside.rename(people)
        return text

    monkeypatch.setattr(policy_files, "read_bytes", swapping)
    assert list(files.read().policy.people) == ["root", "lee", "ann"]
    assert real(files) != seen


def test_files_that_never_rest_are_not_read(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from jupyterhub_platform import policy_files

    read = policy_files.read_bytes

    def changing(path: Path) -> bytes:
        with (file.parent / "tiers.yaml").open("a") as tiers:
            tiers.write("# more\n")
        return read(path)

    monkeypatch.setattr(policy_files, "read_bytes", changing)
    assert faults_in(file) == [
        "platform.yaml: its files change while they are read; try again when all are there"
    ]


def test_a_pipe_includes_nothing(tmp_path: Path) -> None:
    import subprocess
    import sys

    done = subprocess.run(
        [sys.executable, "-m", "jupyterhub_platform", "validate", "/dev/stdin"],
        input=MAIN, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stdout.startswith("/dev/stdin:2: include: there is no folder")
