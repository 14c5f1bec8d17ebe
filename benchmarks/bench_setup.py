"""Where measurements are made: one population, and Hubs that start from the same files."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from benchmarks.hub_driver import Hub
from benchmarks.population import Population, make_policy, make_population
from benchmarks.seeding import fill_site, fill_store
from benchmarks.sizes import Size


class Trio(NamedTuple):
    """Two stock Hubs, which show what noise is, and a governed one."""

    stock: Hub
    again: Hub
    governed: Hub


@dataclass(frozen=True)
class BenchSetup:
    """A directory for everything that is measured at one size, from one seed."""

    size: Size
    seed: int
    directory: Path
    port: int
    population: Population
    accounts: dict[str, str]

    @classmethod
    def build(cls, size: Size, seed: int, directory: Path, port: int) -> "BenchSetup":
        """Fill the files that every Hub starts from."""
        population = make_population(size.people, size.active, seed)
        fill_site(directory / "site", population, port)
        return cls(size, seed, directory, port, population, population.account_of())

    @property
    def backend(self) -> str:
        """URL of the web server that stands for everybody's server."""
        return f"http://127.0.0.1:{self.port}"

    def make_hub(
        self,
        name: str,
        *,
        governed: bool,
        check_seconds: float = 3600,
        store_url: str = "",
        environment: Mapping[str, str] | None = None,
    ) -> Hub:
        """Make a Hub on a copy of the site of its own, with another store if one is named."""
        home = self.directory / name
        shutil.rmtree(home, ignore_errors=True)
        shutil.copytree(self.directory / "site", home)
        if store_url:
            fill_store(store_url, self.population, make_policy(self.population))
        return Hub(
            home,
            self.backend,
            governed=governed,
            check_seconds=check_seconds,
            store_url=store_url,
            environment=environment,
        )

    @asynccontextmanager
    async def running(self, *hubs: Hub) -> AsyncIterator[None]:
        """Run Hubs, from when they have nothing more to do."""
        async with AsyncExitStack() as stack:
            for hub in hubs:
                stack.push_async_callback(hub.stop)
            await asyncio.gather(*(hub.start() for hub in hubs))
            await asyncio.gather(*(hub.wait_until_quiet() for hub in hubs))
            yield

    @asynccontextmanager
    async def running_trio(self) -> AsyncIterator[Trio]:
        """Run two stock Hubs and a governed one side by side."""
        trio = Trio(
            self.make_hub("stock", governed=False),
            self.make_hub("again", governed=False),
            self.make_hub("governed", governed=True),
        )
        async with self.running(*trio):
            yield trio
