"""Start a Python kernel whose forked processes pass their output through a Unix socket.

ipykernel listens at a port for that, whatever its transport. It examines a message only when
it is complete, and prints foreign ones: 300 MB that any user of the machine sends there become
gigabytes in the kernel and in its server.

Upstream: ipykernel 7
Issue: not reported
Ends when: ipykernel listens for that where it listens for its clients.
"""

import atexit
import os
import runpy
import sys
from contextlib import suppress
from typing import Any


def hand_over_at(place: str) -> None:
    """Have forked processes pass their output through a directory that is closed to others."""
    import zmq
    from ipykernel.iostream import IOPubThread
    from zmq.eventloop.zmqstream import ZMQStream

    path = f"{place}/out-{os.getpid()}"

    def listen(thread: Any) -> None:
        thread._pipe_uuid = os.urandom(16)
        listening: Any = thread.socket.context.socket(zmq.PULL)
        listening.linger = 0
        try:
            listening.bind(f"ipc://{path}")
        except zmq.ZMQError as error:
            sys.stderr.write(f"Forked processes cannot print: {path}: {error}\n")
            thread._pipe_flag = False
            listening.close()
            return
        atexit.register(remove, os.getpid())
        thread._pipe_in = ZMQStream(listening, thread.io_loop)
        thread._pipe_in.on_recv(thread._handle_pipe_msg)

    def connect(_thread: Any) -> tuple[Any, Any]:
        # A forked process cannot use its parent's context.
        context: Any = zmq.Context()
        telling = context.socket(zmq.PUSH)
        telling.linger = 3000
        telling.connect(f"ipc://{path}")
        return context, telling

    def remove(listener: int) -> None:
        if os.getpid() == listener:
            with suppress(OSError):
                os.unlink(path)  # noqa: PTH108 light

    # An older kernel has no port, either.
    if hasattr(IOPubThread, "_setup_pipe_in") and hasattr(IOPubThread, "_setup_pipe_out"):
        IOPubThread._setup_pipe_in = listen  # type: ignore[method-assign]
        IOPubThread._setup_pipe_out = connect  # type: ignore[method-assign]


if __name__ == "__main__":
    # Python looks there because of this program's place; a kernel must not.
    del sys.path[0]
    if "JUPYTER_RUNTIME_DIR" in os.environ:
        hand_over_at(os.environ["JUPYTER_RUNTIME_DIR"])
    runpy.run_module("ipykernel_launcher", run_name="__main__", alter_sys=True)
