"""What is written is so: the reference is current, names that are used exist, examples work."""

import ast
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import click
import pytest
from ruamel.yaml import YAML
from traitlets.config import Configurable

from jupyterhub_platform.cli.main import VERBS, main
from jupyterhub_platform.core.decision import decide
from jupyterhub_platform.core.document.compile import compile_policy
from jupyterhub_platform.core.managed import Kind
from jupyterhub_platform.core.options import read_options
from jupyterhub_platform.core.question import ask, subject_of
from jupyterhub_platform.core.reservations import Reservation
from jupyterhub_platform.documents import parse_policy
from jupyterhub_platform.hub.auth.authenticator import PlatformAuthenticator
from jupyterhub_platform.hub.kubernetes.guard.forbidden_fields import find_forbidden
from jupyterhub_platform.hub.kubernetes.spawner import PlatformKubeSpawner
from jupyterhub_platform.hub.local.spawner import PlatformLocalSpawner
from jupyterhub_platform.hub.platform import Platform
from jupyterhub_platform.hub.routes import platform_handlers
from jupyterhub_platform.policy_files import read_policy
from jupyterhub_platform.service.app import ROUTES
from jupyterhub_platform.store.store import Store
from jupyterhub_platform.usecases.book import Book
from jupyterhub_platform.usecases.managed_steps import CHANGED, MADE, RETIRED
from tests.support.postgres import find_programs

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "jupyterhub_platform"
REFERENCE = ROOT / "docs" / "reference"
EXAMPLE = ROOT / "examples" / "local" / "platform.yaml"
FIRST_SCREEN_LINES = 40

PAGES = sorted(
    [
        *(ROOT / f"{name}.md" for name in ("README", "ARCHITECTURE", "CONTRIBUTING", "CHANGELOG")),
        *(ROOT / "docs").rglob("*.md"),
        *(ROOT / "helm-values").glob("*.md"),
    ]
)
HOW_TOS = [page for page in PAGES if REFERENCE not in page.parents]

FAMILIES = (
    *(
        "bulk",
        "options",
        "person",
        "level",
        "account",
        "tier",
        "size",
        "quota",
        "capacity",
        "server",
        "cluster",
    ),
    *("pod", "platform", "request", "query", "policy", "identity", "password", "invite"),
    *("admission", "suspension", "doctor", "managed", "user", "group", "image", "grant"),
    *("token", "share", "share_code", "service", "proxy", "hub", "call", "login"),
    *("notice", "notices", "audit"),
)
CODE = re.compile(rf"(?:{'|'.join(FAMILIES)})(?:\.[a-z][a-z_]*)+")
FILE_ENDINGS = (
    ".yaml",
    ".sqlite",
    ".html",
    ".css",
    ".js",
    ".json",
    ".log",
    ".pid",
    ".sock",
    ".lock",
)


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


def each_page(pages: Iterable[Path] = PAGES) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("page", list(pages), ids=name_of)


def list_fences(page: Path) -> list[tuple[str, str]]:
    """Return the language and the text of every code block, without the indent of a list."""
    found = re.findall(r"^( *)```(\w*)\n(.*?)^\1```$", page.read_text(), re.MULTILINE | re.DOTALL)
    return [
        (language, re.sub(rf"^{indent}", "", text, flags=re.MULTILINE))
        for indent, language, text in found
    ]


def drop_fences(text: str) -> str:
    return re.sub(r"^( *)```.*?^\1```$", "", text, flags=re.MULTILINE | re.DOTALL)


def list_literals(paths: Iterable[Path]) -> Iterator[str]:
    for path in paths:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value


@cache
def list_all_literals() -> frozenset[str]:
    return frozenset(list_literals(PACKAGE.rglob("*.py")))


def load_yaml(text: str) -> Any:
    return YAML(typ="safe").load(text)


# -- the reference -------------------------------------------------------------------------------


