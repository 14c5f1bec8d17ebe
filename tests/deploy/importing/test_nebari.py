"""A nebari-config.yaml: what the document says of it, and the report."""

from jupyterhub_platform.deploy.importing.findings import Kind, Outcome
from tests.deploy.importing.imports import HERE, by_key, imported

WHOLE = (HERE / "data" / "nebari.yaml").read_text()


def test_the_whole_of_a_file() -> None:
    found = imported(WHOLE)
    assert found.kind is Kind.NEBARI
    document = found.document
    assert document["name"] == "Science Hub"
    assert document["tiers"]["small-instance"] == {
        "title": "Small Instance",
        "description": "Stable environment with 2 cpu / 8 GB ram",
        "requests": {"cpu": "1500m", "memory": "5Gi"},
        "limits": {"cpu": 2, "memory": "8Gi"},
        "images": ["nebari-jupyterlab"],
        "node_selector": {"eks.amazonaws.com/nodegroup": "user"},
        "idle_timeout": "1h",
    }
    assert document["defaults"]["home"] == {
        "claim": "jupyterhub-prod-share",
        "sub_path": "home/{username}",
        "mount": "/home/{username}",
    }
    assert document["defaults"]["tier"] == "small-instance"
    assert document["images"]["custom"]["reference"] == "quay.io/acme/lab:1"
    provider = document["identity"]["providers"]["keycloak"]
    assert provider["issuer"] == "https://science.example.org/auth/realms/nebari"
    assert document["identity"]["local"] == "admins"


def test_groups_of_nebari_are_rules_and_have_their_directories() -> None:
    document = imported(WHOLE).document
    rules = {rule["when"]["groups"]: rule["level"] for rule in document["identity"]["rules"]}
    assert rules == {"/admin": "admin", "/developer": "developer", "/analyst": "user"}
    for name in ("admin", "developer", "analyst", "users"):
        group = document["groups"][name]
        assert group["from"] == [f"/{name}"]
        (volume,) = group["volumes"]
        assert volume["sub_path"] == f"shared/{name}"
        assert volume["read_only"] is False


def test_a_profile_for_users_and_groups_names_them() -> None:
    document = imported(WHOLE).document
    assert document["tiers"]["medium"]["access"] == {"groups": ["developer"], "users": ["ann"]}
    assert document["users"]["ann"] == {"groups": ["members"]}


def test_a_profile_by_roles_of_keycloak_is_closed_until_a_group_feeds_it() -> None:
    found = imported(WHOLE)
    assert found.document["tiers"]["gpu"]["access"] == {"groups": ["gpu"]}
    (access,) = by_key(found)["profiles.jupyterlab.2.access"]
    assert access.outcome is Outcome.IMPOSSIBLE
    assert access.became == ("groups.gpu",)


def test_what_is_not_of_the_hub_stays_or_is_lost_with_a_reason() -> None:
    keys = by_key(imported(WHOLE))
    for key in ("provider", "terraform_state", "amazon_web_services", "storage.conda_store"):
        assert keys[key][0].stays, key
    for key in ("environments", "jhub_apps", "profiles.dask_worker"):
        assert keys[key][0].outcome is Outcome.IMPOSSIBLE, key
        assert keys[key][0].why
    assert keys["security.keycloak.initial_root_password"][0].outcome is Outcome.CHANGED


def test_overrides_are_values_of_the_chart() -> None:
    found = imported(
        "nebari_version: 2026.3.1\n"
        "domain: hub.example.org\n"
        "jupyterhub:\n"
        "  overrides:\n"
        "    hub: {config: {Authenticator: {admin_users: [ada]}}}\n"
        "    cull: {timeout: 120}\n"
        "    singleuser: {nodeSelector: {kubernetes.io/os: other}}\n"
        "local: {node_selectors: {user: {key: kubernetes.io/os, value: linux}}}\n"
        "profiles:\n"
        "  jupyterlab:\n"
        "    - display_name: A\n"
        "      kubespawner_override: {image: 'quay.io/acme/lab:1', mem_limit: 2G}\n"
    )
    assert found.document["users"]["ada"]["level"] == "admin"
    assert found.document["tiers"]["a"]["idle_timeout"] == "2m"
    assert found.document["tiers"]["a"]["node_selector"] == {"kubernetes.io/os": "other"}
    (admin,) = by_key(found)["jupyterhub.overrides.hub.config.Authenticator.admin_users.0"]
    assert admin.line == 5


def test_a_file_without_a_domain_has_no_provider() -> None:
    found = imported("nebari_version: 2026.3.1\nprofiles: {jupyterlab: []}\n")
    assert "providers" not in found.document["identity"]
    assert any("Keycloak is not known" in each.why for each in found.findings)


def test_local_clusters_name_the_nodes_of_servers() -> None:
    found = imported(
        "nebari_version: 2026.3.1\n"
        "default_images: {jupyterlab: quay.io/acme/lab:1}\n"
        "local: {node_selectors: {user: {key: kubernetes.io/os, value: linux}}}\n"
    )
    assert found.document["tiers"]["standard"]["node_selector"] == {"kubernetes.io/os": "linux"}


def test_where_it_is_deployed_comes_over() -> None:
    document = imported(WHOLE).document
    assert document["deployment"] == {
        "target": "cluster",
        "address": "https://science.example.org",
        "namespace": "prod",
    }
    (region,) = by_key(imported(WHOLE))["amazon_web_services.region"]
    assert "target: eks-govcloud" in region.why
    assert "deployment" not in imported(WHOLE.replace("provider: aws", "provider: moon")).document
