"""Paths and addresses: the state directory, the store, the policy file."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

STATE_DIRECTORY: Final = ".jupyterhub-platform"
"""Default state directory, below the working directory."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What the Hub and the service are told by their environment.

    ``state_dir`` holds what must survive a restart on one machine, ``policy_file`` is
    ``platform.yaml``, ``database_url`` an SQLAlchemy URL. Only the last may hold a secret.
    """

    state_dir: Path
    policy_file: Path
    database_url: str

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Self:
        """Read ``PLATFORM_STATE_DIR``, ``PLATFORM_FILE`` and ``PLATFORM_DB_URL``."""
        state = Path(environ.get("PLATFORM_STATE_DIR") or STATE_DIRECTORY).absolute()
        policy = Path(environ.get("PLATFORM_FILE") or state / "platform.yaml").absolute()
        return cls(
            state_dir=state,
            policy_file=policy,
            database_url=environ.get("PLATFORM_DB_URL") or f"sqlite:///{state / 'platform.sqlite'}",
        )

    def render_environment(self) -> dict[str, str]:
        """Render for a process that should use the same places."""
        return {
            "PLATFORM_STATE_DIR": str(self.state_dir),
            "PLATFORM_FILE": str(self.policy_file),
            "PLATFORM_DB_URL": self.database_url,
        }
