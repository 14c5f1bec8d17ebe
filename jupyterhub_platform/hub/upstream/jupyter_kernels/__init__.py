"""Configuration of whatever starts kernels of users, which runs in their processes."""

from pathlib import Path
from typing import Final

WITHOUT_PORTS: Final = Path(__file__).parent
"""Starts Python kernels without the one port that they keep, in ``jupyter_config.py``."""
