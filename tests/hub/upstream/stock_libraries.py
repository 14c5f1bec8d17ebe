"""Asks the libraries of users' own servers by themselves; ``stock_questions`` asks JupyterHub."""

import os

from tests.hub.upstream.stock_hub import PATCHED, StockHub, asks_for


@asks_for("kernel_sockets")
async def _has_kernels_listen_at_ports(_hub: StockHub) -> str:
    from ipykernel.debugger import DebugpyClient
    from jupyter_client.manager import KernelManager

    still = ["kernels"] if KernelManager().transport == "tcp" else []
    still += ["the debugger"] if hasattr(DebugpyClient, "get_host_port") else []
    return ", ".join(still)


@asks_for("jupyter_kernels")
async def _has_kernels_open_one_more_port(_hub: StockHub) -> str:
    import zmq
    from ipykernel.iostream import IOPubThread

    if PATCHED:
        from jupyterhub_platform.hub.upstream.jupyter_kernels.kernel import hand_over_at

        hand_over_at(os.getcwd())  # noqa: PTH109 a text is taken
    thread = IOPubThread(zmq.Context().socket(zmq.PUB), pipe=True)
    bound = thread._pipe_in.socket.getsockopt_string(zmq.LAST_ENDPOINT)
    return bound if bound.startswith("tcp:") else ""