def check_reference(root: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, root / "tools" / "reference.py", "--check"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_reference_is_what_the_code_says():
    checked = check_reference(ROOT)
    assert checked.returncode == 0, checked.stderr


def test_reference_that_was_changed_by_hand_is_noticed(tmp_path):
    tools = tmp_path / "tools"
    shutil.copytree(ROOT / "tools" / "reference_pages", tools / "reference_pages")
    for name in ("reference.py", "progress.py"):
        shutil.copy(ROOT / "tools" / name, tools / name)
    pages = tmp_path / "docs" / "reference"
    pages.mkdir(parents=True)
    for page in REFERENCE.iterdir():
        (pages / page.name).write_text(page.read_text())
    with (pages / "levels.md").open("a") as page:
        page.write("More.\n")
    checked = check_reference(tmp_path)
    assert checked.returncode == 1
    assert [line for line in checked.stderr.splitlines() if "Not current" in line] == [
        "Not current: docs/reference/levels.md"
    ]


def documented_codes() -> set[str]:
    return set(re.findall(r"^\| `([^`]+)` \|", (REFERENCE / "codes.md").read_text(), re.MULTILINE))


def codes_in_the_code() -> set[str]:
    return {
        text
        for text in list_all_literals()
        if CODE.fullmatch(text) and not text.endswith(FILE_ENDINGS)
    } | {f"{kind}.{change}" for kind in Kind for change in (MADE, CHANGED, RETIRED)}


def test_tokens_are_not_said_to_be_in_the_address_that_a_form_posts_to() -> None:
    posts = re.findall(
        r"^\| `POST ([^`]+)` \|.*$", (REFERENCE / "rest.md").read_text(), re.MULTILINE
    )
    assert "/hub/invite/" in posts
    assert [path for path in posts if "?" in path] == []


def test_every_code_is_documented():
    assert sorted(codes_in_the_code() - documented_codes()) == []


def test_no_code_is_documented_that_does_not_exist():
    named = {code for code in documented_codes() if not code.endswith((".RESOURCE", ".tier"))}
    assert sorted(named - codes_in_the_code()) == []


@pytest.mark.parametrize(
    ("options", "held", "code"),
    [
        ({"tier": "small"}, {"servers": 2}, "quota.servers"),
        ({"tier": "medium"}, {"cpu": 1500}, "quota.cpu"),
        ({"tier": "small"}, {"servers": 12}, "capacity.servers"),
    ],
)
def test_codes_of_limits_belong_to_a_documented_family(options, held, code):
    policy = read_policy(EXAMPLE).policy
    book = Book()
    now = datetime(2026, 1, 1, tzinfo=UTC)
    demand = policy.tiers["small"].demand.__class__.of(held)
    book.enter(Reservation("1", "dev1", "", 1, "vision", "small", "lab", demand, now))
    subject = subject_of(policy, "dev1", frozenset(), None)
    question = ask(policy, book, subject, "b", read_options(options), now=now, revision=1)
    codes = decide(question).codes
    assert code in codes
    families = {re.sub(r"\..*", ".RESOURCE", each) for each in codes}
    assert families <= documented_codes()


def test_every_variable_that_is_read_is_documented():
    read = {text for text in list_all_literals() if re.fullmatch(r"PLATFORM_[A-Z_]+", text)}
    settings = (REFERENCE / "settings.md").read_text()
    assert "PLATFORM_DB_URL" in read
    assert sorted(name for name in read if f"`{name}`" not in settings) == []


# -- links and names -----------------------------------------------------------------------------


def anchors_of(page: Path) -> set[str]:
    """Return the anchors that git hosts make of headings."""
    headings = re.findall(r"^#+ (.+)$", drop_fences(page.read_text()), re.MULTILINE)
    kept = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings)
    return {heading.strip().replace(" ", "-") for heading in kept}


@each_page()
def test_every_relative_link_leads_somewhere(page):
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", drop_fences(page.read_text())):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        place = (page.parent / path).resolve() if path else page
        if not place.exists() or (anchor and anchor not in anchors_of(place)):
            broken.append(target)
    assert broken == []


