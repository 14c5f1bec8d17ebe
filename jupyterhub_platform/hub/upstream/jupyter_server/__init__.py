"""Configuration of users' own Jupyter servers, which runs in their processes and not in the Hub's.

Jupyter reads every directory in ``$JUPYTER_CONFIG_PATH``, whatever Python a server runs in.
"""

from pathlib import Path
from typing import Final

CONFIG_PATH: Final = "JUPYTER_CONFIG_PATH"
PASSED_LISTENER: Final = Path(__file__).parent
"""Has a server listen at an inherited socket, in ``jupyter_config.py``."""
