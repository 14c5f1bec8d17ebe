"""Where and as what a server runs: from KubeSpawner's settings to the keys of a tier."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from jupyterhub_platform.core.document.faults import KeyPath
from jupyterhub_platform.deploy.importing.amounts import Traits
from jupyterhub_platform.deploy.importing.draft import Draft
from jupyterhub_platform.deploy.importing.entries import Entry
from jupyterhub_platform.deploy.importing.secret_values import is_secret

IN_A_SECRET: Final = (
    "is a secret, and is not written; put it into a Secret in the namespace of servers, and write "  # noqa: S105
    "{secret: NAME, key: KEY} here"
)
_TEXTS: Final[Mapping[str, str]] = {
    "priority_class_name": "priority_class",
    "service_account": "service_account",
}
_NUMBERS: Final[Mapping[str, str]] = {
    "uid": "run_as_user",
    "gid": "run_as_group",
    "fs_gid": "fs_group",
}
_MAPPINGS: Final[Mapping[str, str]] = {
    "node_selector": "node_selector",
    "extra_labels": "labels",
    "extra_annotations": "annotations",
}
_LISTS: Final = ("tolerations", "node_affinity_required", "node_affinity_preferred")
_OWN_DEFAULTS: Final[Mapping[str, tuple[Any, ...]]] = {
    "automount_service_account_token": (False,),
    "allow_privilege_escalation": (False,),
    "privileged": (False,),
    "cmd": (["jupyterhub-singleuser"], ["jupyter-labhub"], "jupyterhub-singleuser"),
    "default_url": ("/lab",),
}
"""Settings whose value the platform has anyway."""
OF_PLACEMENT: Final = frozenset(
    {
        *(*_TEXTS, *_NUMBERS, *_MAPPINGS, *_LISTS),
        *("environment", "extra_pod_config", "init_containers"),
    }
)
"""Settings that say where and as what the pods of a tier run."""
_NODE_RULE: Final = frozenset({"key", "operator", "values"})
_TOLERATION: Final = frozenset({"key", "operator", "value", "effect"})


def read_placement(traits: Traits, at: KeyPath, draft: Draft) -> None:
    """Put what settings say of a tier's pods at ``at``; each setting is noted."""
    for name, entry in traits.items():
        if entry.why_unknown:
            draft.findings.impossible(entry, entry.why_unknown)
        elif name in _READERS:
            _READERS[name](entry, at, draft)
        elif name in _TEXTS and isinstance(entry.value, str):
            _put(draft, (*at, _TEXTS[name]), entry.value, entry)
        elif name in _NUMBERS:
            _read_number(entry, (*at, "security_context", _NUMBERS[name]), draft)
        elif name in _MAPPINGS and isinstance(entry.value, dict):
            for each in entry.items():
                _put(draft, (*at, _MAPPINGS[name], each.name), each.text(), each)
        elif entry.value in _OWN_DEFAULTS.get(name, ()):
            draft.findings.carried(entry, why="is so anyway")
        elif entry.value not in (None, "", [], {}):
            why = (
                "is no setting of a tier; where all servers shall have it, set it in "
                f"c.KubeSpawner.{name}, else in c.Spawner.pre_spawn_hook"
            )
            draft.findings.impossible(entry, why)


def _put(draft: Draft, path: KeyPath, value: Any, entry: Entry) -> None:
    draft.put(path, value, entry)
    draft.findings.carried(entry, path)


def _read_number(entry: Entry, path: KeyPath, draft: Draft) -> None:
    is_number = isinstance(entry.value, int) and not isinstance(entry.value, bool)
    if is_number and entry.value > 0:
        _put(draft, path, int(entry.value), entry)
    elif entry.value == 0:
        draft.findings.impossible(entry, "is root, and no server runs as root; change the image")
    elif entry.value is not None:
        draft.findings.impossible(entry, "is no id of a user or group")


def read_environment(entry: Entry, at: KeyPath, draft: Draft) -> None:
    """Put environment variables at ``at``, without those that are secrets."""
    for each in _list_variables(entry):
        path = (*at, "environment", each.name)
        key = each.get("valueFrom", "secretKeyRef") or each.get("value_from", "secret_key_ref")
        if is_secret(each.name, each.value):
            draft.findings.impossible(each, IN_A_SECRET)
        elif each.why_unknown:
            draft.findings.impossible(each, each.why_unknown)
        elif key is not None and isinstance(key.value, dict):
            named = {part: str(key.value.get(old)) for part, old in _SECRET_PARTS}
            _put(draft, path, named, each)
        elif isinstance(each.value, bool | str | int | float):
            text = each.text() if not isinstance(each.value, bool) else str(each.value).lower()
            _put_variable(draft, path, text, each)
        elif each.value is not None:
            draft.findings.impossible(each, "is neither a text nor a key of a Secret")


_SECRET_PARTS: Final = (("secret", "name"), ("key", "key"))


