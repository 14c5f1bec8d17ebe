"""What an admitted start is, and a spawner as the Hub makes it, with the Hub's own objects."""

import logging
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from jupyterhub import orm
from jupyterhub.auth import DummyAuthenticator
from jupyterhub.objects import Hub
from jupyterhub.spawner import SpawnException
from jupyterhub.user import User
from traitlets.config import Config

from jupyterhub_platform.core.decision import Decision, decide
from jupyterhub_platform.core.levels import Level
from jupyterhub_platform.core.options import Options
from jupyterhub_platform.core.people import Person
from jupyterhub_platform.core.pods import (
    Device,
    EmptyDir,
    Home,
    InitContainer,
    Nfs,
    NodeRule,
    Pod,
    SecretKey,
    SharedVolume,
)
from jupyterhub_platform.core.policy import Policy
from jupyterhub_platform.core.quantities import parse_quantity
from jupyterhub_platform.core.question import ask, subject_of
from jupyterhub_platform.core.quotas import Defaults, Rule
from jupyterhub_platform.core.reservations import Reservation
from jupyterhub_platform.core.resources import Resources
from jupyterhub_platform.core.tiers import Image, Size, Tier
from jupyterhub_platform.hub.kubernetes.spawner import KubeTierSpawner
from jupyterhub_platform.usecases.admission import Admitted
from jupyterhub_platform.usecases.book import Book

NOW = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
TOKEN = "canary0123456789canary0123456789"
IMAGE = Image("lab", "JupyterLab", "quay.io/jupyter/base-notebook:2026-11-02")
GPU = "nvidia.com/gpu"
FABRIC = "example.org/fabric"
NAME = "jupyter-dev1"
GOLDEN = Path(__file__).parent / "golden"
Start: TypeAlias = Callable[..., KubeTierSpawner]


def amounts(**texts: str | int) -> Resources:
    """Read amounts by resource name; ``gpu`` and ``storage`` are short for their long names."""
    names = {"gpu": GPU, "storage": "ephemeral-storage"}
    full = {names.get(key, key): text for key, text in texts.items()}
    return Resources.of({name: parse_quantity(text, name) for name, text in full.items()})


def make_tier(name: str, requests: Resources, limits: Resources, **more: Any) -> Tier:
    return Tier(name, name.title(), "", requests, limits, (IMAGE.name,), **more)


SMALL = make_tier("small", amounts(cpu="500m", memory="1Gi"), amounts(cpu=1, memory="2Gi"))
MEDIUM = make_tier(
    "medium",
    amounts(cpu=2, memory="8Gi", storage="10Gi"),
    amounts(cpu=4, memory="8Gi", storage="20Gi"),
)
GPU_TIER = make_tier(
    "gpu",
    amounts(cpu=4, memory="32Gi", gpu=1),
    amounts(cpu=8, memory="32Gi", gpu=1),
    pod=Pod(
        node_selector={"example.org/pool": "gpu"},
        tolerations=({"key": GPU, "operator": "Exists", "effect": "NoSchedule"},),
    ),
)

DEVICES_TIER = make_tier(
    "devices",
    amounts(cpu=4, memory="32Gi", storage="20Gi"),
    amounts(cpu=8, memory="32Gi", storage="20Gi"),
    pod=Pod(
        devices=(Device("gpus", "two-gpus", GPU, 2), Device("fabric", "fabric.example.org", FABRIC))
    ),
)
"""Its devices come by claims."""

EVERYTHING = Pod(
    node_selector={"example.org/pool": "train"},
    node_affinity=(
        NodeRule("topology.kubernetes.io/zone", "In", ("us-gov-west-1a", "us-gov-west-1b")),
        NodeRule("example.org/maintenance", "DoesNotExist"),
        NodeRule("example.org/generation", "Gt", ("4",), weight=20),
    ),
    tolerations=({"key": "example.org/train", "operator": "Exists"},),
    priority_class="interactive",
    runtime_class="gvisor",
    service_account="vision-data",
    environment={"HF_HOME": "/shared/vision/models", "TIER": "small"},
    user=1000,
    group=100,
    volumes_group=100,
    home=Home(10 * 2**30, "/home/jovyan", "gp3"),
    init_containers=(
        InitContainer("prepare", IMAGE.reference, ("mkdir", "-p", "/home/jovyan/work")),
    ),
    shared=(
        SharedVolume("vision-data", "/shared/vision", read_only=False),
        SharedVolume("models", "/shared/models"),
    ),
)

DIRECTORIES = Pod(
    environment={
        "HF_HOME": "/shared/models",
        "VISION_KEY": SecretKey("vision-keys", "api-key"),
    },
    labels={"example.org/cost-centre": "4711"},
    annotations={"cluster-autoscaler.kubernetes.io/safe-to-evict": "false"},
    home=Home(0, "/home/jovyan", claim="homes", sub_path="home/{username}"),
    shared=(
        SharedVolume("homes", "/shared/all", sub_path="shared"),
        SharedVolume("homes", "/shared/vision", False, sub_path="groups/{group}", group="vision"),
        SharedVolume("", "/shared/archive", nfs=Nfs("nfs.example.org", "/export/archive")),
    ),
    empty_dirs=(
        EmptyDir("/dev/shm", 2 * 2**30, in_memory=True),
        EmptyDir("/scratch", 20 * 10**9),
    ),
)
"""Home and shared directories of one claim, as sites have them that come over."""

