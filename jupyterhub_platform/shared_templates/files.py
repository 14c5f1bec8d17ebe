"""Templates that the pages of the Hub and of the service have in common: how a site looks."""

from pathlib import Path
from typing import Final

SHARED_TEMPLATES: Final = Path(__file__).parent / "templates"
