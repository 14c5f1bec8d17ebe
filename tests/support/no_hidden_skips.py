"""A pytest plugin: a test that was skipped for want of something fails the run.

A skip hides that something was not tried. Only a skip that was decided
on stays one: its reason begins with ``by choice:``.
"""

import pytest

ALLOWED_PREFIX = "by choice:"
_HIDDEN = pytest.StashKey[list[str]]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_HIDDEN] = []
    config.pluginmanager.register(_Collector(config.stash[_HIDDEN]), "hidden-skips-collector")


class _Collector:
    """Writes down each skip without a choice behind it, of a test or of a whole module."""

    def __init__(self, hidden: list[str]) -> None:
        self._hidden = hidden

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if not hasattr(report, "wasxfail"):
            self._note(report)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        self._note(report)

    def _note(self, report: pytest.TestReport | pytest.CollectReport) -> None:
        if not report.skipped:
            return
        where = report.longrepr
        reason = where[2] if isinstance(where, tuple) else str(where)
        reason = reason.removeprefix("Skipped: ")
        if not reason.startswith(ALLOWED_PREFIX):
            self._hidden.append(f"{report.nodeid}: {reason}")


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    if session.config.stash[_HIDDEN] and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    hidden = config.stash[_HIDDEN]
    if not hidden:
        return
    terminalreporter.section("skipped, but not by choice", red=True)
    for line in hidden:
        terminalreporter.line(line)
    terminalreporter.line(
        f"The run fails: install what is missing, or begin the reason with '{ALLOWED_PREFIX}'."
    )
