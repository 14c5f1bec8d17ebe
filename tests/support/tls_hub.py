"""A Hub under TLS with a DNS name, as JupyterHub starts it from a configuration file."""

import ipaddress
import json
import os
import signal
import socket
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import httpx
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from jupyterhub_platform.cli.local.proxy import find_proxy_command
from jupyterhub_platform.hub.local.processes import PYTHON
from tests.support.live_hub import wait_for

NAME: Final = "hub.test"
RESOLVED: Final = f"MAP {NAME} 127.0.0.1, MAP *.{NAME} 127.0.0.1"
"""What Chromium is told about names: no other program knows this one."""

_CONFIGURATION: Final = """\
c.JupyterHub.bind_url = "https://127.0.0.1:{port}"
c.JupyterHub.public_url = "https://{name}:{port}/"
c.JupyterHub.ssl_cert = {cert!r}
c.JupyterHub.ssl_key = {key!r}
c.JupyterHub.hub_bind_url = "http://127.0.0.1:{hub}"
c.JupyterHub.db_url = "sqlite:///{state}/jupyterhub.sqlite"
c.JupyterHub.cookie_secret_file = "{state}/cookie-secret"
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:{api}"
c.ConfigurableHTTPProxy.command = {proxy!r}
c.ConfigurableHTTPProxy.pid_file = "{state}/proxy.pid"
c.Platform.state_dir = {state!r}
c.Platform.policy_file = "{state}/platform.yaml"
c.Platform.service_url = "http://127.0.0.1:{service}"
c.Platform.sample_passwords_file = "{state}/passwords.json"
c.PlatformLocalSpawner.homes_dir = {homes!r}
c.PlatformLocalSpawner.uid_register = {uids!r}
{site}

from jupyterhub_platform.hub.configure import configure

configure(c)
"""


class TlsHub:
    """A Hub that people reach as ``https://hub.test``, with servers below that name."""

    def __init__(self, directory: Path, policy: str, *, site: str, password: str) -> None:
        self.state = directory / "state"
        self.state.mkdir(mode=0o700)
        (self.state / "platform.yaml").write_text(policy)
        (self.state / "passwords.json").write_text(json.dumps({"kim": password}))
        cert, key = write_certificate(directory)
        ports = {name: _free_port() for name in ("port", "hub", "api", "service")}
        self.origin = f"https://{NAME}:{ports['port']}"
        self._loopback = f"https://127.0.0.1:{ports['port']}"
        self._configuration = directory / "jupyterhub_config.py"
        self._configuration.write_text(
            _CONFIGURATION.format(
                **ports,
                name=NAME,
                cert=str(cert),
                key=str(key),
                state=str(self.state),
                homes=str(directory / "homes"),
                uids=str(directory / "uids"),
                proxy=find_proxy_command(),
                site=site,
            )
        )
        self._log = directory / "hub.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> str:
        """What the Hub has logged so far."""
        return self._log.read_text()

    def start(self) -> "TlsHub":
        """Start it and wait until it answers."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [PYTHON, "-m", "jupyterhub", "-f", str(self._configuration)],
                cwd=self.state,
                env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        wait_for(self._answers, "the Hub to answer under TLS")
        return self

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self.log
        headers = {"Host": self.origin.removeprefix("https://")}
        try:
            url = f"{self._loopback}/hub/api/"
            return httpx.get(url, headers=headers, verify=False, trust_env=False).is_success
        except httpx.HTTPError:
            return False

    def stop(self) -> None:
        """End the Hub, and the servers that it would leave running."""
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(timeout=30)
        jhp = [PYTHON, "-m", "jupyterhub_platform", "down", "--yes", "--state", str(self.state)]
        subprocess.run(jhp, check=True, cwd=Path(__file__).parents[2])


def write_certificate(directory: Path) -> tuple[Path, Path]:
    """Write a certificate for the name and all below it, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, NAME)])
    names = [x509.DNSName(NAME), x509.DNSName(f"*.{NAME}")]
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([*names, address]), critical=False)
        .sign(key, hashes.SHA256())
    )
    cert_file, key_file = directory / "cert.pem", directory / "key.pem"
    cert_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return cert_file, key_file


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
