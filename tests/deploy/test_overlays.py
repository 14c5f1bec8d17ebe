"""What is wrong with a site's own values of the chart, and at which line."""

import pytest

from jupyterhub_platform.core.document.schema_deployment import DeclaredDeployment
from jupyterhub_platform.deploy.overlays import OverlayFaults, check_overlay
from jupyterhub_platform.hub.known_traits import find_traits

MIRROR = "123456789012.dkr.ecr-fips.us-gov-west-1.amazonaws.com"
CLUSTER = DeclaredDeployment.model_validate({"target": "cluster"})
GOVCLOUD = DeclaredDeployment.model_validate(
    {"target": "eks-govcloud", "images": {"registry": MIRROR}}
)


def check(text: str, deployment: DeclaredDeployment = CLUSTER) -> OverlayFaults:
    return check_overlay(text.encode(), "mine.yaml", deployment, find_traits)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hub: {config: {JupyterHub: {admin_access: null}}}",
        "hub: {config: {KubeSpawner: {start_timeout: 600}, Platform: {hard_profile: true}}}",
        "hub: {config: {GenericOAuthenticator: {client_id: x, scope: [openid]}}}",
        "hub: {extraConfig: {10-mine: 'c.x = 1'}}",
        "hub: {extraEnv: {PASSWORD: {valueFrom: {secretKeyRef: {name: a, key: b}}}}}",
        "ingress: {annotations: {arn: 'arn:aws:acm:eu-central-1:1:certificate/1'}}",
    ],
)
def test_values_that_can_stand(text: str) -> None:
    assert check(text) == OverlayFaults()


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (
            "hub:\n  config:\n    JupyterHub:\n      admin_acces: true",
            (
                "mine.yaml:4: hub.config.JupyterHub.admin_acces: is no setting of JupyterHub; "
                "did you mean admin_access?"
            ),
        ),
        (
            "hub: {config: {JupyterHub: {zzz: 1}}}",
            "mine.yaml:1: hub.config.JupyterHub.zzz: is no setting of JupyterHub; remove it",
        ),
        (
            "hub:\n  config:\n    Jupyter: {}",
            (
                "mine.yaml:3: hub.config.Jupyter: is no class of the Hub, its authenticator or its "
                "spawner; name the class that has the setting, such as JupyterHub"
            ),
        ),
        (
            "proxy:\n  secretToken: abc",
            (
                "mine.yaml:2: proxy.secretToken: is a secret in git; remove it: the Secret of the "
                "Hub is its place"
            ),
        ),
        (
            "hub:\n  extraConfig:\n    zzz: 'c.x = 1'",
            (
                "mine.yaml:3: hub.extraConfig.zzz: runs after the platform, and could undo what it "
                "sets; choose a name that is sorted before zz-platform"
            ),
        ),
        (
            "rbac: {create: true}",
            (
                "mine.yaml:1: rbac.create: makes a Role with which the Hub reads every Secret of "
                "the namespace; remove it: manifests/role.yaml is what the Hub needs"
            ),
        ),
        ("a: [b", "mine.yaml:1: what opens here is never closed; close it"),
    ],
)
def test_values_that_cannot_stand_have_their_line(text: str, fault: str) -> None:
    faults = [str(each) for each in check(text).faults]
    assert faults == [fault]


def test_govcloud_reaches_no_other_partition_and_pulls_from_its_mirror() -> None:
    text = f"""\
hub: {{extraEnv: {{A: sts.us-east-1.amazonaws.com, B: sts.us-gov-west-1.amazonaws.com}}}}
singleuser: {{extraAnnotations: {{role: "arn:aws:iam::1:role/a"}}}}
proxy:
  traefik: {{image: {{name: docker.io/traefik}}}}
  chp: {{image: {{name: "{MIRROR}/chp"}}}}
"""
    assert [(each.line, each.key) for each in check(text, GOVCLOUD).faults] == [
        (1, "hub.extraEnv.A"),
        (2, "singleuser.extraAnnotations.role"),
        (4, "proxy.traefik.image.name"),
    ]
    assert check(text).faults == ()


def test_what_has_no_effect_is_a_warning() -> None:
    (warning,) = check("singleuser: {profileList: [{display_name: x}]}").warnings
    assert str(warning).startswith("mine.yaml:1: singleuser.profileList: has no effect; remove it")


def test_what_is_not_read_is_not_judged_and_said() -> None:
    found = check("a: &x {rbac: 1}\nb: *x\n")
    assert found.faults == ()
    assert [each.what for each in found.warnings] == [
        "is not checked, since it has what is not read here"
    ]


def test_settings_of_installed_classes_and_their_parents_are_known() -> None:
    assert find_traits("Nothing") is None
    assert "hard_profile" in (find_traits("Platform") or ())
    assert "start_timeout" in (find_traits("KubeSpawner") or ())
    assert "client_id" in (find_traits("OAuthenticator") or ())
