"""A certificate authority of the cluster's own, which all of it trusts and nothing else does."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_LIFETIME = timedelta(days=30)
# A clock that is a little behind does not refuse what was made just now.
_SKEW = timedelta(minutes=10)


class Authority:
    """Signs the certificates of one cluster; its own is in ``ca.crt``."""

    def __init__(self, folder: Path, key: ec.EllipticCurvePrivateKey, name: x509.Name) -> None:
        self.folder = folder
        self.certificate = folder / "ca.crt"
        self._key = key
        self._name = name

    @classmethod
    def create(cls, folder: Path) -> Self:
        """Make an authority whose key never leaves this process."""
        folder.mkdir(exist_ok=True)
        key = ec.generate_private_key(ec.SECP256R1())
        authority = cls(folder, key, _render_name("jupyterhub-platform test cluster"))
        is_authority = x509.BasicConstraints(ca=True, path_length=0)
        builder = _begin(authority._name, authority._name, key.public_key())
        signed = builder.add_extension(is_authority, critical=True).sign(key, hashes.SHA256())
        authority.certificate.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
        return authority

    def issue(self, name: str, *, group: str = "", hosts: Sequence[str] = ()) -> tuple[Path, Path]:
        """Sign a certificate, for a server at these hosts and for a client of this group.

        Returns
        -------
        tuple[Path, Path]
            The files of the certificate and of its key.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        uses = x509.ExtendedKeyUsage(
            [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
        )
        builder = _begin(_render_name(name, group), self._name, key.public_key())
        builder = builder.add_extension(uses, critical=False)
        if hosts:
            names = x509.SubjectAlternativeName([_parse_host(host) for host in hosts])
            builder = builder.add_extension(names, critical=False)
        signed = builder.sign(self._key, hashes.SHA256())
        certificate = self.folder / f"{name}.crt"
        certificate.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
        return certificate, _write_key(self.folder / f"{name}.key", key)

    def make_signing_key(self) -> Path:
        """Make the key that signs the tokens of service accounts."""
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        return _write_key(self.folder / "service-accounts.key", key)


def _begin(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _SKEW)
        .not_valid_after(now + _LIFETIME)
    )


def _render_name(name: str, group: str = "") -> x509.Name:
    parts = [x509.NameAttribute(NameOID.COMMON_NAME, name)]
    if group:
        parts.insert(0, x509.NameAttribute(NameOID.ORGANIZATION_NAME, group))
    return x509.Name(parts)


def _parse_host(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _write_key(path: Path, key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> Path:
    text = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )
    path.touch(0o600)
    path.write_bytes(text)
    return path
