"""Ask the API server of a cluster, and never wait for it without end."""

from pathlib import Path
from typing import Any

from kubernetes import config
from kubernetes.client import ApiClient, Configuration

_ANSWER_SECONDS = 30


class BoundedClient(ApiClient):
    """A client whose every request has a limit, unless it sets one of its own."""

    def call_api(self, *arguments: Any, **options: Any) -> Any:
        """Send a request."""
        options["_request_timeout"] = options.get("_request_timeout") or _ANSWER_SECONDS
        return super().call_api(*arguments, **options)

    def close(self) -> None:
        """Close its connections."""
        super().close()


def connect(kubeconfig: Path) -> BoundedClient:
    """Return a client for the cluster that a kubeconfig names."""
    configuration = Configuration()
    config.load_kube_config(str(kubeconfig), client_configuration=configuration)
    return BoundedClient(configuration)


def connect_as(client: ApiClient, token: str) -> BoundedClient:
    """Return a client for the same cluster, as whom a token is for."""
    known = client.configuration
    configuration = Configuration(
        host=known.host,
        api_key={"authorization": token},
        api_key_prefix={"authorization": "Bearer"},
        ssl_ca_cert=known.ssl_ca_cert,
    )
    configuration.verify_ssl = known.verify_ssl
    return BoundedClient(configuration)
