"""What a tier offers one person in one account: which of its sizes, and which images."""

from typing import NamedTuple

from jupyterhub_platform.core.access import Access
from jupyterhub_platform.core.image_references import ImagePattern
from jupyterhub_platform.core.levels import Level
from jupyterhub_platform.core.policy import Policy
from jupyterhub_platform.core.tiers import Image, Tier


class Asking(NamedTuple):
    """Who asks, and which account is charged."""

    user: str
    level: Level | None
    account: str

    def may_use(self, access: Access) -> bool:
        """Tell whether something is theirs to use."""
        if self.level is None:
            return access.is_open
        return access.admits(self.user, self.level, self.account)


class OfferedImages(NamedTuple):
    """The images of a tier: those to choose from, patterns to name one within, and closed ones."""

    names: tuple[str, ...]
    patterns: tuple[ImagePattern, ...]
    closed: tuple[str, ...]

    def has(self, image: str) -> bool:
        """Tell whether an image can be named, by its name or as a reference."""
        return image in self.names or any(each.admits(image) for each in self.patterns)


def list_images(policy: Policy, tier: Tier, asking: Asking) -> OfferedImages:
    """Return the images of a tier as a user may name them."""
    names, patterns, closed = [], [], []
    for name in tier.images:
        image = policy.images.get(name)
        if image is not None and not asking.may_use(image.access):
            closed.append(name)
        elif image is None or image.pattern is None:
            names.append(name)
        else:
            patterns.append(image.pattern)
    return OfferedImages(tuple(names), tuple(patterns), tuple(closed))


def list_sizes(tier: Tier, asking: Asking) -> tuple[str, ...]:
    """Return the sizes of a tier that a user may use, by name."""
    return tuple(size.name for size in tier.sizes if asking.may_use(size.access))


def has_choice(policy: Policy, tier: Tier, asking: Asking) -> bool:
    """Tell whether a tier that is open has a size and an image that are."""
    images = list_images(policy, tier, asking)
    is_sized = not tier.sizes or bool(list_sizes(tier, asking))
    return is_sized and bool(images.names or images.patterns)


def find_image(policy: Policy, image: str) -> Image:
    """Return an image by its name, or the one that a user named by its reference."""
    return policy.images.get(image) or Image(image, image, image)


def find_labelled(policy: Policy, label: str) -> Tier | None:
    """Return the tier, in a size, that a label such as ``gpu/large`` says."""
    name, _, size = label.partition("/")
    tier = policy.tiers.get(name)
    return tier.find_variant(size) if tier else None


def list_variants(policy: Policy) -> tuple[Tier, ...]:
    """Return every tier, in each of its sizes, in the policy's order."""
    return tuple(variant for tier in policy.tiers.values() for variant in tier.variants)
