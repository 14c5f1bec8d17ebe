"""A service on a real socket, beside a fake Hub, over a real store that has something in it."""

import asyncio
import json
import re
import secrets
import shutil
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from jupyterhub.httpclient import JupyterHubHTTPClient
from jupyterhub.services.auth import HubOAuth
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.routing import PathMatches, Rule, RuleRouter

from jupyterhub_platform.core.access_requests import AccessRequest, Wish
from jupyterhub_platform.core.bulk_changes import Act, BulkJob
from jupyterhub_platform.core.causes import cause_of_release
from jupyterhub_platform.core.decision import decide
from jupyterhub_platform.core.options import Options
from jupyterhub_platform.core.question import ask, subject_of
from jupyterhub_platform.core.reservations import Reservation
from jupyterhub_platform.core.resources import Resources
from jupyterhub_platform.documents import parse_policy
from jupyterhub_platform.service.app import make_app
from jupyterhub_platform.service.environment import Environment
from jupyterhub_platform.store import (
    access_requests,
    audit,
    bulk_changes,
    decision_log,
    ledger,
    policies,
)
from jupyterhub_platform.store.store import Store
from jupyterhub_platform.usecases.book import Book
from jupyterhub_platform.usecases.bulk_chunk import list_items
from jupyterhub_platform.usecases.failures import Failures
from jupyterhub_platform.usecases.reports.reader import StoreReader
from jupyterhub_platform.usecases.store_health import StoreHealth
from tests.support.fake_hub import ACCESS, FakeHub, FakePerson

PREFIX = "/services/platform/"
POLICY = Path(__file__).parent / "platform.yaml"

SELF = "custom:platform:self"
READ = "custom:platform:read"
AUDIT = "custom:platform:audit"
PEOPLE = {
    "viewer": FakePerson("viewer", (), frozenset({SELF})),
    "user": FakePerson("user", ("vision",), frozenset({SELF, "delete:servers!user=user"})),
    "developer": FakePerson("dev1", ("vision",), frozenset({SELF, "delete:servers!user=dev1"})),
    "manager": FakePerson(
        "manager",
        ("vision",),
        frozenset({SELF, "custom:platform:manage!group=vision", "delete:servers!user=manager"}),
    ),
    "operator": FakePerson(
        "operator", (), frozenset({SELF, READ, "custom:platform:operate", "delete:servers"})
    ),
    "auditor": FakePerson("auditor", (), frozenset({SELF, READ, AUDIT})),
    "admin": FakePerson(
        "admin",
        (),
        frozenset(
            {SELF, READ, "custom:platform:manage", "custom:platform:admin", "delete:servers"}
        ),
    ),
}
"""One person of each level, with the scopes that the level gives."""


