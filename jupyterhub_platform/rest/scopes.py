"""The scopes of the platform, which roles have, calls require and pages check."""

from typing import Final

SELF: Final = "custom:platform:self"
READ: Final = "custom:platform:read"
MANAGE: Final = "custom:platform:manage"
AUDIT: Final = "custom:platform:audit"
OPERATE: Final = "custom:platform:operate"
ADMIN: Final = "custom:platform:admin"
