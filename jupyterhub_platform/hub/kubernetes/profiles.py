"""Tiers in the shape of KubeSpawner's profiles, for packages that read those.

Other packages show ``c.KubeSpawner.profile_list`` to people, and send the ``slug`` of the chosen
profile as the option ``profile``, which admission reads as the tier. They ask outside of the Hub,
with something that stands for a spawner and knows of no person.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jupyterhub_platform.usecases.policies import read_file


class TierProfiles:
    """A ``profile_list`` that is called: all tiers of the policy as its file says now."""

    shows_tiers = True

    def __init__(self, policy_file: Path) -> None:
        self._policy_file = policy_file

    async def __call__(self, spawner: Any) -> list[Mapping[str, Any]]:
        """Return one profile for each tier. Who may start it, admission says.

        Raises
        ------
        PolicyError
            Raised with every fault of the file, if there are any.
        """
        policy = read_file(self._policy_file).policy
        return [
            {
                "slug": tier.name,
                "display_name": tier.title,
                "description": tier.description,
                "default": tier.name == policy.defaults.tier,
                "kubespawner_override": {},
            }
            for tier in policy.tiers.values()
        ]
