import pytest
from hypothesis import given
from hypothesis import strategies as st
from tornado.httputil import HTTPFile

from jupyterhub_platform.core.options import read_options
from jupyterhub_platform.hub.spawn_page.form_data import options_from_form


def test_the_image_of_the_chosen_tier_counts():
    form = {
        "tier": ["small"],
        "account": ["vision"],
        "image:small": ["scipy"],
        "image:medium": ["lab"],
        "_xsrf": ["token"],
    }
    assert options_from_form(form) == {"tier": "small", "account": "vision", "image": "scipy"}


def test_missing_form_fields_are_empty_options():
    assert options_from_form({}) == {"tier": "", "account": "", "image": ""}


@pytest.mark.parametrize(
    "form",
    [
        {"tier": ["small", "medium"]},
        {"tier": ["small"], "account": ["a", "b"]},
        {"tier": ["small"], "image:small": ["a", "b"]},
        {"tier": ["small"], "cpu": ["99"]},
        {"tier": ["small"], "image": ["evil.example/x"]},
        {"tier": ["small"], "": ["x"]},
        {"tier": "small"},
        {"tier": [7]},
        {"tier_file": [HTTPFile(filename="x", body=b"", content_type="text/plain")]},
        {"tier": ["small"], "__jupyterhub_bytes": ["x"]},
        {"tier": ["a" * 65]},
        {"tier": ["small\n"]},
    ],
)
def test_unknown_form_fields_are_denied_by_admission(form):
    assert read_options(options_from_form(form)).faults


def test_an_unknown_field_is_named_in_the_denial():
    faults = read_options(options_from_form({"tier": ["small"], "cpu": ["99"]})).faults
    assert faults == ("'form field cpu' is not an option.",)


def test_a_flood_of_fields_stays_small():
    options = options_from_form({f"{number}" * 50: ["x"] for number in range(1000)})
    assert len(options) == 6
    assert all(len(key) <= 64 for key in options)


_values = st.one_of(
    st.none(), st.text(), st.integers(), st.lists(st.one_of(st.text(), st.binary(), st.none()))
)
_names = st.one_of(st.sampled_from(["tier", "account", "image", "image:a", "_xsrf"]), st.text())


@given(st.dictionaries(_names, _values))
def test_any_form_becomes_plain_options_that_can_be_judged(form):
    options = options_from_form(form)
    assert {"tier", "account", "image"} <= set(options)
    assert all(isinstance(value, str) or value == [] for value in options.values())
    assert not any(key.startswith("__") for key in options)
    read_options(options)


@given(st.text(), st.text(), st.text())
def test_names_arrive_as_they_were_sent(tier, account, image):
    form = {"tier": [tier], "account": [account], f"image:{tier}": [image]}
    assert options_from_form(form) == {"tier": tier, "account": account, "image": image}
