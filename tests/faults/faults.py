"""The faults: each breaks a component for a while and heals it."""

import asyncio
import random
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from app.bus import codec
from app.core.publications import Publication
from app.wire.events import PublicationKind
from app.wire.seq import MAX_SEQ
from tests.faults.cluster import SERVERS, Cluster, LinkKind
from tests.faults.history import Restore
from tests.faults.proxy import Proxy
from tests.faults.restore import replace_by_backup, take_backup, wait_until_overtaken

STEP_S = 0.25  # between two injections of a repeated fault
TINY = "pubsub 16384 0 0"  # bytes queued for a subscriber before Redis disconnects it
USUAL = "pubsub 33554432 8388608 60"
FLOOD = 40  # payloads of FLOOD_BYTES in one round trip
FLOOD_BYTES = 4096
EVERYTHING = "everything"  # the component of a fault during which there is no other
NOT_OURS = b"\xff"  # an unknown version of the bus's payload


@dataclass(frozen=True)
class Injection:
    """One injection: its cluster, random numbers and duration, and the room for forgeries."""

    cluster: Cluster
    rng: random.Random
    hold_s: float
    room: str  # in which only the probe sends
    send_crash_marker: Callable[[int], Awaitable[None]]  # to a server, in a room of its own
    devices_away: Callable[[], AbstractContextManager[None]]  # half of them, once disconnected
    on_restore: Callable[[Restore], None]

    def server(self) -> int:
        return self.rng.randrange(SERVERS)

    async def wait(self) -> None:
        await asyncio.sleep(self.hold_s)


Work = Callable[[Injection], Awaitable[None]]


@dataclass(frozen=True)
class Fault:
    """Faults of one `component` are never injected at the same time. One that `blocks_delivery`
    stops a link, so repair times count from its end."""

    name: str
    component: str
    blocks_delivery: bool
    inject: Work


FAULTS: dict[str, Fault] = {}


def fault(name: str, component: str, *, blocks_delivery: bool = False) -> Callable[[Work], Work]:
    def register(work: Work) -> Work:
        FAULTS[name] = Fault(name, component, blocks_delivery, work)
        return work

    return register


@fault("none", "nothing")
async def _none(injection: Injection) -> None:
    await injection.wait()


# Servers.


@fault("server-kill", "server")
async def _server_kill(injection: Injection) -> None:
    one = injection.server()
    await injection.cluster.servers[one].kill()
    await injection.wait()
    await injection.cluster.start(one)


@fault("server-crash", "server")
async def _server_crash(injection: Injection) -> None:
    """SIGKILL between a COMMIT and its publication; no later message reveals the gap."""
    one = injection.server()
    server = injection.cluster.servers[one]
    server.signal(signal.SIGUSR2)
    try:
        async with asyncio.timeout(10):
            while server.runs:
                await injection.send_crash_marker(one)
    finally:
        await server.kill()
        await injection.wait()
        await injection.cluster.start(one)


@fault("server-freeze", "server", blocks_delivery=True)
async def _server_freeze(injection: Injection) -> None:
    server = injection.cluster.servers[injection.server()]
    server.signal(signal.SIGSTOP)
    try:
        await injection.wait()
    finally:
        server.signal(signal.SIGCONT)


@fault("server-drain", "server")
async def _server_drain(injection: Injection) -> None:
    """SIGTERM, as in a rolling update."""
    one = injection.server()
    server = injection.cluster.servers[one]
    server.signal(signal.SIGTERM)
    await server.ended(within_s=40)
    await injection.cluster.start(one)


@fault("restore", EVERYTHING, blocks_delivery=True)
async def _restore(injection: Injection) -> None:
    """A backup is restored. Half of the clients come back only when the logs are as long again: a
    position or a snapshot from before would then seem to be valid."""
    backup = await take_backup(injection.cluster)
    await injection.wait()
    with injection.devices_away():
        number = injection.rng.choice((signal.SIGKILL, signal.SIGTERM))
        restore = await replace_by_backup(injection.cluster, backup, number)
        injection.on_restore(restore)
        await injection.cluster.start_all()
        await wait_until_overtaken(injection.cluster, restore)


# MariaDB and Redis themselves.


@fault("mariadb-kill", "mariadb", blocks_delivery=True)
async def _mariadb_kill(injection: Injection) -> None:
    injection.cluster.mariadb.server.kill()
    await injection.wait()
    await injection.cluster.mariadb.server.start_here()


