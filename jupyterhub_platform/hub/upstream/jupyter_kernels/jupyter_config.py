"""Have Jupyter start Python kernels by ``kernel.py``, which keeps them from opening a port.

A kernel may come from any environment of its user's; only its command line is ours to change.

Upstream: jupyter-client 8
Issue: not reported
Ends when: ``kernel.py`` is not needed.
"""

from contextlib import suppress
from pathlib import Path
from typing import Any, Final

_STOCK: Final = ["-m", "ipykernel_launcher"]
_PROGRAM: Final = str(Path(__file__).with_name("kernel.py"))
_PATCHED: Final = "_platform_starts_without_ports"

# Other readers of this configuration may have no jupyter_client, or an old one.
with suppress(ImportError):
    from jupyter_client.provisioning import local_provisioner

    _starting: Any = local_provisioner
    _launch = _starting.launch_kernel

    def _launch_kernel(cmd: list[str], *rest: Any, **options: Any) -> Any:
        words = [_PROGRAM, *cmd[3:]] if cmd[1:3] == _STOCK else cmd[1:]
        return _launch([*cmd[:1], *words], *rest, **options)

    if not hasattr(_starting, _PATCHED):
        _starting.launch_kernel = _launch_kernel
        setattr(_starting, _PATCHED, True)
