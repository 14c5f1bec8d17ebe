"""A password hasher that is fast, and counts: for tests only."""

import hashlib
from dataclasses import dataclass, field


@dataclass
class CountingHasher:
    """Hashes with SHA-256 and a version; hashes of an older version need to be made again.

    Like the real one it refuses text that is no Unicode.
    """

    version: int = 1
    hashed: int = 0
    verified: list[str] = field(default_factory=list)

    def hash(self, password: str) -> str:
        """Return a hash that names its version."""
        self.hashed += 1
        return f"v{self.version}${hashlib.sha256(password.encode()).hexdigest()}"

    def verify(self, password_hash: str, password: str) -> bool:
        """Tell whether ``password`` is the one that was hashed, and note that it was asked."""
        self.verified.append(password_hash)
        digest = hashlib.sha256(password.encode()).hexdigest()
        return password_hash.partition("$")[2] == digest

    def needs_rehash(self, password_hash: str) -> bool:
        """Tell whether the hash is of an older version."""
        return not password_hash.startswith(f"v{self.version}$")
