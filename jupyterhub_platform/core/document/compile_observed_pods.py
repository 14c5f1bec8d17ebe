"""Compiles ``observed_pods:``, and checks that it fits the rest of the document."""

from collections.abc import Mapping

from jupyterhub_platform.core.document.faults import FaultCollector, KeyPath, quote, split_message
from jupyterhub_platform.core.document.names import Names
from jupyterhub_platform.core.document.schema import Declaration
from jupyterhub_platform.core.errors import Fault, IdentityError
from jupyterhub_platform.core.identity import check_name
from jupyterhub_platform.core.observed_pods import PodSource

SECTION = "observed_pods"


def check_observed_pods(declared: Declaration, names: Names, faults: FaultCollector) -> None:
    """Report names that are none, or a tier's, and groups that are not declared."""
    for name, each in declared.observed_pods.items():
        path: KeyPath = (SECTION, name)
        try:
            check_name(name, "kind of pods")
        except IdentityError as error:
            faults.note(Fault(path, *split_message(str(error), "choose another name")))
        if name in names.declared["tiers"]:
            what = f"{quote(name)} is a tier, too, and usage is told apart by that name"
            faults.add(path, what, "choose another name")
        if each.account is None:
            continue
        if each.account_label is not None:
            what = "means nothing beside account, which is charged for all of them"
            faults.add((*path, "account_label"), what, "remove one of the two")
        if each.account not in names.declared["groups"] and faults.is_readable(("groups",)):
            groups = names.declared["groups"]
            fix = faults.suggest(each.account, groups, "add it under groups, or remove it here")
            what = f"{quote(each.account)} is not declared under groups"
            faults.add((*path, "account"), what, fix)


def read_observed_pods(declared: Declaration) -> Mapping[str, PodSource]:
    """Return what is observed, by name."""
    return {
        name: PodSource(
            name=name,
            title=each.title or name,
            selector=each.selector,
            user_label=each.user_label,
            account=each.account or "",
            account_label=each.account_label or "",
        )
        for name, each in declared.observed_pods.items()
    }
