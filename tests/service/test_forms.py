"""Forms and documents: what is not typed over stays, and each fault finds its field."""

from typing import Any

import pytest

from jupyterhub_platform.core.managed import Kind
from jupyterhub_platform.documents import parse_policy
from jupyterhub_platform.service.editing.documents import (
    MORE,
    FieldFault,
    place_faults,
    read_document,
    show_document,
)
from jupyterhub_platform.service.editing.fields import list_fields
from jupyterhub_platform.service.editing.members import change_members
from jupyterhub_platform.service.errors import RefusalError
from jupyterhub_platform.service.hub_changes import place_of
from tests.service.conftest import POLICY

FILE = parse_policy(POLICY.read_bytes(), "platform.yaml").policy
DOCUMENTS: list[tuple[Kind, dict[str, Any]]] = [
    (Kind.USER, {}),
    (Kind.USER, {"title": "Kim", "level": "user", "quota": {"cpu": 4, "memory": "8Gi"}}),
    (Kind.USER, {"suspended": {"reason": "left: for good", "until": "2030-01-31T18:00:00Z"}}),
    (
        Kind.GROUP,
        {
            "members": ["dev1", "dev2"],
            "quota": {"servers": 3, "cpu": "500m", "nvidia.com/gpu": 1, "memory": "unlimited"},
            "member_quota": {"cpu": None, "ephemeral-storage": "1Gi"},
            "users": {"dev1": {"cpu": 2}},
        },
    ),
    (
        Kind.TIER,
        {
            "title": "8",
            "description": "Two\nlines",
            "requests": {"cpu": 0.5, "memory": "1Gi"},
            "images": ["lab"],
            "access": {"groups": ["vision"], "levels": ["developer", "admin"]},
            "at_once": {"user": 2},
            "requestable": True,
            "observe": False,
            "node_selector": {"gpu": "true", "zone": "1"},
            "environment": {"A": "null", "B": "", "C": " x", "D": "1e3"},
        },
    ),
    (Kind.TIER, {"images": ["gone"], "requests": {"cpu": True}, "access": "all"}),
    (Kind.IMAGE, {"title": "Yes", "reference": "quay.io/x/y:1"}),
    (Kind.GRANT, {"user": "dev1", "add": {"cpu": 2}, "until": "2030-01-31T18:00:00Z"}),
]


@pytest.mark.parametrize(("kind", "document"), DOCUMENTS, ids=str)
def test_a_form_that_is_sent_as_it_is_says_what_the_document_said(
    kind: Kind, document: dict[str, Any]
) -> None:
    fields = list_fields(kind, FILE)
    values = show_document(fields, document)
    read, faults = read_document(fields, values)
    assert faults == ()
    meant = dict(document)
    if meant.get("requests") == {"cpu": 0.5, "memory": "1Gi"}:
        meant["requests"] = {"cpu": "0.5", "memory": "1Gi"}
    # A box that is not ticked says nothing.
    assert read == {key: value for key, value in meant.items() if value is not False}


def test_images_keep_their_order() -> None:
    fields = list_fields(Kind.TIER, FILE)
    document = {"images": ["torch", "lab", "scipy"]}
    assert read_document(fields, show_document(fields, document))[0] == document


def test_only_what_has_no_field_is_shown_as_yaml() -> None:
    fields = list_fields(Kind.GROUP, FILE)
    values = show_document(fields, {"members": ["a"], "quota": {"cpu": 1}, "volumes": []})
    assert values[MORE] == ["volumes: []\n"]
    assert values["quota.cpu"] == ["1"]


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ("a: [", "Line 1: what opens here is never closed; close it."),
        ("a: 1\na: 2", "Line 2: “a” is declared twice, first on line 1; remove one of the two."),
        ("- a", "Line 1: these are no keys with values; write KEY: VALUE, each on a line."),
        ("a: &b 1", "Line 1: anchors (&) are not read; remove it."),
        ("members: [x]", "members stands in “Members” above; remove it here."),
        ("quota: none", "quota.cpu stands in “CPU” above; remove it here."),
    ],
)
def test_what_cannot_be_read_of_the_yaml_is_said_at_it(more: str, sentence: str) -> None:
    fields = list_fields(Kind.GROUP, FILE)
    sent = {MORE: [more], "members": ["a"], "quota.cpu": ["1"]}
    _, faults = read_document(fields, sent)
    assert faults == (FieldFault(MORE, sentence),)


def test_names_are_read_however_they_are_separated() -> None:
    fields = list_fields(Kind.GROUP, FILE)
    document, _ = read_document(fields, {"members": [" a, b\r\nc;d\t"], "title": ["  "]})
    assert document == {"members": ["a", "b", "c", "d"]}


@pytest.mark.parametrize(
    ("fault", "at", "sentence"),
    [
        ("groups.odd.quota.cpu: no; fix", "quota.cpu", "no; fix"),
        ("groups.odd.members.0: no; fix", "members", "no; fix"),
        ("groups.a.b.member_quota.memory: no; fix", "member_quota.memory", "no; fix"),
        ("groups.odd.quota.nvidia.com/gpu: no; fix", "quota.nvidia.com/gpu", "no; fix"),
        ("groups.odd.volumes: no; fix", "", "groups.odd.volumes: no; fix"),
        ("tiers.odd.quota.cpu: no; fix", "", "tiers.odd.quota.cpu: no; fix"),
        ("groups.odd: is named; fix", "", "groups.odd: is named; fix"),
    ],
)
def test_a_fault_stands_at_the_field_that_it_names(fault: str, at: str, sentence: str) -> None:
    fields = list_fields(Kind.GROUP, FILE)
    assert place_faults(fields, "groups", [fault]) == (FieldFault(at, sentence),)


def test_a_member_is_added_once_and_removed_however_it_is_written() -> None:
    document = {"members": ["Kim", "lee"], "title": "T"}
    assert change_members(document, "kim", "add")["members"] == ["lee", "kim"]
    assert change_members(document, "kim", "remove") == {"members": ["lee"], "title": "T"}
    assert change_members({}, "kim", "add") == {"members": ["kim"]}


@pytest.mark.parametrize("name", ["", ".", "..", "x" * 256, "a\x00", "a\n"])
def test_a_name_that_could_lead_elsewhere_is_not_asked_for(name: str) -> None:
    with pytest.raises(RefusalError):
        place_of("groups", name)


def test_a_name_stays_one_part_of_the_path() -> None:
    assert place_of("groups", "a/../b?x#y") == "groups/a%2F..%2Fb%3Fx%23y"
