"""The files of a new repository, made of answers alone: the same answers, the same bytes."""

import json
from collections.abc import Mapping
from functools import cache
from importlib.metadata import version
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined

from jupyterhub_platform.core.document.schema import render_schema
from jupyterhub_platform.core.document.schema_deployment import read_deployment
from jupyterhub_platform.core.levels import Level
from jupyterhub_platform.core.quantities import render_quantity
from jupyterhub_platform.deploy.render.manifests import DATABASE_KEYS, KEYS
from jupyterhub_platform.deploy.render.rendering import OVERLAYS, render
from jupyterhub_platform.deploy.render.script import SCRIPT
from jupyterhub_platform.deploy.repository.answers import LOCAL, NONE, Answers
from jupyterhub_platform.deploy.repository.pools import Pool
from jupyterhub_platform.deploy.repository.proposals import propose_tiers, total
from jupyterhub_platform.deploy.repository.questions import QUESTIONS, Texts, read_answers, text_of
from jupyterhub_platform.documents import parse_policy, render_mapping

ANSWERS: Final = "answers.yaml"
POLICY: Final = "platform.yaml"
_RELEASE: Final = "0.1.0"
_HOOK: Final = "gitops/push/post-receive"
_ANSWERS_HEAD: Final = (
    "# The answers of jhp init: jhp init --answers answers.yaml makes the same again.\n"
)


def make_contents(texts: Texts) -> dict[str, str]:
    """Return all files of a repository, by their paths.

    Raises
    ------
    AnswerError
        Raised if an answer cannot be taken.
    PolicyError
        Raised if what follows from the answers is no valid policy.
    """
    answers = read_answers(texts)
    names = _name_all(answers)
    templates = Environment(
        loader=PackageLoader("jupyterhub_platform.deploy.repository"),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - these are no pages
    )
    files = {
        path: templates.get_template(f"{name}.j2").render(names)
        for path, name in _list_templates(answers).items()
    }
    files[ANSWERS] = render_answers(texts)
    files["platform.schema.json"] = _render_schema()
    read = parse_policy(files[POLICY].encode(), POLICY)
    deployment = read_deployment(read.document)
    if deployment is None:
        raise AssertionError("the template of platform.yaml has lost its deployment")
    return files | dict(render(read, deployment).files)


@cache
def _render_schema() -> str:
    return json.dumps(render_schema(), indent=2, ensure_ascii=False) + "\n"


def render_answers(texts: Texts) -> str:
    """Return the file of answers: all that are asked at the target, defaults too."""
    target = texts["target"].split()[0]
    asked = [each for each in QUESTIONS if each.is_asked(target)]
    return _ANSWERS_HEAD + render_mapping({each.key: text_of(each, texts) for each in asked})


def name_apply(target: str) -> str:
    """Return the command that brings a repository into force."""
    return "jhp apply" if target == "laptop" else f"sh {SCRIPT}"


def _list_templates(answers: Answers) -> Mapping[str, str]:
    found = {
        POLICY: "platform.yaml",
        "README.md": "README.md",
        "RUNBOOK.md": "RUNBOOK.md",
        "CODEOWNERS": "CODEOWNERS",
        ".gitignore": "gitignore",
        "tests/smoke.ipynb": "smoke.ipynb",
    }
    if answers.place.target != "laptop":
        found[f"{OVERLAYS}/README.md"] = "overlays.md"
    if answers.engine.pipeline == "github":
        found[".github/workflows/platform.yaml"] = "github.yaml"
    if answers.engine.pipeline == "gitlab":
        found[".gitlab-ci.yml"] = "gitlab-ci.yml"
    if answers.engine.engine == "push":
        found[_HOOK] = "post-receive"
    if answers.secrets.backend == "sops":
        found[".sops.yaml"] = "sops.yaml"
    return found


def _name_all(answers: Answers) -> dict[str, Any]:
    registry = answers.egress.registry or "localhost"
    groups = [
        (name, list(dict.fromkeys(members or (answers.admin,))))
        for name, members in answers.groups.items()
    ]
    managers = {members[0] for _, members in groups}
    people = {user for _, members in groups for user in members} - {answers.admin}
    has_server = answers.place.target in {"eks", "eks-govcloud", "other"}
    logs_in = ("login-client-secret",) if answers.provider.kind != LOCAL else ()
    return {
        "name": "JupyterHub",
        "version": version("jupyterhub-platform"),
        "place": answers.place,
        "partition": "aws-us-gov" if answers.place.target == "eks-govcloud" else "aws",
        "on_cluster": answers.place.target != "laptop",
        "address": answers.address,
        "provider": answers.provider,
        "admin": answers.admin,
        "people": [
            (user, Level.MANAGER if user in managers else Level.DEVELOPER)
            for user in sorted(people)
        ],
        "groups": groups,
        "tiers": propose_tiers(answers.pools),
        "quota": total(answers.pools),
        "pools": [_write_pool(pool) for pool in answers.pools],
        "servers": answers.quota,
        "home": answers.home,
        "egress": answers.egress,
        "secrets": answers.secrets,
        "engine": answers.engine,
        "plan": "jhp plan" if answers.place.target == "laptop" else "jhp plan --against HEAD",
        "apply": name_apply(answers.place.target),
        "applies": answers.engine.engine == "push",
        "pipeline": answers.engine.pipeline or NONE,
        "alerts": answers.alerts,
        "hub": f"{registry}/jupyterhub-platform:{_RELEASE}",
        "singleuser": f"{registry}/jupyterhub-platform-singleuser:{_RELEASE}",
        "generated": KEYS,
        "given": (*(DATABASE_KEYS if has_server else ()), *logs_in),
        "quoted": json.dumps,
    }


def _write_pool(pool: Pool) -> Mapping[str, object]:
    amounts = (f"{key}: {render_quantity(key, each)}" for key, each in pool.capacity.items())
    return {
        "name": pool.name,
        "instance": pool.instance,
        "nodes": pool.nodes,
        "written": ", ".join(amounts),
    }
