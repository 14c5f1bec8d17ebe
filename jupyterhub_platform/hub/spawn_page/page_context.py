"""The facts that the spawn page is made from: its viewer, its links, and what others run."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, quote, urlencode

from jupyterhub_platform.core.options import ChosenAccount
from jupyterhub_platform.core.policy import Policy
from jupyterhub_platform.core.reservations import Reservation, Scope
from jupyterhub_platform.usecases.book import Book

_KEPT_IN_LINKS = ("next", "display_name")


@dataclass(frozen=True, slots=True)
class PageViewer:
    """Who views the page: other users' names are shown only to those in charge of them.

    These are the managers of an account, and those who read everything.
    """

    name: str
    manages: frozenset[str] = frozenset()
    reads_everything: bool = False

    def may_name(self, account: str) -> bool:
        """Tell whether the servers charged to ``account`` are named to this viewer."""
        return self.reads_everything or account in self.manages


@dataclass(frozen=True, slots=True)
class PageLinks:
    """Where the page is: the Hub's base URL, with a slash at its end, and the request's query.

    Links keep what the Hub needs of the query. ``service_url`` is where the pages of the platform's
    service are, with a slash too.
    """

    hub_url: str
    service_url: str
    query: str = ""

    def link(self, **options: str) -> str:
        """Return a link to this same page with these options preselected."""
        kept = [(key, value) for key, value in parse_qsl(self.query) if key in _KEPT_IN_LINKS]
        return "?" + urlencode([*kept, *((f"opt-{key}", value) for key, value in options.items())])

    def request(self, **wish: str) -> str:
        """Return the page of the platform's service on which something is asked for."""
        return f"{self.service_url}new/request?{urlencode(wish)}"

    def user(self, user: str) -> str:
        """Return the Hub's own REST resource of a person."""
        return f"{self.hub_url}api/users/{quote(user, safe='')}"

    def server(self, user: str, server: str) -> str:
        """Return the Hub's own REST resource of a server."""
        tail = f"servers/{quote(server, safe='')}" if server else "server"
        return f"{self.user(user)}/{tail}"


class OtherUsersServers:
    """Other users' servers, by the scope at which they count.

    Each scope is looked up once for a page, however many tiers it blocks.
    """

    def __init__(self, book: Book, user: str) -> None:
        self._book = book
        self._user = user
        self._found: dict[tuple[Scope, frozenset[str]], tuple[Reservation, ...]] = {}

    def holding(self, scope: Scope, resources: frozenset[str]) -> tuple[Reservation, ...]:
        """Return what others hold at ``scope`` of any of these ``resources``."""
        key = (scope, resources)
        if key not in self._found:
            pool = self._book.of_account(scope.account) if scope.account else self._book
            self._found[key] = tuple(
                each
                for each in pool
                if each.user != self._user
                and scope in each.scopes()
                and any(each.demand.amount(name) for name in resources)
            )
        return self._found[key]


@dataclass(frozen=True, slots=True)
class PageContext:
    """Everything that the cards are built from. ``titles`` are display names of servers."""

    policy: Policy
    book: Book
    others_servers: OtherUsersServers
    user: str
    chosen: ChosenAccount
    viewer: PageViewer
    links: PageLinks
    titles: Mapping[str, str] = field(default_factory=dict)

    @property
    def account(self) -> str:
        """The account that is chosen, or preselected."""
        return self.chosen.name

    @property
    def whose(self) -> str:
        """Whose things the page shows: ``your``, or ``kim's``."""
        return "your" if self.own else f"{self.user}'s"

    @property
    def own(self) -> bool:
        """Whether the page is about its viewer."""
        return self.viewer.name == self.user

    @property
    def who(self) -> str:
        """What the page calls the user: ``you`` for the viewer, otherwise their name."""
        return "you" if self.own else self.user

    def tier_title(self, name: str) -> str:
        """Return the title of a tier, its name if the policy no longer has it."""
        named = self.policy.tiers.get(name) or self.policy.observed_pods.get(name)
        return (named.title if named else "") or name

    def server_title(self, server: str) -> str:
        """Return the user's title of a server."""
        return self.titles.get(server) or server or "default server"
