"""Every check of ``jhp doctor``, in the order of its output."""

from typing import Final

from jupyterhub_platform.deploy.doctor.checks import access as access_checks
from jupyterhub_platform.deploy.doctor.checks import audit as audit_checks
from jupyterhub_platform.deploy.doctor.checks import clock as clock_checks
from jupyterhub_platform.deploy.doctor.checks import devices as device_checks
from jupyterhub_platform.deploy.doctor.checks import hub as hub_checks
from jupyterhub_platform.deploy.doctor.checks import identity as identity_checks
from jupyterhub_platform.deploy.doctor.checks import limits as limit_checks
from jupyterhub_platform.deploy.doctor.checks import names as name_checks
from jupyterhub_platform.deploy.doctor.checks import network as network_checks
from jupyterhub_platform.deploy.doctor.checks import nodes as node_checks
from jupyterhub_platform.deploy.doctor.checks import observed_pods as observed_pod_checks
from jupyterhub_platform.deploy.doctor.checks import quotas as quota_checks
from jupyterhub_platform.deploy.doctor.checks import storage as storage_checks
from jupyterhub_platform.deploy.doctor.checks import workloads as workload_checks
from jupyterhub_platform.deploy.doctor.facts import DoctorFacts
from jupyterhub_platform.deploy.doctor.findings import Check, Result

CHECKS: Final[tuple[Check, ...]] = (
    Check("doctor.hub", ("hub",), "The Hub answers.", hub_checks.check_hub),
    Check("doctor.store", ("health",), "The store answers.", hub_checks.check_store),
    Check(
        "doctor.schema",
        ("health",),
        "The store has the schema that the Hub knows.",
        hub_checks.check_schema,
    ),
    Check(
        "doctor.policy",
        ("health",),
        "The policy file of the Hub is in force.",
        hub_checks.check_policy,
    ),
    Check(
        "doctor.settings",
        ("health",),
        "No setting of JupyterHub is weaker than ours, and no role is refused.",
        hub_checks.check_settings,
    ),
    Check(
        "doctor.memberships",
        ("health",),
        "Users and groups follow the policy in force.",
        hub_checks.check_memberships,
    ),
    Check("doctor.drift", ("health",), "What is held is what runs.", hub_checks.check_drift),
    Check(
        "doctor.notices",
        ("health",),
        "Notices arrive, where they are configured.",
        hub_checks.check_notices,
    ),
    Check(
        "doctor.pods.observed",
        ("health",),
        "Pods of users' own controllers are seen, and charged to a user.",
        observed_pod_checks.check_observed_pods,
    ),
    Check(
        "doctor.audit",
        ("record",),
        "What is on record is what was written.",
        audit_checks.check_audit,
    ),
    Check(
        "doctor.clock.hub",
        ("health",),
        "The Hub's clock agrees with the one here.",
        clock_checks.check_hub_clock,
    ),
    Check(
        "doctor.identity",
        ("providers",),
        "Users can log in by each identity provider.",
        identity_checks.check_logins,
    ),
    Check(
        "doctor.identity.callback",
        ("providers",),
        "Each identity provider leads users back to this Hub.",
        identity_checks.check_callbacks,
    ),
    Check(
        "doctor.identity.clock",
        ("providers",),
        "The clocks of identity providers agree with the Hub's.",
        identity_checks.check_clocks,
    ),
    Check(
        "doctor.identity.claims",
        ("providers",),
        "Identity providers offer and give what the policy wants of them.",
        identity_checks.check_claims,
    ),
    Check("doctor.file", ("file",), "The policy file is valid.", hub_checks.check_file),
    Check("doctor.api", ("cluster",), "The API server answers.", access_checks.check_api),
    Check(
        "doctor.namespace",
        ("api",),
        "The namespace is there.",
        access_checks.check_namespace,
    ),
    Check("doctor.workloads", ("api",), "Hub and proxy run.", workload_checks.check_workloads),
    Check(
        "doctor.role", ("api",), "The Hub may do all that it needs to.", access_checks.check_role
    ),
    Check(
        "doctor.storage",
        ("api", "policy", "homes"),
        "Homes can be made, grow, and wait for their node.",
        storage_checks.check_storage,
    ),
    Check(
        "doctor.quota",
        ("api", "policy"),
        "No ResourceQuota is smaller than a tier or the policy.",
        quota_checks.check_quotas,
    ),
    Check(
        "doctor.limits",
        ("api", "policy"),
        "No LimitRange refuses a tier.",
        limit_checks.check_limits,
    ),
    Check("doctor.nodes", ("api", "policy"), "Every tier fits a node.", node_checks.check_nodes),
    Check(
        "doctor.names",
        ("api", "policy"),
        "Every object that the policy names is there.",
        name_checks.check_names,
    ),
    Check(
        "doctor.devices",
        ("api", "policy"),
        "Every claim of devices gives what the policy counts.",
        device_checks.check_devices,
    ),
    Check(
        "doctor.images",
        ("api", "policy"),
        "Every image is named by digest and on a node.",
        name_checks.check_images,
    ),
    Check(
        "doctor.network.enforced",
        ("api",),
        "Something enforces NetworkPolicies.",
        network_checks.check_enforcement,
    ),
    Check(
        "doctor.network",
        ("api",),
        "NetworkPolicies keep pods apart and let the Hub work.",
        network_checks.check_network,
    ),
    Check(
        "doctor.clock.cluster",
        ("api",),
        "The clocks of API server and nodes agree with the one here.",
        clock_checks.check_cluster_clock,
    ),
)
"""Each is pure, and yields what is not well."""


def examine(facts: DoctorFacts) -> tuple[Result, ...]:
    """Look at everything that there are facts for."""
    return tuple(
        Result(check, tuple(check.find(facts)))
        for check in CHECKS
        if all(facts.has(need) for need in check.needs)
    )