(SIZED_TIER,) = make_tier(
    "work",
    Resources(),
    Resources(),
    pod=Pod(node_selector={"example.org/pool": "work"}),
    sizes=(
        Size(
            "big",
            "Big",
            "",
            amounts(cpu=4, memory="16Gi"),
            amounts(cpu=8, memory="16Gi"),
            node_selector={"node.kubernetes.io/instance-type": "m7g.4xlarge"},
        ),
    ),
).variants

UNLIMITED_TIER = make_tier(
    "unlimited", amounts(memory="7.222Gi", gpu=1), amounts(gpu=1), pod=DIRECTORIES
)
"""Bounded by its GPU alone: what quotas count is the request."""


def _decide(tier: Tier, user: str, account: str, server: str) -> Decision:
    policy = Policy(
        name="Example",
        quota=Rule("quota", {GPU: 4}),
        defaults=Defaults(user=Rule("defaults.user", {GPU: 4, FABRIC: 4}), tier=tier.name),
        people={user: Person(user, Level.DEVELOPER)},
        groups={},
        images={IMAGE.name: IMAGE},
        tiers={tier.name: tier},
    )
    subject = subject_of(policy, user, frozenset({account}), None)
    options = Options(tier.name, account, IMAGE.name, size=tier.size)
    return decide(ask(policy, Book(), subject, server, options, now=NOW, revision=1))


def admit(
    tier: Tier = SMALL,
    *,
    user: str = "dev1",
    server: str = "",
    account: str = "vision",
    identifier: str = "5f0c8d3e7a1b4c6d9e2f0a1b2c3d4e5f",
    pod: Pod | None = None,
) -> Admitted:
    """Return what admission gives a spawner for this start."""
    reservation = Reservation(
        id=identifier,
        user=user,
        server=server,
        spawner_id=1,
        account=account,
        tier=tier.name,
        image=IMAGE.name,
        demand=tier.demand,
        opened_at=NOW,
        size=tier.size,
    )
    decision = _decide(tier, user, account, server)
    return Admitted(reservation, tier, IMAGE, pod or tier.pod, decision)


class Hubs:
    """Makes spawners of one Hub, on a database in memory."""

    def __init__(self, api_url: str = "http://127.0.0.1:9", **settings: Any) -> None:
        self.db = orm.new_session_factory("sqlite:///:memory:")()
        self.config = Config()
        self.config.KubeSpawner.update(
            {
                "k8s_api_host": api_url,
                "namespace": "hub",
                "k8s_api_request_timeout": 1,
                "k8s_api_request_retry_timeout": 2,
                "start_timeout": 5,
                "events_enabled": False,
                **settings,
            }
        )
        self.hub = Hub(ip="10.0.0.1", port=8081, base_url="/hub/", public_host="")

    def spawner(
        self,
        admitted: Admitted | None,
        options: Mapping[str, Any] | None = None,
        spawner_class: type[KubeTierSpawner] = KubeTierSpawner,
    ) -> KubeTierSpawner:
        """Make the spawner of an admitted start, as the Hub does."""
        reservation = admitted.reservation if admitted else admit().reservation
        user = self._user(reservation.user)
        if reservation.server not in user.orm_spawners:
            user.db.add(orm.Spawner(name=reservation.server, user=user.orm_user))
            user.db.commit()
        spawner: KubeTierSpawner = user._new_spawner(
            reservation.server, spawner_class=spawner_class
        )
        spawner.admitted = admitted
        spawner.api_token = TOKEN
        spawner.user_options = dict(options or {})
        return spawner

    def _user(self, name: str) -> User:
        row = orm.User.find(self.db, name)
        if row is None:
            row = orm.User(name=name)
            self.db.add(row)
            self.db.commit()
        settings = {
            "config": self.config,
            "hub": self.hub,
            "base_url": "/",
            "authenticator": DummyAuthenticator(allow_all=True),
            "log": logging.getLogger("JupyterHub"),
        }
        return User(row, settings, db=self.db)

    def close(self) -> None:
        engine = self.db.get_bind()
        self.db.close()
        engine.dispose()


class Lines(logging.Handler):
    """Everything that was logged, with tracebacks, as it would be written."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.setFormatter(logging.Formatter())
        self.text = ""

    def emit(self, record: logging.LogRecord) -> None:
        self.text += f"{record.levelname} {self.format(record)}\n"


async def refused(spawner: KubeTierSpawner) -> SpawnException:
    with pytest.raises(SpawnException) as caught:
        await spawner.start()
    error: SpawnException = caught.value
    assert TOKEN not in f"{error!s} {error!r}"
    assert error.__suppress_context__ or error.__context__ is None
    # The Hub shows these two and neither counts such an error nor logs its traceback.
    assert error.jupyterhub_message == error.message
    assert "<" not in error.jupyterhub_html_message
    return error