def _put_variable(draft: Draft, path: KeyPath, text: str, entry: Entry) -> None:
    if "{" not in text:
        _put(draft, path, text, entry)
        return
    draft.put(path, text, entry)
    why = "KubeSpawner puts names into braces such as {username}, and a tier leaves the text as is"
    draft.findings.changed(entry, why, path)


def _list_variables(entry: Entry) -> list[Entry]:
    if not isinstance(entry.value, list):
        return list(entry.items())
    return [
        Entry(each.value.get("value", each.value), (*each.key, str(each.value["name"])), each.mark)
        for each in entry.entries()
        if isinstance(each.value, dict) and isinstance(each.value.get("name"), str)
    ]


def _read_tolerations(entry: Entry, at: KeyPath, draft: Draft) -> None:
    for each in entry.entries():
        value = each.value if isinstance(each.value, dict) else {}
        kept = {key: value[key] for key in value if key in _TOLERATION and value[key] is not None}
        if not value or any(not isinstance(part, str | bool | int) for part in kept.values()):
            draft.findings.impossible(each, "is no toleration")
            continue
        plain = {key: _plain(part) for key, part in kept.items()}
        path = draft.append((*at, "tolerations"), plain, each)
        if value.keys() - _TOLERATION:
            why = "a tier's tolerations have no time after which they end"
            draft.findings.changed(each, why, path)
        else:
            draft.findings.carried(each, path)


def _plain(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _read_required(entry: Entry, at: KeyPath, draft: Draft) -> None:
    terms = list(entry.entries())
    if len(terms) > 1:
        why = "has several terms of which one must hold, and all rules of a tier must hold"
        draft.findings.impossible(entry, why)
        return
    for term in terms:
        _read_rules(term, at, draft, {})


def _read_preferred(entry: Entry, at: KeyPath, draft: Draft) -> None:
    for each in entry.entries():
        term, weight = each.get("preference"), each.get("weight")
        known = weight.value if weight else 1
        if term is None or not isinstance(known, int) or isinstance(known, bool):
            draft.findings.impossible(each, "is no preference for nodes")
        else:
            _read_rules(term, at, draft, {"weight": int(known)})


def _read_rules(term: Entry, at: KeyPath, draft: Draft, more: Mapping[str, Any]) -> None:
    rules = term.get("matchExpressions") or term.get("match_expressions")
    if rules is None or not isinstance(term.value, dict) or len(term.value) > 1:
        draft.findings.impossible(term, "is no list of matchExpressions alone")
        return
    for each in rules.entries():
        value = each.value if isinstance(each.value, dict) else {}
        if not value or value.keys() - _NODE_RULE:
            draft.findings.impossible(each, "is no rule for the labels of nodes")
            continue
        values = value.get("values") or []
        rule: dict[str, Any] = {
            "key": str(value.get("key")),
            "operator": str(value.get("operator", "In")),
        }
        if isinstance(values, list) and values:
            rule["values"] = [_plain(one) for one in values]
        path = draft.append((*at, "node_affinity"), {**rule, **more}, each)
        draft.findings.carried(each, path)


def _read_pod_config(entry: Entry, at: KeyPath, draft: Draft) -> None:
    for each in entry.items():
        if each.name in {"runtimeClassName", "runtime_class_name"}:
            _put(draft, (*at, "runtime_class"), each.text(), each)
        elif each.name in {"priorityClassName", "priority_class_name"}:
            _put(draft, (*at, "priority_class"), each.text(), each)
        else:
            why = "is no setting of a tier; set it for all servers in c.KubeSpawner"
            draft.findings.impossible(each, why)


def _read_init_containers(entry: Entry, at: KeyPath, draft: Draft) -> None:
    for each in entry.entries():
        image, parts = each.get("image"), _list_words(each)
        own = each.value.keys() - _INIT if isinstance(each.value, dict) else {""}
        if image is None or own or not parts or any("{" in part for part in parts):
            draft.findings.impossible(each, _INIT_LOST)
            continue
        whole = {
            "name": each.text_at("name") or "prepare",
            "image": draft.add_image(image.text(), image),
            "command": parts,
        }
        path = draft.append((*at, "init_containers"), whole, each)
        why = "runs as the server's user, with its volumes and within its amounts"
        draft.findings.changed(each, why, path)


_INIT: Final = frozenset({"name", "image", "command", "args"})
_INIT_LOST: Final = (
    "has mounts, rights or names of its own, and an init container of a tier has those of the "
    "server; Kubernetes makes directories of sub paths by itself"
)


def _list_words(entry: Entry) -> list[str]:
    words = [each.value for key in ("command", "args") for each in entry.entries_at(key)]
    return words if all(isinstance(each, str) for each in words) else []


_READERS: Final[Mapping[str, Callable[[Entry, KeyPath, Draft], None]]] = {
    "environment": read_environment,
    "tolerations": _read_tolerations,
    "node_affinity_required": _read_required,
    "node_affinity_preferred": _read_preferred,
    "extra_pod_config": _read_pod_config,
    "init_containers": _read_init_containers,
}
