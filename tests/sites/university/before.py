"""The Hub of the site before it came over."""

from typing import Any

from ltiauthenticator.lti13.auth import LTI13Authenticator  # type: ignore[import-untyped]

c: Any = get_config()  # type: ignore[name-defined] # noqa: F821

CONTEXT = "https://purl.imsglobal.org/spec/lti/claim/context"
ROLES = "https://purl.imsglobal.org/spec/lti/claim/roles"
COURSES = {"stat20": "1535590", "data8": "1536001"}


class CourseAuthenticator(LTI13Authenticator):  # type: ignore[misc] # no types
    """Makes groups of the course and the role that a launch names."""

    async def authenticate(self, handler: Any, data: Any = None) -> Any:
        """Add the groups to whom the launch proves."""
        user = await super().authenticate(handler, data)
        launch = user["auth_state"]
        course = f"course::{launch.get(CONTEXT, {}).get('id', '')}"
        is_staff = any(role.endswith("#Instructor") for role in launch.get(ROLES, ()))
        groups = [course, f"{course}::staff"] if is_staff else [course]
        return {**user, "groups": groups}


c.JupyterHub.authenticator_class = CourseAuthenticator
c.LTI13Authenticator.issuer = "https://canvas.example.edu"
c.LTI13Authenticator.authorize_url = "https://canvas.example.edu/api/lti/authorize_redirect"
c.LTI13Authenticator.jwks_endpoint = "https://canvas.example.edu/api/lti/security/jwks"
c.LTI13Authenticator.client_id = {"125900000000000042"}
c.LTI13Authenticator.username_key = "email"
c.Authenticator.manage_groups = True
c.Authenticator.enable_auth_state = True
c.Authenticator.allow_all = True
c.Authenticator.admin_users = {"ada@example.edu"}

c.JupyterHub.load_roles = [
    {
        "name": f"{name}-staff",
        "groups": [f"course::{number}::staff"],
        "scopes": [
            f"admin:servers!group=course::{number}",
            f"access:servers!group=course::{number}",
            f"list:users!group=course::{number}",
        ],
    }
    for name, number in COURSES.items()
]

c.JupyterHub.spawner_class = "kubernetes"
c.KubeSpawner.namespace = "datahub"
c.KubeSpawner.slug_scheme = "escape"
c.KubeSpawner.image = "example.edu/datahub/user-image:2026.11"
c.KubeSpawner.cpu_guarantee = 0.0625
c.KubeSpawner.cpu_limit = 2
c.KubeSpawner.mem_guarantee = "512M"
c.KubeSpawner.mem_limit = "1G"
c.KubeSpawner.node_selector = {"hub.jupyter.org/pool-name": "user-datahub"}
c.KubeSpawner.volumes = [
    {"name": "home", "persistentVolumeClaim": {"claimName": "home-nfs"}},
]
c.KubeSpawner.volume_mounts = [
    {"name": "home", "mountPath": "/home/jovyan", "subPath": "{escaped_username}"},
    {"name": "home", "mountPath": "/home/jovyan/shared", "subPath": "_shared", "readOnly": True},
]
c.KubeSpawner.environment = {"GIT_AUTHOR_NAME": "{username}"}
c.KubeSpawner.automount_service_account_token = False
c.KubeSpawner.cmd = ["jupyterhub-singleuser"]

COURSE_DIRECTORY = {"name": "home", "mountPath": "/home/jovyan/data8", "subPath": "_course/data8"}
c.Spawner.group_overrides = {
    "10-stat20": {
        "groups": [f"course::{COURSES['stat20']}"],
        "spawner_override": {"mem_guarantee": "2G", "mem_limit": "4G"},
    },
    "20-data8": {
        "groups": [f"course::{COURSES['data8']}"],
        "spawner_override": {
            "mem_limit": "2G",
            "volume_mounts": [
                *c.KubeSpawner.volume_mounts,
                {**COURSE_DIRECTORY, "readOnly": True},
            ],
        },
    },
    "30-data8-staff": {
        "groups": [f"course::{COURSES['data8']}::staff"],
        "spawner_override": {
            "volume_mounts": [*c.KubeSpawner.volume_mounts, COURSE_DIRECTORY],
        },
    },
}
