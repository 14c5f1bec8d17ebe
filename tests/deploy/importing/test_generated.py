"""Whatever is imported: no crash, a document that validates, and no secret anywhere."""

import json

from hypothesis import given, reject, settings
from hypothesis import strategies as st

from jupyterhub_platform.core.errors import PolicyError
from jupyterhub_platform.deploy.importing.report import render_json, render_markdown, render_text
from jupyterhub_platform.deploy.importing.source import import_source
from jupyterhub_platform.documents import render_mapping
from tests.deploy.importing.imports import read_imported
from tests.deploy.importing.sources import BY_FORM, JUNK, make_source

INPUTS = 200


@settings(max_examples=INPUTS, deadline=None)
@given(st.integers(0, 2**32))
def test_a_damaged_source_gives_a_document_that_validates(seed: int) -> None:
    kind, source = make_source(seed)
    try:
        found = import_source(source, "source", kind)
    except PolicyError as error:
        # Parts are put into parts; what is too deep is refused as everywhere.
        if "nested more than" in str(error):
            reject()
        raise
    assert read_imported(found).policy.tiers
    written = "\n".join(
        (
            render_mapping(found.document),
            render_text(found),
            render_markdown(found, ["source"]),
            json.dumps(render_json(found, ["source"])),
        )
    )
    for secret in BY_FORM:
        assert secret not in written
        assert secret.lower() not in written.lower()
    again = import_source(source, "source", kind)
    assert again == found


@settings(max_examples=INPUTS, deadline=None)
@given(
    st.one_of(
        st.text(max_size=200),
        st.binary(max_size=200).map(lambda text: text.decode("latin-1")),
        st.lists(st.sampled_from([str(each) for each in JUNK]), max_size=5).map("\n".join),
        st.sampled_from(("hub", "singleuser", "c.X.y = ", "nebari_version: ")).flatmap(
            lambda start: st.text(max_size=60).map(lambda rest: f"{start}: {rest}")
        ),
    )
)
def test_what_is_no_source_is_refused_or_read(text: str) -> None:
    try:
        found = import_source(text.encode("utf-8", "surrogateescape"), "source")
    except PolicyError:
        return
    assert read_imported(found).policy.tiers
