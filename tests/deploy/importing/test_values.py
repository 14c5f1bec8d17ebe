"""Values of Zero to JupyterHub: what the document says of them, and the report."""

from typing import Any

import pytest

from jupyterhub_platform.deploy.importing.findings import Kind, Outcome
from tests.deploy.importing.imports import HERE, by_key, imported

WHOLE = (HERE / "data" / "values.yaml").read_text()
REALM = "https://id.example.org/realms/lab/protocol/openid-connect"
OKTA = "https://x.okta.com/oauth2/default/v1/authorize"
IMAGE = "  image: {name: quay.io/acme/lab, tag: '1'}\n"


def import_singleuser(text: str) -> dict[str, Any]:
    """Return the document of values that say this of servers."""
    return dict(imported(f"singleuser:\n{IMAGE}{text}", Kind.VALUES).document)


def test_the_whole_of_a_file() -> None:
    found = imported(WHOLE)
    assert found.kind is Kind.VALUES
    tiers = found.document["tiers"]
    assert tiers["cpu"]["sizes"]["mem_16"] == {
        "title": "16 GB",
        "requests": {"cpu": "200m", "memory": "14.444Gi"},
        "limits": {"cpu": 2, "memory": "16Gi"},
    }
    assert tiers["gpu"]["limits"] == {
        "cpu": "unlimited",
        "memory": "unlimited",
        "nvidia.com/gpu": 1,
    }
    assert tiers["gpu"]["access"] == {"groups": ["ocean-fed-gpu"]}
    assert tiers["gpu"]["tolerations"] == [{"key": "nvidia.com/gpu", "operator": "Exists"}]
    assert {tier["idle_timeout"] for tier in tiers.values()} == {"2h"}
    groups = found.document["groups"]
    assert groups["ocean-fed-gpu"]["from"] == ["ocean-fed:gpu"]
    assert found.document["defaults"]["member_quota"] == {"nvidia.com/gpu": "unlimited"}
    assert found.document["defaults"]["home"] == {
        "claim": "homes",
        "sub_path": "home/{username}",
        "mount": "/home/jovyan",
    }
    assert found.document["users"]["ada"] == {"groups": ["members"], "level": "admin"}
    assert [rule["when"] for rule in found.document["identity"]["rules"]] == [
        {"organizations": "ocean-fed"},
        {"groups": "ice-lab:hub-users"},
    ]


def test_what_cannot_be_said_has_its_line_and_reason() -> None:
    lost = [each for each in imported(WHOLE).findings if each.outcome is Outcome.IMPOSSIBLE]
    assert {(each.line, each.key): each.why for each in lost}.keys() == {
        (49, "singleuser.storage.extraVolumes.2"),
        (53, "singleuser.storage.extraVolumeMounts.2"),
        (73, "singleuser.profileList.1.kubespawner_override.environment.MY_TOKEN"),
        (73, "singleuser.profileList.1.kubespawner_override.environment.CERTIFICATE"),
        (76, "singleuser.profileList.1.kubespawner_override.default_url"),
    }
    lines = WHOLE.splitlines()
    assert all(each.key.rpartition(".")[2] in lines[each.line - 1] for each in lost[2:])


def test_what_stays_a_value_is_said_to_stay() -> None:
    keys = by_key(imported(WHOLE))
    for key in (
        "singleuser.uid",
        "hub.db",
        "foo",
        "hub.extraConfig.10-more.c.KubeSpawner.extra_labels",
    ):
        assert [each.stays for each in keys[key] if each.outcome is Outcome.CARRIED] == [True], key


def test_code_is_read_at_its_own_lines_and_never_executed() -> None:
    found = imported(
        "singleuser: {image: {name: quay.io/acme/lab, tag: '1'}}\n"
        "hub:\n"
        "  extraConfig:\n"
        "    20-later: |\n"
        "      raise SystemExit\n"
        "      c.KubeSpawner.mem_limit = '3G'\n"
        "    10-first: |\n"
        "      c.KubeSpawner.mem_limit = '2G'\n"
    )
    (later,) = by_key(found)["hub.extraConfig.20-later.c.KubeSpawner.mem_limit"]
    assert later.line == 6
    assert found.document["tiers"]["standard"]["limits"]["memory"] == "3Gi"