@fault("mariadb-restart", "mariadb", blocks_delivery=True)
async def _mariadb_restart(injection: Injection) -> None:
    await injection.cluster.mariadb.server.stop_here()
    await injection.cluster.mariadb.server.start_here()


@fault("mariadb-freeze", "mariadb", blocks_delivery=True)
async def _mariadb_freeze(injection: Injection) -> None:
    with injection.cluster.mariadb.server.frozen():
        await injection.wait()


@fault("redis-kill", "redis")
async def _redis_kill(injection: Injection) -> None:
    injection.cluster.broker.server.kill()
    await injection.wait()
    await injection.cluster.broker.server.start_here()


@fault("redis-restart", "redis")
async def _redis_restart(injection: Injection) -> None:
    await injection.cluster.broker.server.stop_here()
    await injection.cluster.broker.server.start_here()


@fault("redis-freeze", "redis")
async def _redis_freeze(injection: Injection) -> None:
    with injection.cluster.broker.server.frozen():
        await injection.wait()


@fault("redis-flush", "redis")
async def _redis_flush(injection: Injection) -> None:
    async with injection.cluster.redis() as client:
        await _repeat(injection, client.flushall)


@fault("redis-kill-pubsub", "redis")
async def _redis_kill_pubsub(injection: Injection) -> None:
    async with injection.cluster.redis() as client:
        await _repeat(injection, lambda: client.client_kill_filter(_type="pubsub"))


@fault("redis-tiny-buffer", "redis")
async def _redis_tiny_buffer(injection: Injection) -> None:
    """Redis disconnects subscribers for a few queued messages, and many are published."""
    channel = _channel(injection, injection.room)

    async with injection.cluster.redis() as client:

        async def flood() -> None:
            pipeline = client.pipeline(transaction=False)
            for _ in range(FLOOD):
                pipeline.publish(channel, NOT_OURS * FLOOD_BYTES)
            await pipeline.execute()

        await client.config_set("client-output-buffer-limit", TINY)
        try:
            await _repeat(injection, flood)
        finally:
            await client.config_set("client-output-buffer-limit", USUAL)


@fault("redis-forged", "redis")
async def _redis_forged(injection: Injection) -> None:
    """Publications are repeated late and reordered, with a far-future seq, and truncated."""
    async with injection.cluster.redis() as client, client.pubsub() as listener:
        await listener.psubscribe(f"{injection.cluster.prefix}:[0-9]*")
        received: list[tuple[bytes, bytes]] = []
        deadline = asyncio.get_running_loop().time() + injection.hold_s
        while asyncio.get_running_loop().time() < deadline:
            message = await listener.get_message(timeout=STEP_S)
            if message and message["type"] == "pmessage" and len(received) < 1000:
                received.append((message["channel"], message["data"]))
            if len(received) >= 20 or (received and message is None):
                await _forge(injection, client, received)
                received.clear()
        # The subscription receives the forgeries, too; the rest of them is dropped with it.


async def _forge(injection: Injection, client: Any, received: list[tuple[bytes, bytes]]) -> None:
    future = Publication(PublicationKind.MESSAGE, UUID(injection.room), MAX_SEQ, UUID(int=0), b"{}")
    forged: list[tuple[bytes | str, bytes]] = [
        (_channel(injection, injection.room), codec.encode(future, bytes(codec.ORIGIN_BYTES)))
    ]
    for channel, data in injection.rng.sample(received, min(10, len(received))):
        forged += [(channel, data), (channel, data[:9]), (channel, NOT_OURS + data[1:])]
    injection.rng.shuffle(forged)
    for where, payload in forged:
        await client.publish(where, payload)
    await asyncio.sleep(STEP_S)


# Links. One server's, or both.


@fault("redis-hole", "redis-link")
async def _redis_hole(injection: Injection) -> None:
    async with _choose_links(injection, "broker") as proxies:
        _for_each(proxies, Proxy.block)
        await injection.wait()


@fault("redis-slow", "redis-link")
async def _redis_slow(injection: Injection) -> None:
    async with _choose_links(injection, "broker") as proxies:
        for proxy in proxies:
            proxy.delay_s = 0.2
        await injection.wait()


@fault("redis-slice", "redis-link")
async def _redis_slice(injection: Injection) -> None:
    await _fragment(injection, "broker")


@fault("redis-reset", "redis-link")
async def _redis_reset(injection: Injection) -> None:
    async with _choose_links(injection, "broker") as proxies:
        await _repeat(injection, lambda: _cut(injection, proxies))


