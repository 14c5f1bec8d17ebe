"""Tiers in the shape of KubeSpawner's profiles, for packages that read those.

Other packages show ``c.KubeSpawner.profile_list`` to users, and send the ``slug`` of the chosen
profile as the option ``profile``, which admission reads as the tier. They ask outside the Hub, with
a stand-in for a spawner that has no user.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jupyterhub_platform.core.offers import list_variants
from jupyterhub_platform.core.tiers import Tier
from jupyterhub_platform.policy_files import PolicyFiles
from jupyterhub_platform.usecases.policies import read_file


class TierProfiles:
    """A callable ``profile_list``: all tiers of the policy file as it is now."""

    shows_tiers = True

    def __init__(self, policy_file: Path) -> None:
        self._files = PolicyFiles(policy_file)

    def __deepcopy__(self, _: dict[int, Any]) -> "TierProfiles":
        # Configuration is copied deep, and a copy would parse the files again.
        return self

    async def __call__(self, spawner: Any) -> list[Mapping[str, Any]]:
        """Return one profile for each tier and size; admission decides who may start it.

        Raises
        ------
        PolicyError
            Raised with every fault of the file, if there are any.
        """
        policy = read_file(self._files).policy
        return [_render(each, policy.defaults.tier) for each in list_variants(policy)]


def _render(tier: Tier, default: str) -> Mapping[str, Any]:
    return {
        "slug": tier.label,
        "display_name": f"{tier.title}, {tier.size}" if tier.size else tier.title,
        "description": tier.description,
        "default": tier.name == default,
        "kubespawner_override": {},
    }
