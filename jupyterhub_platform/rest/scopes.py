"""The scopes of the platform: what a role holds, a call asks for, and a page shows by."""

from typing import Final

SELF: Final = "custom:platform:self"
READ: Final = "custom:platform:read"
MANAGE: Final = "custom:platform:manage"
OPERATE: Final = "custom:platform:operate"
ADMIN: Final = "custom:platform:admin"
