"""Configuration of users' own Jupyter servers, which runs in their processes and not in the Hub's.

Jupyter reads every directory in ``$JUPYTER_CONFIG_PATH``, whatever Python a server runs in.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

CONFIG_PATH: Final = "JUPYTER_CONFIG_PATH"
PASSED_LISTENER: Final = Path(__file__).parent
"""Has a server listen at an inherited socket, in ``jupyter_config.py``."""


def read_before_others(environment: Mapping[str, str], *directories: Path) -> dict[str, str]:
    """Have Jupyter read these directories before those that ``environment`` names."""
    configured = environment.get(CONFIG_PATH, "").split(os.pathsep)
    paths = filter(None, (*map(str, directories), *configured))
    return {CONFIG_PATH: os.pathsep.join(paths)}
