"""The warning about modules that grow."""

from pathlib import Path

from module_sizes import WORTH_A_LOOK, list_long_modules


def test_long_modules_are_named_longest_first(tmp_path: Path) -> None:
    for folder, name, lines in (
        ("jupyterhub_platform/core", "short.py", WORTH_A_LOOK),
        ("jupyterhub_platform/core", "long.py", WORTH_A_LOOK + 1),
        ("tools", "longer.py", WORTH_A_LOOK + 2),
    ):
        place = tmp_path / folder
        place.mkdir(parents=True, exist_ok=True)
        (place / name).write_text("\n" * lines)
    assert [line.split()[0] for line in list_long_modules(tmp_path)] == [
        "tools/longer.py",
        "jupyterhub_platform/core/long.py",
    ]
