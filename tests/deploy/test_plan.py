"""What rendered files do to a deployment: which part restarts, and what stays behind."""

import pytest

from jupyterhub_platform.core.errors import PolicyError
from jupyterhub_platform.deploy.plan import PartChange, RenderedFiles, compare_rendered

VALUES = """\
hub:
  image: {name: hub, tag: "1"}
  db: {type: sqlite-pvc, pvc: {storageClassName: fast}}
proxy: {secretToken: one, chp: {image: {tag: "5"}}, service: {type: ClusterIP}}
singleuser: {storage: {type: dynamic, dynamic: {storageClass: slow}}}
"""
SPACE = "apiVersion: v1\nkind: Namespace\nmetadata: {name: hub}\n"
ROLE = "kind: Role\nmetadata: {name: pods, namespace: hub}\nrules: []\n"
FILES = {"helm-values/00-base.yaml": VALUES, "manifests/all.yaml": f"{SPACE}---\n{ROLE}"}


def rendered(files: dict[str, str], *more: str) -> RenderedFiles:
    texts = {path: text.encode() for path, text in files.items()}
    return RenderedFiles(texts, ("helm-values/00-base.yaml", *more))


def compare(before: str, after: str) -> tuple[PartChange, ...]:
    changed = {path: text.replace(before, after) for path, text in FILES.items()}
    return compare_rendered(rendered(FILES), rendered(changed))


def changed(parts: tuple[PartChange, ...]) -> dict[str, tuple[str, bool]]:
    return {e.part: (e.change, e.destructive) for e in parts if e.change != "none"}


def test_the_same_files_restart_nothing() -> None:
    same = compare("", "")
    assert [(e.part, e.change) for e in same] == [("hub", "none"), ("proxy", "none")]
    assert compare_rendered(rendered(FILES), rendered(FILES, "helm-values/00-base.yaml")) == same


def test_the_first_files_install_everything() -> None:
    found = compare_rendered(None, rendered(FILES))
    assert changed(found) == {"hub": ("starts", False), "proxy": ("starts", False)}


@pytest.mark.parametrize(
    ("before", "after", "parts"),
    [
        ('name: hub, tag: "1"', 'name: hub, tag: "2"', {"hub": ("restarts", False)}),
        ("secretToken: one", "secretToken: two", {"proxy": ("restarts", True)}),
        ('tag: "5"', 'tag: "6"', {"proxy": ("restarts", True)}),
        ("type: ClusterIP", "type: NodePort", {}),
        (
            "type: sqlite-pvc",
            "type: postgres",
            {"hub": ("restarts", False), "database": ("changes", True)},
        ),
        ("fast", "other", {"hub": ("restarts", False), "storage": ("changes", True)}),
        ("slow", "other", {"hub": ("restarts", False), "storage": ("changes", True)}),
        ("rules: []", "rules: [{}]", {"Role hub/pods": ("changes", False)}),
        (SPACE, "", {"Namespace hub": ("changes", True)}),
        (ROLE, "", {"Role hub/pods": ("changes", False)}),
        (
            "name: pods,",
            "name: new,",
            {"Role hub/new": ("changes", False), "Role hub/pods": ("changes", False)},
        ),
    ],
)
def test_each_part_says_what_becomes_of_it(
    before: str, after: str, parts: dict[str, tuple[str, bool]]
) -> None:
    assert changed(compare(before, after)) == parts


def test_a_manifest_is_allowed_by_what_would_be_lost() -> None:
    (space,) = [each for each in compare(SPACE, "") if each.destructive]
    assert (space.part, space.code) == ("Namespace hub", "namespace")
    claim = "kind: PersistentVolumeClaim\nmetadata: {name: db}\nspec: {a: 1}\n"
    before = rendered(FILES | {"manifests/claim.yaml": claim})
    after = rendered(FILES | {"manifests/claim.yaml": claim.replace("a: 1", "a: 2")})
    codes = [each.code for each in compare_rendered(before, after) if each.destructive]
    assert codes == ["storage"]


def test_values_are_merged_in_the_order_of_helm() -> None:
    overlay = {"helm-values/overlays/own.yaml": "proxy: {secretToken: two}\n"}
    with_overlay = rendered(FILES | overlay, *overlay)
    hidden = FILES | {"helm-values/00-base.yaml": VALUES.replace("one", "three")} | overlay
    assert changed(compare_rendered(with_overlay, rendered(hidden, *overlay))) == {}
    assert changed(compare_rendered(rendered(FILES), with_overlay)) == {"proxy": ("restarts", True)}


def test_says_what_restarts_it() -> None:
    (hub, _) = compare('name: hub, tag: "1"', 'name: hu, pullPolicy: Always, tag: "2"')
    assert hub.sentence.endswith("hub.image.name, hub.image.pullPolicy, hub.image.tag")


def test_what_is_no_yaml_is_refused_with_its_file() -> None:
    with pytest.raises(PolicyError, match=r"manifests/all\.yaml"):
        compare("rules: []", "rules: [")
