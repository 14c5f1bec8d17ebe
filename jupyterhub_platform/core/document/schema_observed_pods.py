"""The schema of ``observed_pods:``: pods that users' own controllers make."""

from typing import Annotated

from pydantic import Field

from jupyterhub_platform.core.document.schema_pods import LabelKey
from jupyterhub_platform.core.document.value_types import Declared, LabelValue, Line


class DeclaredObservedPods(Declared):
    """Pods of one kind, such as Dask workers, in the namespace of servers.

    They count in the quotas of the user whom a label names, and are never refused or stopped.
    """

    title: Line = Field("", description="What people call them.", examples=["Dask workers"])
    selector: Annotated[dict[LabelKey, LabelValue], Field(min_length=1)] = Field(
        description="Labels that they all have, as in matchLabels.",
        examples=[{"app.kubernetes.io/component": "dask-worker"}],
    )
    user_label: LabelKey = Field(
        "hub.jupyter.org/username",
        description="The label that names the user: by user name, or as KubeSpawner writes it.",
    )
    account: str | None = Field(None, description="The group that is charged for all of them.")
    account_label: LabelKey | None = Field(
        None,
        description="Instead of account, the label that names the group that is charged, one of "
        "the user's; without either it is the user's default account.",
        examples=["jupyterhub-platform/account"],
    )
