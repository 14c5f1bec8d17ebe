"""The sources of policy: declared, managed and claimed parts become one policy.

Declared is what the file says, managed what is made in the Hub, claimed what a rule gives by a
provider's claims. Everything below asks the one policy that is made of them here. So far the file
is the only source.
"""

from dataclasses import dataclass

from jupyterhub_platform.core.policy import Policy


@dataclass(frozen=True, slots=True)
class Sources:
    """What people, groups, tiers and grants are made of, by where it was said."""

    declared: Policy

    def unite(self) -> Policy:
        """Return the one policy of all sources."""
        return self.declared