def test_the_settings_of_the_hub_come_after_the_charts_own_whatever_stands_first() -> None:
    found = imported(
        "hub:\n"
        "  config: {KubeSpawner: {mem_limit: 3G, cpu_limit: 3}}\n"
        "  extraConfig: {a: c.KubeSpawner.cpu_limit = 4}\n"
        "singleuser:\n"
        "  image: {name: quay.io/acme/lab, tag: '1'}\n"
        "  memory: {limit: 2G}\n"
        "  cpu: {limit: 2}\n"
    )
    assert found.document["tiers"]["standard"]["limits"] == {"cpu": 4, "memory": "3Gi"}
    keys = by_key(found)
    for key in (
        "singleuser.memory.limit",
        "singleuser.cpu.limit",
        "hub.config.KubeSpawner.cpu_limit",
    ):
        assert "comes after it" in keys[key][0].why, key


def test_code_that_is_no_python_is_one_line_of_the_report() -> None:
    found = imported("hub: {extraConfig: {x: 'c.X.y = ('}}\nsingleuser: {}\n")
    (finding,) = by_key(found)["hub.extraConfig.x"]
    assert finding.outcome is Outcome.IMPOSSIBLE
    assert "not Python" in finding.why


@pytest.mark.parametrize("above", ["jupyterhub", "basehub:\n  jupyterhub"])
def test_values_of_a_chart_within_another_one_are_found(above: str) -> None:
    levels = above.count("\n") + 1
    text = f"{above}:\n" + "".join(
        f"{'  ' * levels}{line}\n" for line in (f"singleuser:\n{IMAGE}").splitlines()
    )
    found = imported(f"{text}grafana: {{x: 1}}\n")
    assert found.document["images"]["lab"]["reference"] == "quay.io/acme/lab:1"
    assert by_key(found)["grafana"][0].stays


def test_homes_are_the_charts_default_where_nothing_is_said() -> None:
    assert import_singleuser("")["defaults"]["home"] == {"size": "10Gi", "mount": "/home/jovyan"}
    assert "home" not in import_singleuser("  storage: {type: none}\n")["defaults"]
    own = import_singleuser("  storage: {capacity: 2Gi, dynamic: {storageClass: fast}}\n")
    assert own["defaults"]["home"] == {
        "size": "2Gi",
        "storage_class": "fast",
        "mount": "/home/jovyan",
    }


def test_servers_end_as_the_charts_culler_ends_them() -> None:
    assert import_singleuser("")["tiers"]["standard"]["idle_timeout"] == "1h"
    off = imported(f"singleuser:\n{IMAGE}cull: {{enabled: false}}\n")
    assert "idle_timeout" not in off.document["tiers"]["standard"]
    both = imported(f"singleuser:\n{IMAGE}cull: {{timeout: 90, maxAge: 7200, users: true}}\n")
    assert both.document["tiers"]["standard"]["idle_timeout"] == "90s"
    assert both.document["tiers"]["standard"]["max_lifetime"] == "2h"
    assert by_key(both)["cull.users"][0].outcome is Outcome.IMPOSSIBLE


@pytest.mark.parametrize(
    ("written", "servers"),
    [
        ("", 1),
        ("allowNamedServers: false", 1),
        ("allowNamedServers: true", None),
        ("{allowNamedServers: true, namedServerLimitPerUser: 3}", 4),
    ],
)
def test_as_many_servers_of_a_user_as_before(written: str, servers: int | None) -> None:
    hub = written if written.startswith("{") else f"{{{written}}}"
    found = imported(f"hub: {hub}\nsingleuser:\n{IMAGE}", Kind.VALUES)
    quota = found.document["defaults"].get("user_quota", {})
    assert quota.get("servers") == servers


