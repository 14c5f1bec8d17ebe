"""The Ed25519 key with which the Hub signs checkpoints of the audit, outside of the store.

Access to the database is not enough to sign. The public part is enough to verify, and is written
beside the key, into the Hub's log, and into the audit.
"""

import base64
import binascii
import os
from pathlib import Path
from typing import Final, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from jupyterhub_platform.atomic_files import rewrite
from jupyterhub_platform.core.errors import PlatformError
from jupyterhub_platform.store.audit_checkpoint import Checkpoint

KEY_FILE: Final = "audit-key"
PUBLIC_FILE: Final = "audit-key.pub"
_KIND: Final = "ed25519:"


class AuditKeyError(PlatformError):
    """Raised if a key cannot be read; the sentence says which, and what to do."""

    code = "platform.configuration"


class PublicKey:
    """Verifies what the Hub signed."""

    def __init__(self, key: Ed25519PublicKey) -> None:
        self._key = key

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse a key that :meth:`render` rendered.

        Raises
        ------
        AuditKeyError
            Raised if it is something else.
        """
        try:
            raw = base64.b64decode(text.strip().removeprefix(_KIND), validate=True)
            return cls(Ed25519PublicKey.from_public_bytes(raw))
        except (ValueError, binascii.Error):
            raise AuditKeyError(
                f"{text.strip()[:80]!a} is no key of an audit; it is written as {_KIND}…, with 44 "
                "characters, as the Hub's log and audit-key.pub have it"
            ) from None

    def render(self) -> str:
        """Render it for people and files."""
        raw = self._key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        return _KIND + base64.b64encode(raw).decode()

    def why_not(self, checkpoint: Checkpoint) -> str:
        """Say why a checkpoint is not valid; empty if it is."""
        try:
            signature = base64.b64decode(checkpoint.signature, validate=True)
            self._key.verify(signature, checkpoint.text.encode())
        except (InvalidSignature, ValueError, binascii.Error):
            return f"is not signed with the Hub's key, {self.render()}"
        return ""


class SigningKey:
    """Signs checkpoints."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key

    @property
    def public(self) -> PublicKey:
        """The key that verifies its signatures."""
        return PublicKey(self._key.public_key())

    def sign(self, checkpoint: Checkpoint) -> str:
        """Return the signature of a checkpoint."""
        return base64.b64encode(self._key.sign(checkpoint.text.encode())).decode()


def read_public(directory: Path) -> PublicKey | None:
    """Return the public key of a state directory; ``None`` if there is none.

    Raises
    ------
    AuditKeyError
        Raised if it cannot be read.
    """
    try:
        return PublicKey.parse((directory / PUBLIC_FILE).read_text())
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise AuditKeyError(f"{directory / PUBLIC_FILE} cannot be read: {error}") from None


def find_or_make_key(directory: Path) -> SigningKey:
    """Return the key of a state directory, made first if there is none.

    Raises
    ------
    AuditKeyError
        Raised if it cannot be read or written.
    """
    path = directory / KEY_FILE
    try:
        if not path.exists():
            made = Ed25519PrivateKey.generate().private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
            rewrite(path, made.decode())
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
        if not isinstance(key, Ed25519PrivateKey):
            raise AuditKeyError(f"{path} is no Ed25519 key; restore the one that the Hub made")
        signing = SigningKey(key)
        public = directory / PUBLIC_FILE
        if not public.exists() or public.read_text().strip() != signing.public.render():
            rewrite(public, signing.public.render() + os.linesep, mode=0o644)
    except (OSError, ValueError) as error:
        raise AuditKeyError(f"the audit's key {path} cannot be used: {error}") from None
    return signing