@fault("redis-half-open", "redis-link")
async def _redis_half_open(injection: Injection) -> None:
    async with _choose_links(injection, "broker") as proxies:
        for proxy in proxies:
            proxy.half_open("server")
        await injection.wait()


@fault("database-hole", "database-link", blocks_delivery=True)
async def _database_hole(injection: Injection) -> None:
    async with _choose_links(injection, "database") as proxies:
        _for_each(proxies, Proxy.block)
        await injection.wait()


@fault("database-slow", "database-link", blocks_delivery=True)
async def _database_slow(injection: Injection) -> None:
    async with _choose_links(injection, "database") as proxies:
        for proxy in proxies:
            proxy.delay_s = 0.02
        await injection.wait()


@fault("database-slice", "database-link")
async def _database_slice(injection: Injection) -> None:
    await _fragment(injection, "database")


@fault("database-reset", "database-link")
async def _database_reset(injection: Injection) -> None:
    async with _choose_links(injection, "database") as proxies:
        await _repeat(injection, lambda: _cut(injection, proxies))


@fault("database-half-open", "database-link", blocks_delivery=True)
async def _database_half_open(injection: Injection) -> None:
    async with _choose_links(injection, "database") as proxies:
        for proxy in proxies:
            proxy.half_open("server")
        await injection.wait()
        _for_each(proxies, Proxy.reset)


@fault("commit-reset", "database-link")
async def _commit_reset(injection: Injection) -> None:
    """The link is reset before, during or after a COMMIT."""
    async with _choose_links(injection, "database") as proxies:

        async def arm_crash() -> None:
            for proxy in proxies:
                proxy.on_commit = injection.rng.choice(("before", "during", "after"))

        await _repeat(injection, arm_crash)


@fault("client-flap", "client-link")
async def _client_flap(injection: Injection) -> None:
    async with _choose_links(injection, "client") as proxies:
        await _repeat(injection, lambda: _cut(injection, proxies))


@fault("client-hole", "client-link", blocks_delivery=True)
async def _client_hole(injection: Injection) -> None:
    async with _choose_links(injection, "client") as proxies:
        _for_each(proxies, Proxy.block)
        await injection.wait()


@fault("client-slow", "client-link", blocks_delivery=True)
async def _client_slow(injection: Injection) -> None:
    async with _choose_links(injection, "client") as proxies:
        for proxy in proxies:
            proxy.delay_s = 0.1
        await injection.wait()


@fault("client-slice", "client-link")
async def _client_slice(injection: Injection) -> None:
    await _fragment(injection, "client")


@fault("client-half-open", "client-link", blocks_delivery=True)
async def _client_half_open(injection: Injection) -> None:
    """One side loses the connection, and the other detects it by the heartbeat only."""
    async with _choose_links(injection, "client") as proxies:
        for proxy in proxies:
            proxy.half_open(injection.rng.choice(("client", "server")))
        await injection.wait()


@asynccontextmanager
async def _choose_links(injection: Injection, kind: LinkKind) -> AsyncIterator[list[Proxy]]:
    """The links of one server or of both; healed afterwards."""
    proxies = injection.cluster.proxies(kind)
    chosen = injection.rng.choice((proxies[:1], proxies[1:], proxies))
    try:
        yield chosen
    finally:
        _for_each(chosen, Proxy.heal)


def _for_each(proxies: list[Proxy], do: Callable[[Proxy], None]) -> None:
    for proxy in proxies:
        do(proxy)


async def _fragment(injection: Injection, kind: LinkKind) -> None:
    async with _choose_links(injection, kind) as proxies:
        for proxy in proxies:
            proxy.max_bytes = 40
        await injection.wait()


async def _cut(injection: Injection, proxies: list[Proxy]) -> None:
    _for_each(proxies, injection.rng.choice((Proxy.reset, Proxy.reset, Proxy.close)))


async def _repeat(injection: Injection, inject: Callable[[], Awaitable[object]]) -> None:
    deadline = asyncio.get_running_loop().time() + injection.hold_s
    while True:
        await inject()
        if asyncio.get_running_loop().time() > deadline:
            return
        await asyncio.sleep(injection.rng.uniform(0.5, 1.5) * STEP_S)


def _channel(injection: Injection, room: str) -> str:
    return f"{injection.cluster.prefix}:{codec.partition(UUID(room), 128)}"
