"""Faults in where servers, kernels and doors listen."""

from typing import Final

from mutation.faults import noticed_by
from mutation.operators import Drop, Never, Replace

ADDRESSES: Final = (
    *noticed_by(
        "tests/cli/test_public_port.py",
        (
            "another user listens where localhost leads",
            "_list_beside",
            Drop("beside.update(_LOOPBACK)"),
        ),
        (
            "only the first address of a name is held",
            "public_port:_take",
            Replace("(*named, *_list_beside(named))", "named[:1]"),
        ),
    ),
    *noticed_by(
        "tests/cli/test_hub_log.py",
        ("a flood fills the disk", "HubLog.write", Drop("self._left_out += 1\nreturn False")),
        (
            "a request moves the cursor",
            "hub_log:read_lines",
            Replace(
                'part.decode(errors="replace").rstrip("\\r\\n").translate(_CONTROLS)',
                'part.decode(errors="replace").rstrip("\\r\\n")',
            ),
        ),
    ),
    *noticed_by(
        "tests/hub/local/test_sockets.py",
        ("its own user can replace it", "Sockets.bind", Replace("0o710", "0o770")),
        ("others pass through to it", "Sockets.bind", Replace("0o710", "0o711")),
        ("its own user cannot connect", "Sockets.bind", Replace("0o660", "0o600")),
        (
            "a deep tree of a user's stays",
            "Sockets.clear",
            Replace(
                "subprocess.run(...)",
                "__import__('shutil').rmtree(self.directory, ignore_errors=True)",
            ),
        ),
        ("others can write there", "sockets:_check", Never("found.st_mode & 0o022 and ...")),
        ("another user owns it", "sockets:_check", Never("found.st_uid not in {0, os.geteuid()}")),
    ),
    *noticed_by(
        "tests/hub/upstream/test_jupyter_server.py",
        (
            "any socket will do",
            "jupyter_config:_listen",
            Never("listener.getsockname() != server.sock"),
        ),
        (
            "kernels inherit the marks",
            "jupyter_server/jupyter_config:",
            Replace("os.environ.pop", "os.environ.get"),
        ),
    ),
    *noticed_by(
        "tests/hub/local/test_kernels.py",
        ("kernels listen at ports", "_UNIX_SOCKETS", Replace('"ipc"', '"tcp"')),
        ("a kernel can be debugged", "_MESSAGES", Replace('"comm_close"', '"debug_request"')),
        (
            "the path of a long home is too long",
            "hide_kernels",
            Replace("_link_home(sockets, uid, home)", "home"),
        ),
        (
            "a site's own configuration goes first",
            "read_before_others",
            Replace(
                "(*map(str, directories), *configured)", "(*configured, *map(str, directories))"
            ),
        ),
        ("a kernel keeps its port", "_launch_kernel", Never("cmd[1:3] == _STOCK")),
        (
            "what a fork prints is lost",
            "hand_over_at",
            Replace('telling.connect(f"ipc://{path}")', 'telling.connect("inproc://x")'),
        ),
    ),
    *noticed_by(
        "tests/hub/upstream/test_unix_sockets.py",
        ("the API makes services at sockets", "_at_a_socket", Drop("not from_config")),
        ("a port is written behind a socket", "_without_port", Never("server.proto == SCHEME")),
    ),
    *noticed_by(
        "tests/cli/test_enforced_config.py",
        ("a site moves what is enforced", "EnforcedConfig.keep", Drop("c[section][name] = value")),
        (
            "a site's own proxy is started",
            "_find_refused",
            Never("name not in _CONFIGURABLE_HTTP_PROXY"),
        ),
        ("internal_ssl is let through", "_find_refused", Never('hub.get("internal_ssl")')),
        (
            "services cannot be known again",
            "EnforcedConfig.keep",
            Replace("{**own, MARK: str(self.state)}", "own"),
        ),
    ),
    *noticed_by(
        "tests/cli/test_port_holder.py",
        (
            "another user shares a port that is kept",
            "_bind_beside",
            Drop("_allow(beside, socket.SO_REUSEADDR, 0)"),
        ),
        (
            "only the address that was listened at is kept",
            "PublicPort.bind_beside",
            Drop("*self.guards"),
        ),
        (
            "a second start listens beside the first",
            "public_port:_take",
            Replace("named if is_kept else ()", "()"),
        ),
        (
            "every user's process is believed to keep a port",
            "port_holder:_find",
            Replace("runs_as(process.pid, believed)", "believed"),
        ),
    ),
)
