"""Pods that users' own controllers make, such as Dask workers: which they are, how they end."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

GONE: Final = "the pod is gone"
CHANGED: Final = "the pod holds something else, or is charged otherwise"
UNASSIGNED: Final = "the pod is charged to nobody any more"
UNOBSERVED: Final = "pods are not observed any more"
"""Why what a pod held was released, as the ledger has it."""


@dataclass(frozen=True, slots=True)
class PodSource:
    """Pods of one kind, which count as what they hold, and are never refused or stopped.

    They have all labels of ``selector``. That of ``user_label`` names the user. What is charged is
    ``account``, otherwise what ``account_label`` names, and without either the user's default.
    """

    name: str
    title: str
    selector: Mapping[str, str]
    user_label: str
    account: str = ""
    account_label: str = ""
