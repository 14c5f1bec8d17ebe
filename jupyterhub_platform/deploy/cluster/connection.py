"""A read-only connection to the API server of one cluster.

It can send only GET, and POST of access reviews, which ask what a user may do and leave nothing
behind.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, Final, Self

import urllib3
from kubernetes import config
from kubernetes.client import Configuration
from kubernetes.client.rest import RESTClientObject

from jupyterhub_platform.core.errors import PlatformError
from jupyterhub_platform.core.manifests import Manifest

METADATA_ONLY: Final = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
"""Asks for an object without its content: of a secret nothing but its name leaves the cluster."""
REVIEWS: Final = ("selfsubjectaccessreviews", "localsubjectaccessreviews")

_TIMEOUT: Final = urllib3.Timeout(connect=5, read=20)
_MAX_FAULT_LENGTH: Final = 300
_NAMESPACE_FILE: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")


class ClusterConfigurationError(PlatformError):
    """Raised if no cluster can be made out from a kubeconfig, or from the pod that this is."""


class ClusterUnreachableError(PlatformError):
    """Raised if the API server does not answer."""


class ClusterRefusedError(PlatformError):
    """Raised if the API server says no, with its ``status``."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Connection:
    """Connections to one API server, with the rights of one user or service account.

    Attributes
    ----------
    namespace
        The one that the kubeconfig's context, or the pod, is in.
    is_inside
        Whether these are the rights of the pod that this runs in.
    answered_at, ahead_seconds
        What time it was there at the last answer, and how far that was ahead of the clock here.
    """

    def __init__(self, configuration: Configuration, namespace: str, *, is_inside: bool) -> None:
        self.namespace = namespace
        self.is_inside = is_inside
        self.answered_at: datetime | None = None
        self.ahead_seconds = 0.0
        self._configuration = configuration
        self._pool: Any = RESTClientObject(configuration).pool_manager

    @classmethod
    def outside(cls, kubeconfig: Path | None, context: str | None) -> Self:
        """Connect as a kubeconfig says; the one of the environment, and its context, by default.

        Raises
        ------
        ClusterConfigurationError
            Raised if it is invalid, or has no such context.
        """
        configuration = Configuration()
        file = str(kubeconfig) if kubeconfig else None
        try:
            contexts, active = config.list_kube_config_contexts(file)
            config.load_kube_config(
                file, context, client_configuration=configuration, persist_config=False
            )
        except Exception as error:  # noqa: BLE001 a broken kubeconfig fails in many ways
            fault = " ".join(str(error).split())[:_MAX_FAULT_LENGTH]
            raise ClusterConfigurationError(f"The kubeconfig cannot be used: {fault}") from None
        named = next((each for each in contexts if each["name"] == context), active)
        namespace = str(named["context"].get("namespace") or "default")
        return cls(configuration, namespace, is_inside=False)

    @classmethod
    def inside(cls) -> Self:
        """Connect from a pod, as its service account.

        Raises
        ------
        ClusterConfigurationError
            Raised outside of a pod, or in one without a token.
        """
        configuration = Configuration()
        try:
            config.load_incluster_config(client_configuration=configuration)
            namespace = _NAMESPACE_FILE.read_text().strip()
        except (config.ConfigException, OSError) as error:
            raise ClusterConfigurationError(f"This is not a pod with a token: {error}") from None
        return cls(configuration, namespace, is_inside=True)

    @property
    def address(self) -> str:
        """Where the API server is."""
        return str(self._configuration.host)

    def get(self, path: str, accept: str = "application/json") -> Manifest:
        """Read an object, or a list of them.

        Raises
        ------
        ClusterRefusedError
            Raised if it is not there, or not to be read.
        ClusterUnreachableError
            Raised if there is no answer.
        """
        return self._request("GET", path, accept, None)

    def get_text(self, path: str) -> str:
        """Read a log.

        Raises
        ------
        ClusterRefusedError
            Raised if it is not there, or not to be read.
        ClusterUnreachableError
            Raised if there is no answer.
        """
        return self._send("GET", path, "*/*", None).decode(errors="replace")

    def review(self, path: str, review: Mapping[str, Any]) -> bool:
        """Ask whether something is allowed.

        Raises
        ------
        ValueError
            Raised if ``path`` is that of anything but a review.
        ClusterRefusedError
            Raised if it may not be asked.
        ClusterUnreachableError
            Raised if there is no answer.
        """
        if not path.startswith("/apis/authorization.k8s.io/v1/") or not path.endswith(REVIEWS):
            raise ValueError(f"{path} is not a review")
        answer = self._request("POST", path, "application/json", json.dumps(review))
        return bool(answer.get("status", {}).get("allowed"))

    def _request(self, method: str, path: str, accept: str, body: str | None) -> Manifest:
        return _read_object(self._send(method, path, accept, body))

    def _send(self, method: str, path: str, accept: str, body: str | None) -> bytes:
        headers = {"Accept": accept, "Content-Type": "application/json"}
        settings: Mapping[str, Any] = self._configuration.auth_settings()
        for setting in settings.values():
            headers[str(setting["key"])] = str(setting["value"])
        asked_at = datetime.now(UTC)
        try:
            answer = self._pool.request(
                *(method, f"{self.address}{path}"),
                headers=headers,
                body=body,
                timeout=_TIMEOUT,
                retries=False,
            )
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise ClusterUnreachableError(str(error)[:_MAX_FAULT_LENGTH]) from None
        self._note_time(answer.headers.get("Date"), asked_at)
        if answer.status >= 400:
            message = _read_object(answer.data).get("message", "")
            raise ClusterRefusedError(answer.status, str(message)[:_MAX_FAULT_LENGTH])
        return bytes(answer.data)

    def _note_time(self, date: str | None, asked_at: datetime) -> None:
        if date is None:
            return
        midway = asked_at + (datetime.now(UTC) - asked_at) / 2
        self.answered_at = parsedate_to_datetime(date)
        self.ahead_seconds = (self.answered_at - midway).total_seconds() + 0.5  # it is cut off

    def close(self) -> None:
        """Close the connections."""
        self._pool.clear()


def _read_object(data: bytes) -> Manifest:
    try:
        read = json.loads(data)
    except ValueError:
        return {}
    return read if isinstance(read, dict) else {}
