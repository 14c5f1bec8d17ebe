"""Places for real Hubs."""

from tests.hub.conftest import make_directory

__all__ = ["make_directory"]