def test_every_page_is_linked_from_the_index():
    index = (ROOT / "docs" / "README.md").read_text()
    pages = [page.relative_to(ROOT / "docs") for page in PAGES if ROOT / "docs" in page.parents]
    linked = [str(page) for page in pages if page.name not in {"README.md", "index.md"}]
    assert [page for page in linked if f"({page})" not in index] == []


def list_commands(page: Path, program: str) -> Iterator[list[str]]:
    """Yield the words after ``program`` in every line of shell, and in every `literal` of prose."""
    text = page.read_text()
    lines = [
        line
        for language, block in list_fences(page)
        if language in {"sh", "console", "text"}
        for line in block.replace("\\\n", " ").splitlines()
    ]
    lines += re.findall(r"`([^`\n]+)`", drop_fences(text))
    for line in lines:
        words = shlex.split(line.removeprefix("$ ").replace("'", ""), comments=True)
        while words and re.fullmatch(r"\w+=.*", words[0]):
            words.pop(0)
        if words and words[0] == program:
            yield words[1:]


def find_command_fault(words: list[str]) -> str:
    verb = words[0] if words else ""
    if verb.startswith("-") or not verb:
        return ""
    if verb not in VERBS:
        return f"jhp has no verb {verb}"
    command = main.get_command(click.Context(main), verb)
    assert command is not None
    if isinstance(command, click.Group):
        below = words[1] if len(words) > 1 else ""
        if below not in command.commands:
            return f"jhp {verb} has no {below}"
        command, verb = command.commands[below], f"{verb} {below}"
    known = {name for parameter in command.params for name in parameter.opts} | {"--help"}
    used = [word.partition("=")[0] for word in words if word.startswith("--")]
    return ", ".join(f"jhp {verb} has no {option}" for option in used if option not in known)


@each_page(HOW_TOS)
def test_commands_of_jhp_exist(page):
    assert list(filter(None, map(find_command_fault, list_commands(page, "jhp")))) == []


def test_commands_that_do_not_exist_are_noticed():
    assert find_command_fault(["fly"]) == "jhp has no verb fly"
    assert find_command_fault(["up", "--colour", "red"]) == "jhp up has no --colour"
    assert find_command_fault(["audit", "fly"]) == "jhp audit has no fly"
    assert find_command_fault(["audit", "verify", "--x"]) == "jhp audit verify has no --x"
    assert find_command_fault(["audit", "verify", "--no-log"]) == ""
    assert find_command_fault(["invite", "kim", "--hours", "3"]) == ""


@each_page(HOW_TOS)
def test_commands_of_make_exist(page):
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    variables = set(re.findall(r"\$\(([A-Z_]+)\)", makefile)) | {"HOST", "PYTHON"}
    for words in list_commands(page, "make"):
        for word in words:
            name, equals, _ = word.partition("=")
            assert name in (variables if equals else targets | {"&"}), word


def test_the_first_screen_has_the_two_commands():
    readme = ROOT / "README.md"
    head = "\n".join(readme.read_text().splitlines()[:FIRST_SCREEN_LINES])
    assert re.search(r"^make hub +#", head, re.MULTILINE)
    assert re.search(r"^make test +#", head, re.MULTILINE)


CLASSES: Mapping[str, type[Configurable]] = {
    each.__name__: each
    for each in (Platform, PlatformAuthenticator, PlatformLocalSpawner, PlatformKubeSpawner)
}


@each_page([*HOW_TOS, ROOT / "helm-values" / "base.yaml"])
def test_settings_that_are_named_exist(page):
    for cls, trait in re.findall(r"\bc\.(Platform\w*)\.([a-z]\w+)", page.read_text()):
        assert trait in CLASSES[cls].class_trait_names(config=True), f"c.{cls}.{trait}"


@each_page(HOW_TOS)
def test_metrics_that_are_named_exist(page):
    names = set(re.findall(r"\bjupyterhub_platform_[a-z_]+", page.read_text()))
    assert names <= list_all_literals()


