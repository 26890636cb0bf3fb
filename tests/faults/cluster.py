"""Two servers, one MariaDB and one Redis, with a proxy before each link between them."""

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import redis.asyncio as redis
from sqlalchemy import make_url, text
from sqlalchemy.ext.asyncio import AsyncConnection

from app.settings import Settings
from testkit.server import without_limits
from testkit.servers.backend import delete_all_rows, make_settings, override
from testkit.servers.mariadb import MariaDb
from testkit.servers.redis import RedisServer
from tests.faults.processes import ChatProcess, ResourceUsage
from tests.faults.proxy import HOST, Proxy

SERVERS = 2
ANY = 1  # target of a proxy until the port of its server is known
LinkKind = Literal["client", "database", "broker"]

# As in production, except for times that would make a run long: a lost client is detected after 6 s
# instead of 45 s, and a statement on a dead connection fails after 8 s instead of 35 s.
REALTIME = {"ping_interval_s": 2.0, "idle_timeout_s": 6.0}
DATABASE = {"statement_timeout_s": 3.0}
AUTH = {"access_token_ttl_s": 86_400}
LIMITS = {
    "frames_per_minute": 6e6,
    "frames_burst": 100_000,
    "sockets_unauthenticated_per_address": 10_000,
    "sockets_per_user": 1000,
}


@dataclass
class Cluster:
    """Each server has its own proxies: `gates` for clients, `databases` and `brokers`."""

    mariadb: MariaDb
    broker: RedisServer
    settings: Settings  # without proxies
    schema: str
    prefix: str
    servers: list[ChatProcess] = field(default_factory=list)
    gates: list[Proxy] = field(default_factory=list)
    databases: list[Proxy] = field(default_factory=list)
    brokers: list[Proxy] = field(default_factory=list)
    defects: list[str] = field(default_factory=list)

    def proxies(self, kind: LinkKind) -> list[Proxy]:
        return {"client": self.gates, "database": self.databases, "broker": self.brokers}[kind]

    def gate(self, server: int) -> str:
        """The host and port at which clients connect to this server."""
        return f"{HOST}:{self.gates[server].port}"

    async def start(self, server: int) -> None:
        await self.servers[server].start()
        self.gates[server].target = self.servers[server].port

    async def start_all(self) -> None:
        await asyncio.gather(*map(self.start, range(len(self.servers))))

    async def resource_usage(self) -> Sequence[ResourceUsage]:
        return await asyncio.gather(*(server.resource_usage() for server in self.servers))

    @asynccontextmanager
    async def sql(self) -> AsyncIterator[AsyncConnection]:
        """A connection that bypasses the proxies."""
        async with self.mariadb.connect(self.schema) as connection:
            yield connection

    @asynccontextmanager
    async def redis(self) -> AsyncIterator[Any]:
        """A connection that bypasses the proxies."""
        client = redis.Redis.from_url(self.broker.url, socket_timeout=5, protocol=2)
        try:
            yield client
        finally:
            await client.aclose()

    async def sessions(self) -> int:
        """The number of other connections to the database."""
        query = (
            "SELECT COUNT(*) FROM information_schema.processlist WHERE db = :name AND id != :own"
        )
        async with self.sql() as connection:
            own = await connection.scalar(text("SELECT CONNECTION_ID()"))
            found = await connection.scalar(text(query), {"name": self.schema, "own": own})
        return int(found or 0)

    async def transactions(self) -> int:
        """The number of open transactions in the database."""
        async with self.sql() as connection:
            found = await connection.scalar(
                text("SELECT COUNT(*) FROM information_schema.innodb_trx")
            )
        return int(found or 0)


@asynccontextmanager
async def run_cluster(
    mariadb: MariaDb, broker: RedisServer, schema: str, directory: Path, rng: random.Random
) -> AsyncIterator[Cluster]:
    """Runs servers and proxies, and stops them in any case. `schema` is migrated; what is in its
    tables is deleted."""
    base = make_settings(
        directory,
        database=mariadb.url(schema),
        redis=broker.url,
        realtime=REALTIME,
        auth=AUTH,
    )
    base = override(without_limits(base), limits=LIMITS)
    cluster = Cluster(mariadb, broker, base, schema, base.redis.prefix)
    async with cluster.sql() as connection:
        await delete_all_rows(connection)
    async with AsyncExitStack() as stack:

        async def proxy(target: int | None) -> Proxy:
            assert target is not None
            made = Proxy(target, rng)
            await made.start()
            stack.push_async_callback(made.stop)
            return made

        for number in range(SERVERS):
            cluster.databases.append(await proxy(mariadb.address.port))
            cluster.brokers.append(await proxy(make_url(broker.url).port))
            cluster.gates.append(await proxy(ANY))
            settings = _through(base, cluster.databases[-1], cluster.brokers[-1])
            server = ChatProcess(settings, directory / f"server-{number}", cluster.defects)
            cluster.servers.append(server)
            stack.push_async_callback(server.kill)
        await cluster.start_all()
        yield cluster


def _through(settings: Settings, database: Proxy, broker: Proxy) -> Settings:
    def moved(url: str, port: int) -> str:
        return make_url(url).set(host=HOST, port=port).render_as_string(hide_password=False)

    return override(
        settings,
        server={"port": 0},
        database=DATABASE | {"url": moved(settings.database.url, database.port)},
        redis={"url": moved(settings.redis.url, broker.port)},
    )
