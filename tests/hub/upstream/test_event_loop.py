"""Python's collector waits for work of ours, and goes on afterwards."""

import gc

from jupyterhub_platform.hub.upstream.event_loop import gc_paused


def test_nothing_is_collected_until_the_last_work_has_ended():
    first, second = gc_paused(), gc_paused()
    with first:
        second.__enter__()
        assert not gc.isenabled()
    assert not gc.isenabled()
    second.__exit__(None, None, None)
    assert gc.isenabled()
