"""Every fault that ``mutants.py`` plants, one table for each subject, and what it cannot show.

A guard that is new or changed gets its rows in the table of its subject: a name, where the guard
is, how it is broken, under the tests that notice. :mod:`mutation.definitions` says how the place is
named, :mod:`mutation.operators` what can be done there. What comes of it must be code that runs: a
fault is a wrong answer, never a crash at import.
"""

from typing import Final

from mutation.faults import Equivalent

from planted_faults.addresses import ADDRESSES
from planted_faults.admission import ADMISSION
from planted_faults.audit import AUDIT
from planted_faults.bulk import BULK
from planted_faults.decisions import DECISIONS
from planted_faults.doctor import DOCTOR
from planted_faults.editing import EDITING
from planted_faults.identity import IDENTITY
from planted_faults.kubernetes import KUBERNETES
from planted_faults.kubernetes_causes import KUBERNETES_CAUSES
from planted_faults.levels import LEVELS
from planted_faults.lifetimes import LIFETIMES
from planted_faults.local_processes import LOCAL_PROCESSES
from planted_faults.logins import LOGINS
from planted_faults.managed import MANAGED
from planted_faults.notices import NOTICES
from planted_faults.observed_pods import OBSERVED_PODS
from planted_faults.overview import OVERVIEW
from planted_faults.pages import PAGES
from planted_faults.plans import PLANS
from planted_faults.policy import POLICY
from planted_faults.requests import REQUESTS
from planted_faults.settings import SETTINGS
from planted_faults.starts import STARTS
from planted_faults.suspension import SUSPENSION
from planted_faults.terminal_logins import TERMINAL_LOGINS
from planted_faults.usage import USAGE

FAULTS: Final = (
    *ADDRESSES,
    *ADMISSION,
    *AUDIT,
    *BULK,
    *DECISIONS,
    *DOCTOR,
    *EDITING,
    *IDENTITY,
    *KUBERNETES,
    *KUBERNETES_CAUSES,
    *LEVELS,
    *LIFETIMES,
    *LOCAL_PROCESSES,
    *LOGINS,
    *MANAGED,
    *OBSERVED_PODS,
    *OVERVIEW,
    *NOTICES,
    *PAGES,
    *PLANS,
    *POLICY,
    *REQUESTS,
    *SETTINGS,
    *STARTS,
    *SUSPENSION,
    *TERMINAL_LOGINS,
    *USAGE,
)

EQUIVALENT: Final = (
    Equivalent(
        "names over 256 characters are refused before they are folded",
        "normalise_user",
        "they are refused afterwards, too; looking first only saves time",
    ),
    Equivalent(
        "normalised a second time after folding case",
        "normalise_user",
        "whatever case folding takes apart is not a letter of a name, and is refused",
    ),
    Equivalent(
        "a total that is missing counts as nothing when drift is looked for",
        "Book.drifted",
        "totals of nothing are never kept",
    ),
)
