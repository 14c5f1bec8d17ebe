"""The platform as an operator would install it, in a namespace of its own that enforces limits.

The Hub has the rights of ``helm-values/role.yaml``, and no others, and every pod, the Hub's and
people's alike, has to meet what Pod Security calls ``restricted``.
"""

import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
from kubernetes.client import ApiClient, CoreV1Api
from kubernetes.client.exceptions import ApiException
from kubernetes.stream import stream
from kubernetes.utils import create_from_dict
from ruamel.yaml import YAML

from tests.cluster.errors import ClusterError
from tests.cluster.objects import wait_for
from tests.support.canaries import Canaries, watch
from tests.support.live_hub import Api, Session, hidden_xsrf

_HERE = Path(__file__).parent
_VALUES = _HERE.parents[2] / "helm-values"
_READY_SECONDS = 120
_TAIL_LINES = 30
_COMMAND_SECONDS = 30
POLICY = (_HERE / "platform.yaml").read_text()
PEOPLE = ("admin", "dev1", "dev2", "crowd")
SECRETS = ("proxy-token", "command-token", "cookie-secret", "crypt-keys")


class Installation:
    """A platform that runs in a cluster.

    Attributes
    ----------
    url
        Where people reach it.
    passwords
        Of those people who have set theirs.
    canaries
        Every secret that it handed out.
    """

    def __init__(self, client: ApiClient) -> None:
        self.client = client
        self.core: Any = CoreV1Api(client)  # its answers are given as they are, and so optional
        self.namespace = f"platform-{secrets.token_hex(4)}"
        self.passwords: dict[str, str] = {}
        self.canaries = Canaries()
        self.url = ""
        self._secrets = {name: secrets.token_hex(32) for name in SECRETS}
        self._clients: list[httpx.Client] = []

    def install(self) -> None:
        """Make all objects, wait until it answers, and have everybody set a password.

        Raises
        ------
        ClusterError
            Raised if it does not answer in time; with the end of what its pods have logged.
        """
        restricted = {"pod-security.kubernetes.io/enforce": "restricted"}
        self.core.create_namespace({"metadata": {"name": self.namespace, "labels": restricted}})
        self.make_objects()
        address = self.core.read_namespaced_service("proxy-public", self.namespace).spec.cluster_ip
        self.url = f"http://{address}"
        self.wait_until_ready()
        watch(self.url, self.canaries)
        self.canaries.note("secret of the installation", *self._secrets.values())
        self.command = Api(self.url, self._secrets["command-token"])
        self._clients.append(self.command)
        for name in PEOPLE:
            self._set_password(name)

    def remove(self) -> None:
        """Delete its namespace, and what is in it."""
        for client in self._clients:
            client.close()
        self.core.delete_namespace(self.namespace)

    def wait_until_ready(self) -> None:
        """Wait until Hub and proxy answer, and the service beside the Hub."""
        try:
            wait_for(self._is_ready, "the Hub and the proxy to be ready", _READY_SECONDS)
        except AssertionError as error:
            raise ClusterError(f"{error}\n{self.describe()}") from error

    # -- people -------------------------------------------------------------------------------

    def log_in(self, name: str) -> Session:
        """Return the cookies of a user who has logged in."""
        session = Session(self.url, name)
        self._clients.append(session)
        answer = session.submit_login(self.passwords[name])
        assert answer.status_code == 302, f"{name} was answered {answer.status_code}"
        return session

    def token(self, name: str) -> Api:
        """Return the REST API with a fresh token of a user."""
        answer = self.log_in(name).post_json(f"/hub/api/users/{name}/tokens", {"note": "test"})
        assert answer.status_code == 201, answer.text
        api = Api(self.url, answer.json()["token"])
        self._clients.append(api)
        return api

    def _set_password(self, name: str) -> None:
        """Take up an invite, as the person who was sent it does."""
        invited = self.command.post(f"platform/users/{name}/invite", json={})
        assert invited.status_code == 201, invited.text
        link = httpx.URL(invited.json()["url"])
        password = secrets.token_urlsafe(24)
        with Session(self.url, name) as session:
            page = session.get(link)
            form = {
                "_xsrf": hidden_xsrf(page.text),
                "token": link.params["token"],
                "username": name,
                "password": password,
                "again": password,
            }
            answer = session.post(link.path, data=form)
        assert "Your password is set" in answer.text, answer.text
        self.passwords[name] = password

    # -- what is in the namespace -----------------------------------------------------------------

    def make_objects(self) -> None:
        """Make everything that the platform needs, and the platform."""
        self.make_secret("hub")
        self.make_config_map("hub-config", "jupyterhub_config.py", _HERE)
        self.make_config_map("jupyterhub-platform", "platform.yaml", _HERE)
        self.make_role()
        self._make_documents(_HERE / "hub.yaml")

    def make_secret(self, name: str) -> None:
        """Make the Secret of the platform."""
        body = {"metadata": {"name": name}, "stringData": self._secrets}
        self.core.create_namespaced_secret(self.namespace, body)

    def make_config_map(self, name: str, file: str, folder: Path) -> None:
        """Make a ConfigMap of a file."""
        body = {"metadata": {"name": name}, "data": {file: (folder / file).read_text()}}
        self.core.create_namespaced_config_map(self.namespace, body)

    def make_role(self) -> None:
        """Give the Hub the rights that ``helm-values/`` gives it."""
        self._make_documents(_VALUES / "role.yaml")
        self._make_documents(_VALUES / "role-binding.yaml")

    def _make_documents(self, path: Path) -> None:
        for document in YAML(typ="safe").load_all(path):
            create_from_dict(self.client, document, namespace=self.namespace)

    def list_servers(self) -> dict[str, Any]:
        """Return the pods of people's servers, by name."""
        label = "component=singleuser-server"
        pods = self.core.list_namespaced_pod(self.namespace, label_selector=label).items
        return {pod.metadata.name: pod for pod in pods}

    def find_hub(self) -> Any:
        """Return the pod of the Hub; nothing while there is none that stays."""
        pods = self.core.list_namespaced_pod(self.namespace, label_selector="component=hub").items
        staying = [pod for pod in pods if pod.metadata.deletion_timestamp is None]
        return staying[0] if staying else None

    def run_in_hub(self, *command: str) -> str:
        """Run a command beside the Hub, in its container, and return what it printed."""
        return self.run_in(self.find_hub().metadata.name, *command)

    def run_in(self, pod: str, *command: str) -> str:
        """Run a command in a pod, and return what it printed."""
        told = {"stderr": True, "stdin": False, "stdout": True, "tty": False}
        connect = self.core.connect_get_namespaced_pod_exec
        words = list(command)
        ran = stream(connect, pod, self.namespace, command=words, _preload_content=False, **told)
        ran.run_forever(timeout=_COMMAND_SECONDS)
        output: str = ran.read_all()
        ran.sock.shutdown()  # `close` does nothing once the other side has closed
        return output

    def write_policy(self, text: str) -> None:
        """Change the policy's ConfigMap, and wait until the kubelet has written it."""
        body = {"data": {"platform.yaml": text}}
        self.core.patch_namespaced_config_map("jupyterhub-platform", self.namespace, body)
        # The kubelet looks at a pod that changes at once, and at others about every minute.
        touched = {"metadata": {"annotations": {"test/touched": secrets.token_hex(4)}}}
        hub = self.find_hub().metadata.name
        self.core.patch_namespaced_pod(hub, self.namespace, touched)
        path = "/etc/jupyterhub-platform/platform.yaml"
        wait_for(lambda: self.run_in_hub("cat", path) == text, "the kubelet to write", 120)

    def describe(self) -> str:
        """Say what the pods do, and what they have logged last, to show why a test failed."""
        return "\n".join(self._describe_pods())

    def _describe_pods(self) -> Iterator[str]:
        for event in self.core.list_namespaced_event(self.namespace).items:
            if event.type != "Normal":
                yield f"{event.involved_object.name}: {event.reason}: {event.message}"
        for pod in self.core.list_namespaced_pod(self.namespace).items:
            yield f"{pod.metadata.name} is {pod.status.phase}"
            for status in pod.status.container_statuses or ():
                state = status.state.waiting or status.state.terminated or "runs"
                yield f"  {status.name}: {state}"
            try:
                log = self.core.read_namespaced_pod_log(pod.metadata.name, self.namespace)
            except ApiException:
                continue
            yield from (f"  | {line}" for line in log.splitlines()[-_TAIL_LINES:])

    def check_secrets(self) -> None:
        """Fail if a secret stands in what a pod has logged, or came out anywhere else."""
        for pod in self.core.list_namespaced_pod(self.namespace).items:
            log = self.core.read_namespaced_pod_log(pod.metadata.name, self.namespace)
            self.canaries.look(f"the log of {pod.metadata.name}", log)
        self.canaries.check()

    def _is_ready(self) -> bool:
        pods = self.core.list_namespaced_pod(
            self.namespace, label_selector="component in (hub,proxy)"
        )
        staying = [pod for pod in pods.items if pod.metadata.deletion_timestamp is None]
        ready = [
            pod.metadata.labels["component"]
            for pod in staying
            for condition in pod.status.conditions or ()
            if condition.type == "Ready" and condition.status == "True"
        ]
        return sorted(ready) == ["hub", "proxy"] and self._is_answering()

    def _is_answering(self) -> bool:
        """Tell whether the proxy reaches the Hub; it may hold on to one that is gone."""
        try:
            return httpx.get(f"{self.url}/hub/api", trust_env=False, timeout=5).is_success
        except httpx.TransportError:
            return False
