"""The command line for this exact ``jhp``: a virtual environment need not be in PATH."""

import os
import re
import shlex
import shutil
import sys
from functools import cache
from pathlib import Path
from typing import Final

NAME: Final = "jhp"
_CALL: Final = re.compile(rf"(?<![\w./-]){NAME} (?=[a-z])")


def as_pasted(text: str) -> str:
    """Rewrite the commands in a text so that the calling shell finds them."""
    return _CALL.sub(f"{own_command()} ", text)


@cache
def own_command() -> str:
    """Return ``jhp`` if the shell finds this one by that name, its path otherwise."""
    program = Path(sys.argv[0])
    if program.name != NAME or not program.is_file():
        return NAME
    found = shutil.which(NAME)
    if found is not None and Path(found).samefile(program):
        return NAME
    path = program.absolute()
    below = os.path.relpath(path)
    return shlex.quote(str(path) if below.startswith(os.pardir) else below)
