"""The Hub of the site afterwards: what platform.yaml says is left out, the rest is as before."""

from typing import Any

from ltiauthenticator.lti13.auth import LTI13Authenticator  # type: ignore[import-untyped]

from jupyterhub_platform.hub.configure import configure

c: Any = get_config()  # type: ignore[name-defined]

CONTEXT = "https://purl.imsglobal.org/spec/lti/claim/context"
ROLES = "https://purl.imsglobal.org/spec/lti/claim/roles"
COURSES = ("stat20", "data8")


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

c.JupyterHub.load_roles = [
    {
        "name": f"{name}-staff",
        "groups": [f"{name}-staff"],
        "scopes": [
            f"admin:servers!group={name}",
            f"access:servers!group={name}",
            f"list:users!group={name}",
        ],
    }
    for name in COURSES
]

c.JupyterHub.spawner_class = "kubernetes"
c.KubeSpawner.namespace = "datahub"
c.KubeSpawner.slug_scheme = "escape"
c.KubeSpawner.environment = {"GIT_AUTHOR_NAME": "{username}"}

configure(c)
