"""Which groups a configuration puts users into, in each form that JupyterHub takes."""

from jupyterhub.app import JupyterHub

from jupyterhub_platform.hub.upstream.loaded_groups import list_loaded, load_groups_beside_managed


def test_groups_of_each_user_are_read_in_every_form() -> None:
    said = {
        "lab": {"users": ["Kim", "lee"], "properties": {"a": 1}},
        "staff": ["KIM"],
        "empty": {},
        "none": (),
    }
    assert list_loaded(said, str.lower) == {
        "kim": frozenset({"lab", "staff"}),
        "lee": frozenset({"lab"}),
    }


def test_patching_again_changes_nothing() -> None:
    load_groups_beside_managed()
    patched = JupyterHub.init_groups
    load_groups_beside_managed()
    assert JupyterHub.init_groups is patched