def test_anchors_and_merge_keys_are_followed() -> None:
    found = import_singleuser(
        "  profileList:\n"
        "    - &base\n"
        "      display_name: A\n"
        "      kubespawner_override: &amounts {mem_limit: 4G, cpu_limit: 2}\n"
        "    - <<: *base\n"
        "      display_name: B\n"
        "    - display_name: C\n"
        "      kubespawner_override: {<<: *amounts, mem_limit: 8G}\n"
    )
    tiers = found["tiers"]
    assert [tiers[name]["limits"]["memory"] for name in ("a", "b", "c")] == ["4Gi", "4Gi", "8Gi"]


def test_an_option_that_changes_more_than_a_size_makes_tiers() -> None:
    found = import_singleuser(
        "  profileList:\n"
        "    - display_name: Work\n"
        "      profile_options:\n"
        "        kind:\n"
        "          display_name: Kind\n"
        "          choices:\n"
        "            plain: {display_name: Plain, kubespawner_override: {mem_limit: 2G}}\n"
        "            gpu:\n"
        "              display_name: With GPU\n"
        "              kubespawner_override:\n"
        "                mem_limit: 8G\n"
        "                extra_resource_limits: {nvidia.com/gpu: 1}\n"
        "                tolerations: [{key: gpu, operator: Exists}]\n"
    )
    tiers = found["tiers"]
    assert {name: tier["title"] for name, tier in tiers.items()} == {
        "work-plain": "Work, Plain",
        "work-gpu": "Work, With GPU",
    }
    assert tiers["work-gpu"]["limits"]["nvidia.com/gpu"] == 1
    assert "tolerations" not in tiers["work-plain"]


def test_an_image_with_settings_that_no_tier_has_is_still_an_image() -> None:
    found = imported(
        "singleuser:\n"
        "  profileList:\n"
        "    - display_name: Work\n"
        "      kubespawner_override: {mem_limit: 2G}\n"
        "      profile_options:\n"
        "        image:\n"
        "          choices:\n"
        "            lab: {kubespawner_override: {image: 'quay.io/acme/lab:1'}}\n"
        "            r:\n"
        "              kubespawner_override: {image: 'quay.io/acme/r:1', default_url: /rstudio}\n"
    )
    assert list(found.document["tiers"]) == ["work"]
    assert found.document["tiers"]["work"]["images"] == ["lab", "r"]
    (lost,) = [each for key, (each, *_) in by_key(found).items() if key.endswith("default_url")]
    assert (lost.outcome, lost.line) == (Outcome.IMPOSSIBLE, 10)


def test_two_options_of_amounts_are_sizes_of_each_with_each() -> None:
    found = import_singleuser(
        "  profileList:\n"
        "    - display_name: Work\n"
        "      profile_options:\n"
        "        cpu:\n"
        "          choices:\n"
        "            one: {kubespawner_override: {cpu_limit: 1}}\n"
        "            two: {default: true, kubespawner_override: {cpu_limit: 2}}\n"
        "        memory:\n"
        "          choices:\n"
        "            few: {kubespawner_override: {mem_limit: 1G}}\n"
        "            more: {kubespawner_override: {mem_limit: 2G}}\n"
    )
    sizes = found["tiers"]["work"]["sizes"]
    # The default comes first, since the first that is open is preselected.
    assert list(sizes) == ["two-few", "two-more", "one-few", "one-more"]
    assert sizes["one-more"]["limits"] == {"cpu": 1, "memory": "2Gi"}


def test_amounts_that_cannot_be_are_reported_and_the_rest_is_kept() -> None:
    found = imported(
        f"singleuser:\n{IMAGE}"
        "  memory: {limit: banana, guarantee: 512}\n"
        "  cpu: {limit: 2, guarantee: 4}\n"
    )
    tier = found.document["tiers"]["standard"]
    assert tier["requests"] == {"cpu": 2, "memory": "1Gi"}
    assert tier["limits"] == {"cpu": 2, "memory": "unlimited"}
    keys = by_key(found)
    assert keys["singleuser.memory.limit"][0].outcome is Outcome.IMPOSSIBLE
    assert keys["singleuser.memory.guarantee"][0].outcome is Outcome.IMPOSSIBLE
    assert keys["singleuser.cpu.guarantee"][-1].outcome is Outcome.CHANGED


