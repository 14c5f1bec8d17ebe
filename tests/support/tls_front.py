"""A TLS proxy on loopback with a certificate of a private authority, as sites have it."""

import contextlib
import ipaddress
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from socketserver import BaseRequestHandler, ThreadingTCPServer
from threading import Thread
from typing import Any, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec


class Front(NamedTuple):
    """Its port, and the file of the authority."""

    port: int
    authority: Path


@contextmanager
def under_tls(directory: Path, port: int, *, days: float = 1) -> Iterator[Front]:
    """Serve what is at ``port`` under TLS as ``localhost``, with a certificate for some days."""
    authority, chain = _write_certificates(directory, days)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain)

    class Passing(BaseRequestHandler):
        def handle(self) -> None:
            # A client that does not trust it ends the handshake.
            with contextlib.suppress(OSError):
                outer = context.wrap_socket(self.request, server_side=True)
                with outer, socket.create_connection(("127.0.0.1", port)) as inner:
                    back = Thread(target=_copy, args=(inner, outer), daemon=True)
                    back.start()
                    _copy(outer, inner)
                    back.join()

    class Server(ThreadingTCPServer):
        daemon_threads = True

        def shutdown_request(self, request: Any) -> None:
            """Leave it to the connection that was made of it."""

    with Server(("127.0.0.1", 0), Passing) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield Front(server.server_address[1], authority)
        finally:
            server.shutdown()
            thread.join()


def _copy(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)


def _write_certificates(directory: Path, days: float) -> tuple[Path, Path]:
    now = datetime.now(UTC)
    ends = now + timedelta(days=days)
    own_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    issuer = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Authority of tests")])
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.2"))]

    def sign(of: x509.Name, public: Any, more: x509.ExtensionType, *, critical: bool) -> bytes:
        builder = (
            x509.CertificateBuilder()
            .subject_name(of)
            .issuer_name(issuer)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=10))
            .not_valid_after(ends if of is subject else now + timedelta(days=9))
            .add_extension(more, critical=critical)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(own), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        )
        return builder.sign(own_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    own = own_key.public_key()
    authority, chain = directory / "authority.pem", directory / "chain.pem"
    is_authority = x509.BasicConstraints(ca=True, path_length=0)
    authority.write_bytes(sign(issuer, own, is_authority, critical=True))
    leaf = sign(subject, key.public_key(), x509.SubjectAlternativeName(names), critical=False)
    secret = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    chain.write_bytes(leaf + secret)
    return authority, chain
