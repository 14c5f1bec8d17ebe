"""Two examples of each verb that changes an object."""

from dataclasses import dataclass
from typing import Final

from jupyterhub_platform.core.managed import Kind


@dataclass(frozen=True, slots=True)
class Examples:
    """Two examples of each verb that changes an object, and a description of the kind."""

    title: str
    name: str
    add: tuple[str, str]
    set: tuple[str, str]


EXAMPLES: Final[dict[Kind, Examples]] = {
    Kind.USER: Examples(
        "People, with their levels and quotas.",
        "kim",
        ('kim --level user --group vision --reason "joined"', "--from people.csv --dry-run"),
        ('kim --level developer --reason "trained"', 'kim --quota servers=2 --reason "two jobs"'),
    ),
    Kind.GROUP: Examples(
        "Groups: the accounts that servers are charged to.",
        "vision",
        (
            'vision --member dev1 --manager boss --quota servers=3 --reason "new"',
            'text --document text.yaml --reason "new" --dry-run',
        ),
        (
            'vision --member kim --reason "joined"',
            'vision --remove-member kim --member-quota cpu=2 --reason "moved"',
        ),
    ),
    Kind.TIER: Examples(
        "Tiers: what can be started, and who may start it.",
        "large",
        (
            'large --request cpu=4 --request memory=16Gi --image lab --reason "asked for"',
            'gpu --document gpu.yaml --allow-group vision --reason "new node"',
        ),
        ('large --limit cpu=8 --reason "bursts"', 'large --max-lifetime 12h --reason "nightly"'),
    ),
    Kind.IMAGE: Examples(
        "Approved images, which tiers start.",
        "lab",
        (
            'lab --reference quay.io/jupyter/base-notebook:latest --reason "first"',
            'lab --title JupyterLab --document lab.yaml --reason "first"',
        ),
        ('lab --title JupyterLab --reason "clearer"', 'lab --document lab.yaml --reason "newer"'),
    ),
    Kind.GRANT: Examples(
        "Grants: what some may hold on top, until a time.",
        "d1f0",
        (
            '--user dev1 --account vision --add servers=1 --for 2d --by boss --reason "paper"',
            '--group vision --tier gpu --until 2030-01-31T18:00:00Z --by admin --reason "course"',
        ),
        ('d1f0 --for 1d --reason "extended"', 'd1f0 --add servers=2 --reason "more"'),
    ),
}
