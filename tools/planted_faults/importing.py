"""Faults in what is imported: secrets that are written, code that is believed, tiers left open."""

from typing import Final

from mutation.faults import noticed_by
from mutation.operators import Never, Replace, Return

IMPORTING: Final = (
    *noticed_by(
        "tests/deploy/importing/test_secrets.py",
        (
            "secrets of YAML are written",
            "source:_read_yaml",
            Replace("hide_secrets(found)", "found"),
        ),
        (
            "secrets of code are written",
            "PythonSource._set",
            Replace('hide_secrets(_bounded(value), setting.partition(".")[2])', "_bounded(value)"),
        ),
        (
            "a name of a secret in code is followed",
            "PythonSource._assign",
            Replace("hide_secrets(_bounded(read), target.id)", "_bounded(read)"),
        ),
        ("no key is a secret's", "secret_values:_is_secret_name", Return("False")),
    ),
    *noticed_by(
        "tests/deploy/importing/test_python_source.py",
        (
            "a setting under a condition counts",
            "PythonSource._read_statement",
            Replace("ast.With | ast.Try", "ast.With | ast.Try | ast.If"),
        ),
        (
            "profiles that code offers are open to everybody",
            "Profiles._add_access",
            Never('self.closed != ""'),
        ),
    ),
    *noticed_by(
        "tests/deploy/importing/test_values.py",
        (
            "a profile for groups that cannot be is open to everybody",
            "Profiles._add_access",
            Never("is_named"),
        ),
        (
            "an expression that is not anchored is a pattern",
            "_make_pattern",
            Never('not expression.startswith("^")'),
        ),
        (
            "who is blocked becomes an admin",
            "People._read_users",
            Never('self._draft.get("users", name, "suspended")'),
        ),
        ("a * of a group's name is any text", "People._add_rule", Never('"*" in entry.text()')),
    ),
    *noticed_by(
        "tests/deploy/importing/test_source.py",
        (
            "aliases repeat without end",
            "DocumentReader._follow",
            Never("self._repeated > MAX_REPEATED or len(path) + levels > MAX_LEVELS"),
        ),
        (
            "a source of any size is read",
            "source:_read_text",
            Never("len(text) > MAX_BYTES"),
        ),
    ),
    *noticed_by(
        "tests/cli/test_import.py",
        (
            "a file that is there is written over",
            "importing:import_",
            Never("output is not None and output.exists() and not force"),
        ),
    ),
)