def test_every_metric_is_described_with_its_labels():
    described = (ROOT / "docs" / "operations.md").read_text()
    source = ast.parse((PACKAGE / "hub" / "metrics" / "platform_metrics.py").read_text())
    calls = [node.value for node in source.body if isinstance(node, ast.Assign)]
    made = [[ast.literal_eval(each) for each in c.args] for c in calls if isinstance(c, ast.Call)]
    assert len(made) >= 5
    for name, _, *labels in made:
        told = f"{name}{{{', '.join(labels[0])}}}" if labels else name
        assert f"| `{told}` |" in described


@each_page(HOW_TOS)
def test_routes_that_are_named_exist(page):
    hub = [f"/hub{pattern}" for pattern, *_ in platform_handlers()]
    service = [f"/services/platform/{pattern}" for pattern, _ in ROUTES if "*" not in pattern]
    # `GET /hub/api/platform/` alone is the prefix of all.
    text = page.read_text()
    found = re.findall(
        r"(/hub/api/platform/\w[^\s`\"?>…]*|/services/platform/\w[^\s`\"?>…]*)", text
    )
    unknown = [
        each
        for each in found
        if not any(re.fullmatch(p, each.replace("NAME", "a").rstrip("/.,")) for p in hub + service)
        and not each.endswith(("/api/v1", "/decisions/5f0c"))
    ]
    assert unknown == []


def test_architecture_names_what_is_there():
    text = (ROOT / "ARCHITECTURE.md").read_text()
    named = set(re.findall(r"`([a-z_]+/[a-z_/]*[a-z_]+\.py)`", text))
    assert len(named) > 10
    tops = (ROOT, PACKAGE)
    assert sorted(n for n in named if not any((top / n).exists() for top in tops)) == []


def test_tree_of_the_architecture_is_the_tree():
    tree = next(block for _, block in list_fences(ROOT / "ARCHITECTURE.md") if "core/" in block)
    folder = PACKAGE
    missing = []
    for line in tree.splitlines()[2:]:
        names = line.strip().split("  ")[0].split()
        inner = line.startswith("    ")
        if not inner and line.startswith("  "):
            folder = PACKAGE / names[0] if names[0].endswith("/") else PACKAGE
            names = [] if folder != PACKAGE else names[:1]
        top = ROOT if line.startswith(("tests/", "helm-values/")) else folder
        missing += [n for n in names if re.search(r"\.py$|/$", n) and not list(top.glob(n))]
    assert missing == []


def test_architecture_shows_every_floor():
    tree = next(block for _, block in list_fences(ROOT / "ARCHITECTURE.md") if "core/" in block)
    floors = {
        path.name + ("/" if path.is_dir() else "")
        for path in PACKAGE.iterdir()
        if (path.suffix == ".py" or path.is_dir()) and not path.name.startswith("__")
    }
    assert sorted(floor for floor in floors if f"\n  {floor} " not in tree) == []


# -- examples ------------------------------------------------------------------------------------


def merge(onto: Any, document: Any) -> Any:
    if isinstance(onto, dict) and isinstance(document, dict):
        return {**onto, **{key: merge(onto.get(key), value) for key, value in document.items()}}
    if isinstance(onto, list) and isinstance(document, list):
        return onto + [each for each in document if each not in onto]
    return document


@each_page([ROOT / f"docs/{name}.md" for name in ("people", "policy", "identity-providers")])
def test_examples_of_policy_fit_the_sample(page):
    blocks = [block for language, block in list_fences(page) if language == "yaml"]
    assert blocks
    for block in blocks:
        sample = load_yaml(re.sub(r"(\d{4}-\d\d-\d\dT[\d:]+Z)", r'"\1"', EXAMPLE.read_text()))
        document = load_yaml(re.sub(r"(\d{4}-\d\d-\d\dT[\d:]+Z)", r'"\1"', block))
        compile_policy(merge(sample, document))


