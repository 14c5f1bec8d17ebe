"""The rights that the Hub needs in the namespace of the servers: ``helm-values/role.yaml``."""

from typing import Final, NamedTuple


class Right(NamedTuple):
    """One verb on one resource of the core API."""

    resource: str
    verb: str

    def __str__(self) -> str:
        return f"{self.verb} {self.resource}"


RIGHTS: Final = tuple(
    Right(resource, verb)
    for resource, verbs in (
        ("pods", ("get", "list", "watch", "create", "delete")),
        ("persistentvolumeclaims", ("get", "create")),
        ("events", ("list", "watch")),
    )
    for verb in verbs
)
"""What the Role in ``helm-values/role.yaml`` gives, which a test holds equal to this."""