class Filled:
    """A store with a policy, servers that run and starts that were denied."""

    def __init__(self, url: str, *, migrate: bool = True) -> None:
        self.url = url
        self.now = datetime.now(UTC)
        self.store = Store.open(url, migrate=migrate)
        self.policy = parse_policy(POLICY.read_bytes(), "platform.yaml").policy
        self.book = Book()

    def publish(self, text: str = "") -> None:
        text = text or POLICY.read_text()
        read = parse_policy(text.encode(), "platform.yaml")
        self.policy = read.policy
        with self.store.begin() as transaction:
            policies.record_revision(
                transaction,
                document_json=read.text,
                digest=read.digest,
                source="/srv/platform.yaml",
                actor="admin",
                at=self.now,
            )

    def start(self, user: str, server: str, tier: str, account: str, minutes: int = 5) -> str:
        at = self.now - timedelta(minutes=minutes)
        subject = subject_of(self.policy, user, frozenset({account}), None)
        options = Options(tier=tier, account=account)
        question = ask(self.policy, self.book, subject, server, options, now=at, revision=1)
        decision = decide(question)
        identifier = secrets.token_hex(8)
        if not decision.admitted:
            with self.store.begin() as transaction:
                decision_log.record_denial(
                    transaction,
                    decision_log.DecisionRecord(
                        id=identifier,
                        at=at,
                        user=user,
                        server=server,
                        account=account,
                        tier=tier,
                        admitted=False,
                        observed=False,
                        codes=decision.codes,
                        sentence=decision.sentence,
                        decision_json=json.dumps(decision.to_json()),
                        requested_by=user,
                    ),
                )
            return identifier
        reservation = Reservation(
            identifier, user, server, 1, account, tier, question.image, decision.demand, at
        )
        with self.store.begin() as transaction:
            ledger.open_reservation(
                transaction,
                reservation,
                decision_json=json.dumps(decision.to_json()),
                policy_revision=1,
                requested_by=user,
            )
        self.book.enter(reservation)
        return identifier

    def count(self, user: str, pod: str, source: str, account: str) -> None:
        """Have a pod of a user's own controller counted."""
        demand, at = Resources.of({"cpu": 1500}), self.now - timedelta(minutes=3)
        held = Reservation(uuid4().hex, user, f"pod/{pod}", 0, account, source, "", demand, at)
        with self.store.begin() as transaction:
            ledger.open_reservation(
                transaction, held, decision_json=json.dumps(held.to_json()), policy_revision=1
            )
        self.book.enter(held)

    def end(self, identifier: str, reason: str, minutes: int = 1, log: str = "") -> None:
        """End what was started, as the Hub does; a failure keeps its cause and its log."""
        at, held = self.now - timedelta(minutes=minutes), self.book.strike(identifier)
        assert held is not None
        with self.store.begin() as transaction:
            ledger.release(transaction, identifier, at, reason)
        if "." in reason:
            Failures(self.store, StoreHealth(self.store)).keep(
                held, cause_of_release(reason), log, at
            )

    def request(self, user: str, account: str, reason: str, *, id_: str = "r1") -> None:
        """Enter a request for the tier gpu."""
        asked = AccessRequest(
            *(id_, user, account, Wish.TIER, {"tier": "gpu"}, timedelta(days=2), reason, self.now)
        )
        with self.store.begin() as transaction:
            access_requests.add_request(transaction, asked)

    def audit(self, actor: str, action: str, subject: str, **more: Any) -> int:
        at = more.pop("at", self.now)
        with self.store.begin() as transaction:
            row = audit.append(
                transaction, at=at, actor=actor, action=action, subject=subject, **more
            )
        return row.seq

    def bulk(self, id_: str, *names: str) -> None:
        """Enter a bulk change of an admin, which has not begun."""
        said = {"level": "user"}
        job = BulkJob(id_, Act.LEVEL, said, "a term", "admin", "", self.now, len(names))
        with self.store.begin() as transaction:
            bulk_changes.add_items(transaction, id_, list_items(names))
            bulk_changes.add_job(transaction, job)


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a store that holds a policy and nothing else; made once, and copied."""
    path = tmp_path_factory.mktemp("store") / "platform.sqlite"
    filled = Filled(f"sqlite:///{path}")
    filled.publish()
    filled.store.close()
    return path


@pytest.fixture
def filled(empty_store: Path, tmp_path: Path) -> Iterator[Filled]:
    copy = tmp_path / "platform.sqlite"
    shutil.copyfile(empty_store, copy)
    filled = Filled(f"sqlite:///{copy}", migrate=False)
    yield filled
    filled.store.close()


@dataclass
class Running:
    """A service that answers at ``url``, the Hub beside it, and a token of each level."""

    url: str
    hub: FakeHub
    tokens: dict[str, str]
    filled: Filled
    reader: StoreReader

    def browser(self, level: str = "") -> httpx.AsyncClient:
        """Return a client that keeps cookies and follows redirects, logged in at the Hub."""
        if level:
            self.hub.logged_in = PEOPLE[level].name
        return httpx.AsyncClient(base_url=self.url, follow_redirects=True, timeout=10)

    def program(self, level: str) -> httpx.AsyncClient:
        """Return a client that sends a token."""
        headers = {"Authorization": f"Bearer {self.tokens[level]}"} if level else {}
        return httpx.AsyncClient(base_url=self.url, headers=headers, timeout=10)


def xsrf_of(page: str) -> str:
    """Return the XSRF token that stands in a page."""
    found = re.search(r'xsrf_token: "([^"]+)"', page)
    assert found, page
    return found[1]


async def start_service(
    filled: Filled,
    database_url: str = "",
    *,
    local_credentials: bool = False,
    public_url: str = "",
    documentation: Path | None = None,
) -> tuple[Running, HTTPServer]:
    """Start the service and the fake Hub on one origin, as the proxy shows them."""
    hub = FakeHub()
    tokens = {level: hub.add(person) for level, person in PEOPLE.items()}
    (listening,) = bind_sockets(0, "127.0.0.1")
    port = listening.getsockname()[1]
    environment = Environment(
        host="127.0.0.1",
        port=port,
        prefix=PREFIX,
        hub_prefix="/hub/",
        hub_host="",
        api_url=f"http://127.0.0.1:{port}/hub/api",
        database_url=database_url or filled.url,
        cookie_secret=secrets.token_bytes(32),
        local_credentials=local_credentials,
        public_url=public_url,
        documentation=documentation,
    )
    hub_auth = HubOAuth(
        api_url=environment.api_url,
        api_token="token-of-the-service",
        base_url=PREFIX,
        oauth_client_id="service-platform",
        access_scopes={ACCESS, "access:services"},
        cache_max_age=1,
    )
    reader = StoreReader(environment.database_url)
    service = make_app(environment, hub_auth, reader)
    router = RuleRouter(
        [Rule(PathMatches("/hub/.*"), hub.make_app()), Rule(PathMatches("/services/.*"), service)]
    )
    server = HTTPServer(router)
    server.add_socket(listening)
    return Running(f"http://127.0.0.1:{port}", hub, tokens, filled, reader), server


@pytest.fixture
async def running(filled: Filled) -> AsyncIterator[Running]:
    """A service over a store in which dev1 runs two servers, dev2 one, and one start was denied."""
    running, server = await start_service(filled)
    yield running
    await stop_service(running, server)


async def stop_service(running: Running, server: HTTPServer) -> None:
    """Stop what :func:`start_service` started."""
    server.stop()
    await server.close_all_connections()
    running.reader.close()
    await JupyterHubHTTPClient.loop_instance().close()
    await asyncio.sleep(0)