@pytest.mark.parametrize("groups", ["[]", "['level:admin']", "5"])
def test_a_profile_for_groups_that_cannot_be_is_open_to_admins_alone(groups: str) -> None:
    found = import_singleuser(f"  profileList: [{{display_name: A, allowed_groups: {groups}}}]\n")
    expected = {"groups": ["5"]} if groups == "5" else {"levels": ["admin"]}
    assert found["tiers"]["a"]["access"] in (expected, {"levels": ["admin"]})
    assert "tier" not in found["defaults"]


def test_without_an_admin_the_document_says_so_and_nobody_becomes_one() -> None:
    found = imported(f"singleuser:\n{IMAGE}")
    (admin,) = [n for n, user in found.document["users"].items() if user.get("level") == "admin"]
    assert " " in admin
    assert any("names no admin" in each.why for each in found.findings)


def test_users_that_are_blocked_are_suspended_admins_too() -> None:
    found = imported(
        "hub: {config: {Authenticator: {admin_users: [ada, eve], blocked_users: [eve]}}}\n"
        f"singleuser:\n{IMAGE}"
    )
    users = found.document["users"]
    assert users["ada"]["level"] == "admin"
    assert "level" not in users["eve"]
    assert users["eve"]["suspended"]["reason"]


@pytest.mark.parametrize(
    ("config", "issuer"),
    [
        (
            "azuread, AzureAdOAuthenticator: {tenant_id: abc,",
            "https://login.microsoftonline.com/abc/v2.0",
        ),
        ("google, GoogleOAuthenticator: {", "https://accounts.google.com"),
        ("auth0, Auth0OAuthenticator: {auth0_domain: x.auth0.com,", "https://x.auth0.com/"),
        (
            f"generic-oauth, GenericOAuthenticator: {{authorize_url: '{REALM}/auth',",
            "https://id.example.org/realms/lab",
        ),
        (
            f"okta.OktaOAuthenticator, OktaOAuthenticator: {{authorize_url: '{OKTA}',",
            "https://x.okta.com/oauth2/default",
        ),
    ],
)
def test_authenticators_of_oauth_become_providers(config: str, issuer: str) -> None:
    name, _, rest = config.partition(", ")
    text = (
        f"{{JupyterHub: {{authenticator_class: {name}}}, {rest} client_id: hub, allow_all: true}}}}"
    )
    found = imported(f"hub: {{config: {text}}}\nsingleuser:\n{IMAGE}")
    (provider,) = found.document["identity"]["providers"].values()
    assert provider["issuer"] == issuer
    assert set(provider["client"]["secret"]) == {"env"}
    assert found.document["identity"]["rules"][0]["groups"] == ["members"]


@pytest.mark.parametrize("name", ["ldapauthenticator.LDAPAuthenticator", "lti13", "x.Y"])
def test_any_other_authenticator_stays_and_rules_read_it(name: str) -> None:
    text = f"{{JupyterHub: {{authenticator_class: {name}}}}}"
    found = imported(f"hub: {{config: {text}}}\nsingleuser:\n{IMAGE}")
    assert found.document["identity"]["providers"] == {
        "site": {"kind": "authenticator", "title": "Log in"}
    }
    (finding,) = by_key(found)["hub.config.JupyterHub.authenticator_class"][:1]
    assert finding.stays


def test_a_rule_that_makes_admins_says_so() -> None:
    text = (
        "{JupyterHub: {authenticator_class: google}, GoogleOAuthenticator: {client_id: x, "
        "admin_groups: [staff@example.org], allowed_groups: ['all-*']}}"
    )
    found = imported(f"hub: {{config: {text}}}\nsingleuser:\n{IMAGE}")
    (rule,) = found.document["identity"]["rules"]
    assert rule["allow_elevated"] is True
    keys = by_key(found)
    assert keys["hub.config.GoogleOAuthenticator.admin_groups.0"][0].outcome is Outcome.CHANGED
    # A * of a group's own name would let in more than the site meant.
    assert keys["hub.config.GoogleOAuthenticator.allowed_groups.0"][0].outcome is Outcome.IMPOSSIBLE


