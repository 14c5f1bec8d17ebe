"""Where a handler sends users who asked for no page, before and after they are known."""

from types import SimpleNamespace

from jupyterhub_platform.hub.landing import land


def test_who_is_not_known_yet_is_led_to_the_root_which_decides_after_the_login() -> None:
    handler = SimpleNamespace(current_user=None, hub=SimpleNamespace(base_url="/pfx/hub/"))
    assert land(handler) == "/pfx/hub/"