def test_policy_of_the_readme_is_valid():
    block = next(b for _, b in list_fences(ROOT / "README.md") if b.startswith("version:"))
    policy = parse_policy(block.encode(), "README.md").policy
    assert len(block.splitlines()) == 10
    assert policy.declared_groups("kim") == {"vision"}


@each_page([ROOT / "README.md", ROOT / "docs" / "read-a-denial.md"])
def test_denial_that_is_shown_is_the_one_of_the_sample(page):
    policy = read_policy(EXAMPLE).policy
    book = Book()
    now = datetime(2026, 1, 1, tzinfo=UTC)
    small = policy.tiers["small"].demand
    for server in ("", "second"):
        book.enter(Reservation(server, "dev1", server, 1, "vision", "small", "lab", small, now))
    subject = subject_of(policy, "dev1", frozenset(), None)
    options = read_options({"tier": "small"})
    question = ask(policy, book, subject, "third", options, now=now, revision=1)
    decision = decide(question)
    text = page.read_text()
    assert decision.say_to("dev1") in text
    shown = [json.loads(block) for language, block in list_fences(page) if language == "json"]
    assert shown in ([], [decision.denials[0].to_json(to="dev1")])


@each_page(HOW_TOS)
def test_python_and_json_that_are_shown_can_be_read(page):
    for language, block in list_fences(page):
        if language == "python":
            ast.parse(block)
        elif language == "json":
            json.loads(block)


# -- values for Zero to JupyterHub ---------------------------------------------------------------


def list_statements(text: str) -> list[str]:
    return [ast.unparse(node) for node in ast.parse(text).body]


@pytest.mark.parametrize("name", ["helm-values/base.yaml", "README.md"])
def test_chart_runs_the_same_lines_as_the_configuration(name):
    path = ROOT / name
    text = path.read_text()
    if path.suffix == ".md":
        text = next(block for _, block in list_fences(path) if "extraConfig" in block)
    extra = load_yaml(text)["hub"]["extraConfig"]
    # The chart runs them in the order of their names.
    assert max(extra) == "zz-platform"
    own = (ROOT / "jupyterhub_config.py").read_text()
    assert list_statements(extra["zz-platform"]) == list_statements(own)


def test_example_lets_in_the_container_of_the_chart_and_no_other_privilege():
    container = {
        "name": "block-cloud-metadata",
        "securityContext": {
            "privileged": True,
            "runAsUser": 0,
            "capabilities": {"add": ["NET_ADMIN"]},
        },
    }
    other = {"name": "other", "securityContext": {"privileged": True}}
    example = PlatformKubeSpawner.allowed_pod_fields.help
    allowed = set(re.findall(r'"(spec\.[^"]+)"', example))
    found = {path for path, _ in find_forbidden({"initContainers": [container, other]})}
    assert allowed <= found
    assert {path for path in found - allowed if "block-cloud-metadata" in path} == set()
    assert any("other" in path for path in found - allowed)


@pytest.mark.postgres
@pytest.mark.parametrize("scheme", ["postgresql+psycopg", "postgresql", "postgres"])
def test_a_store_in_postgresql_is_backed_up_as_it_is_written(
    postgres_url: str, scheme: str, tmp_path: Path
) -> None:
    url = f"{scheme}://{postgres_url.partition('://')[2]}"
    Store.open(url).close()
    text = (ROOT / "docs" / "operations.md").read_text()
    commands = re.findall(r"^(?:export DATABASE=|pg_dump ).*$", text, re.MULTILINE)
    assert len(commands) == 2
    environment = {"PATH": f"{find_programs()}:{os.environ['PATH']}", "PLATFORM_DB_URL": url}
    subprocess.run(
        ["/bin/sh", "-c", "\n".join(commands)], cwd=tmp_path, env=environment, check=True
    )
    assert "CREATE TABLE public.audit" in (tmp_path / "platform-backup.sql").read_text()