@pytest.mark.parametrize(
    ("expression", "pattern"),
    [
        (r"^quay\.io/acme/[a-z0-9-]+:.+$", "quay.io/acme/*"),
        (r"^quay\.io/acme/.+:.+$", "quay.io/acme/**"),
        (r"^quay\.io/acme/lab-[a-z]+:.+$", "quay.io/acme/lab-*"),
        (r"^.+:.+$", None),
        (r"quay\.io/acme/.+", None),
        (r"^quay\.io/(acme|other)/.+$", None),
        (r"^quay\.io/acmes?/.+$", None),
        ("", None),
    ],
)
def test_images_that_users_name_become_a_pattern(expression: str, pattern: str | None) -> None:
    found = import_singleuser(
        "  profileList:\n"
        "    - display_name: A\n"
        "      profile_options:\n"
        "        image:\n"
        "          unlisted_choice:\n"
        "            enabled: true\n"
        f"            validation_regex: '{expression}'\n"
        "            kubespawner_override: {image: '{value}'}\n"
        "          choices: {x: {kubespawner_override: {image: quay.io/acme/lab:2}}}\n"
    )
    patterns = [each["pattern"] for each in found["images"].values() if "pattern" in each]
    assert patterns == ([pattern] if pattern else [])


def test_volumes_of_nodes_are_refused_and_others_stay() -> None:
    found = imported(
        f"singleuser:\n{IMAGE}"
        "  storage:\n"
        "    type: none\n"
        "    extraVolumes:\n"
        "      a: {name: a, hostPath: {path: /data}}\n"
        "      b: {name: b, configMap: {name: x}}\n"
        "      c: {name: c, emptyDir: {sizeLimit: 5Gi}}\n"
        "      d: {name: d, persistentVolumeClaim: {claimName: data}}\n"
        "    extraVolumeMounts:\n"
        "      a: {name: a, mountPath: /a}\n"
        "      b: {name: b, mountPath: /b}\n"
        "      c: {name: c, mountPath: /scratch}\n"
        "      d: {name: d, mountPath: /d}\n"
    )
    assert found.document["defaults"]["volumes"] == [
        {"claim": "data", "mount": "/d", "read_only": False}
    ]
    assert found.document["tiers"]["standard"]["empty_dirs"] == [
        {"mount": "/scratch", "size": "5Gi"}
    ]
    keys = by_key(found)
    assert keys["singleuser.storage.extraVolumes.a"][0].outcome is Outcome.IMPOSSIBLE
    assert keys["singleuser.storage.extraVolumes.b"][0].stays


def test_variables_that_are_references_to_secrets_come_over() -> None:
    found = import_singleuser(
        "  profileList:\n"
        "    - display_name: A\n"
        "      kubespawner_override:\n"
        "        environment:\n"
        "          DB_PASSWORD: {valueFrom: {secretKeyRef: {name: db, key: password}}}\n"
    )
    assert found["tiers"]["a"]["environment"] == {
        "DB_PASSWORD": {"secret": "db", "key": "password"}
    }


def test_where_users_find_it_comes_over() -> None:
    found = imported(
        f"singleuser:\n{IMAGE}"
        "ingress:\n"
        "  enabled: true\n"
        "  ingressClassName: nginx\n"
        "  hosts: [hub.example.org]\n"
        "  tls: [{hosts: [hub.example.org], secretName: hub-tls}]\n"
    )
    assert found.document["deployment"] == {
        "target": "cluster",
        "address": "https://hub.example.org",
        "ingress": {"class": "nginx", "tls": "secret", "secret": "hub-tls"},
    }
    closed = imported(f"singleuser:\n{IMAGE}ingress: {{hosts: [hub.example.org]}}\n")
    assert "deployment" not in closed.document
