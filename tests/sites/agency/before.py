"""The Hub of the site before it came over."""

import secrets
import time
from pathlib import Path
from typing import Any

from joserfc import jwt
from joserfc.jwk import RSAKey
from oauthenticator.generic import GenericOAuthenticator

c: Any = get_config()  # type: ignore[name-defined] # noqa: F821

LOGIN_GOV = "https://secure.login.gov"
ANALYSTS = {"grace@agency.example.gov", "ada@agency.example.gov"}


class LoginGov(GenericOAuthenticator):  # type: ignore[misc] # no types
    """Signs for the client, which Login.gov wants instead of a secret."""

    def build_access_tokens_request_params(self, handler: Any, data: Any = None) -> dict[str, Any]:
        """Replace the secret by a signed assertion."""
        params: dict[str, Any] = super().build_access_tokens_request_params(handler, data)
        params.pop("client_secret", None)
        kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
        return {**params, "client_assertion_type": kind, "client_assertion": sign(self.client_id)}


def sign(client: str) -> str:
    """Return the assertion of a client."""
    key = RSAKey.import_key(Path("/etc/secrets/login-gov.pem").read_text())
    who = {"iss": client, "sub": client, "aud": f"{LOGIN_GOV}/api/openid_connect/token"}
    once = {"jti": secrets.token_urlsafe(), "exp": int(time.time()) + 300}
    return jwt.encode({"alg": "RS256"}, {**who, **once}, key)


c.JupyterHub.authenticator_class = LoginGov
c.LoginGov.client_id = "urn:gov:gsa:openidconnect.profiles:sp:sso:agency:hub"
c.LoginGov.authorize_url = f"{LOGIN_GOV}/openid_connect/authorize"
c.LoginGov.token_url = f"{LOGIN_GOV}/api/openid_connect/token"
c.LoginGov.userdata_url = f"{LOGIN_GOV}/api/openid_connect/userinfo"
c.LoginGov.extra_authorize_params = {"acr_values": "urn:acr.login.gov:auth-only"}
c.LoginGov.scope = ["openid", "email"]
c.LoginGov.username_claim = "email"
c.Authenticator.allowed_users = {"grace@agency.example.gov", "lin@agency.example.gov"}
c.Authenticator.blocked_users = {"mallory@agency.example.gov"}
c.Authenticator.admin_users = {"ada@agency.example.gov"}

c.JupyterHub.spawner_class = "kubernetes"
c.KubeSpawner.namespace = "analysis"
c.KubeSpawner.uid = 1000
c.KubeSpawner.gid = 1000
c.KubeSpawner.fs_gid = 1000
c.KubeSpawner.allow_privilege_escalation = False
c.KubeSpawner.container_security_context = {
    "runAsNonRoot": True,
    "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"},
}
c.KubeSpawner.image_pull_secrets = ["govcloud-ecr"]
c.KubeSpawner.storage_pvc_ensure = True
c.KubeSpawner.storage_class = "gp3-encrypted"
c.KubeSpawner.storage_capacity = "50Gi"
c.KubeSpawner.storage_access_modes = ["ReadWriteOnce"]
c.KubeSpawner.volumes = [
    {"name": "home", "persistentVolumeClaim": {"claimName": "{pvc_name}"}},
]
c.KubeSpawner.volume_mounts = [{"name": "home", "mountPath": "/home/jovyan"}]
c.KubeSpawner.node_affinity_required = [
    {
        "matchExpressions": [
            {
                "key": "topology.kubernetes.io/zone",
                "operator": "In",
                "values": ["us-gov-west-1a", "us-gov-west-1b"],
            }
        ]
    }
]
c.KubeSpawner.environment = {
    "HTTPS_PROXY": "http://proxy.agency.example.gov:3128",
    "NO_PROXY": ".svc,.cluster.local",
}
c.KubeSpawner.automount_service_account_token = False
c.KubeSpawner.cmd = ["jupyterhub-singleuser"]

c.JupyterHub.services = [
    {
        "name": "cull-idle",
        "command": ["python3", "-m", "jupyterhub_idle_culler", "--timeout=3600", "--max-age=43200"],
    }
]
c.JupyterHub.load_roles = [
    {
        "name": "cull-idle",
        "services": ["cull-idle"],
        "scopes": ["list:users", "read:users:activity", "read:servers", "delete:servers"],
    }
]

ECR = "123456789012.dkr.ecr.us-gov-west-1.amazonaws.com"


def list_profiles(spawner: Any) -> list[dict[str, Any]]:
    """Return what a user may start."""
    profiles = [
        {
            "display_name": "Standard",
            "slug": "standard",
            "kubespawner_override": {
                "image": f"{ECR}/analysis/notebook:2026.11",
                "cpu_guarantee": 1,
                "cpu_limit": 2,
                "mem_guarantee": "4G",
                "mem_limit": "8G",
            },
        }
    ]
    if spawner.user.name in ANALYSTS:
        profiles.append(
            {
                "display_name": "Analyst",
                "slug": "analyst",
                "kubespawner_override": {
                    "image": f"{ECR}/analysis/notebook:2026.11",
                    "cpu_guarantee": 4,
                    "cpu_limit": 8,
                    "mem_guarantee": "32G",
                    "mem_limit": "32G",
                    "service_account": "analyst-data",
                    "priority_class_name": "analysts",
                    "extra_labels": {"agency.example.gov/data": "restricted"},
                },
            }
        )
    return profiles


c.KubeSpawner.profile_list = list_profiles
