"""What can break: each fault breaks something for a while, and mends it."""

import asyncio
import random
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from app.bus import codec
from app.core.publications import Publication
from app.wire.events import PublicationKind
from app.wire.seq import MAX_SEQ
from tests.faults.proxy import Proxy
from tests.faults.stand import SERVERS, Place, Stand

STEP_S = 0.25  # between two strokes of a fault that strikes again and again
TINY = "pubsub 16384 0 0"  # bytes that may wait for a subscriber before Redis drops it
USUAL = "pubsub 33554432 8388608 60"
FLOOD = 40  # payloads of FLOOD_BYTES in one round trip
FLOOD_BYTES = 4096
NOT_OURS = b"\xff"  # a version of the bus's payload that no process knows


@dataclass(frozen=True)
class Case:
    """One injection: where, by which dice, for how long, and in which room it may be told of."""

    stand: Stand
    chance: random.Random
    hold_s: float
    room: str  # where nobody speaks but the probes
    say_last_words: Callable[[int], Awaitable[None]]  # to a server; where else nobody speaks

    def server(self) -> int:
        return self.chance.randrange(SERVERS)

    async def wait(self) -> None:
        await asyncio.sleep(self.hold_s)


Work = Callable[[Case], Awaitable[None]]


@dataclass(frozen=True)
class Fault:
    """`target` is what it occupies: two faults of one target never come together. While one
    `stalls`, nothing can be delivered on some link, so that repair is measured from its end."""

    name: str
    target: str
    stalls: bool
    inject: Work


FAULTS: dict[str, Fault] = {}


def fault(name: str, target: str, *, stalls: bool = False) -> Callable[[Work], Work]:
    def register(work: Work) -> Work:
        FAULTS[name] = Fault(name, target, stalls, work)
        return work

    return register


@fault("none", "nothing")
async def _none(case: Case) -> None:
    await case.wait()


# Servers.


@fault("server-kill", "server")
async def _server_kill(case: Case) -> None:
    one = case.server()
    await case.stand.servers[one].kill()
    await case.wait()
    await case.stand.start(one)


@fault("server-crash", "server")
async def _server_crash(case: Case) -> None:
    """Killed between a COMMIT and telling anybody of it; nothing follows that would show it."""
    one = case.server()
    server = case.stand.servers[one]
    server.signal(signal.SIGUSR2)
    try:
        async with asyncio.timeout(10):
            while server.runs:
                await case.say_last_words(one)
    finally:
        await server.kill()
        await case.wait()
        await case.stand.start(one)


@fault("server-freeze", "server", stalls=True)
async def _server_freeze(case: Case) -> None:
    server = case.stand.servers[case.server()]
    server.signal(signal.SIGSTOP)
    try:
        await case.wait()
    finally:
        server.signal(signal.SIGCONT)


@fault("server-drain", "server")
async def _server_drain(case: Case) -> None:
    """As in a rolling update."""
    one = case.server()
    server = case.stand.servers[one]
    server.signal(signal.SIGTERM)
    await server.ended(within_s=40)
    await case.stand.start(one)


# MariaDB and Redis themselves.


@fault("mariadb-kill", "mariadb", stalls=True)
async def _mariadb_kill(case: Case) -> None:
    case.stand.mariadb.server.kill()
    await case.wait()
    await case.stand.mariadb.server.start_here()


@fault("mariadb-restart", "mariadb", stalls=True)
async def _mariadb_restart(case: Case) -> None:
    await case.stand.mariadb.server.stop_here()
    await case.stand.mariadb.server.start_here()


@fault("mariadb-freeze", "mariadb", stalls=True)
async def _mariadb_freeze(case: Case) -> None:
    with case.stand.mariadb.server.frozen():
        await case.wait()


@fault("redis-kill", "redis")
async def _redis_kill(case: Case) -> None:
    case.stand.broker.server.kill()
    await case.wait()
    await case.stand.broker.server.start_here()


@fault("redis-restart", "redis")
async def _redis_restart(case: Case) -> None:
    await case.stand.broker.server.stop_here()
    await case.stand.broker.server.start_here()


@fault("redis-freeze", "redis")
async def _redis_freeze(case: Case) -> None:
    with case.stand.broker.server.frozen():
        await case.wait()


@fault("redis-flush", "redis")
async def _redis_flush(case: Case) -> None:
    async with case.stand.redis() as client:
        await _again_and_again(case, client.flushall)


@fault("redis-kill-pubsub", "redis")
async def _redis_kill_pubsub(case: Case) -> None:
    async with case.stand.redis() as client:
        await _again_and_again(case, lambda: client.client_kill_filter(_type="pubsub"))


@fault("redis-tiny-buffer", "redis")
async def _redis_tiny_buffer(case: Case) -> None:
    """Subscribers are dropped whenever a few messages come at once; and many come."""
    channel = _channel(case, case.room)

    async with case.stand.redis() as client:

        async def flood() -> None:
            pipeline = client.pipeline(transaction=False)
            for _ in range(FLOOD):
                pipeline.publish(channel, NOT_OURS * FLOOD_BYTES)
            await pipeline.execute()

        await client.config_set("client-output-buffer-limit", TINY)
        try:
            await _again_and_again(case, flood)
        finally:
            await client.config_set("client-output-buffer-limit", USUAL)


@fault("redis-forged", "redis")
async def _redis_forged(case: Case) -> None:
    """What was published comes again, late and in another order; with a far-future seq, and cut."""
    async with case.stand.redis() as client, client.pubsub() as listener:
        await listener.psubscribe(f"{case.stand.prefix}:[0-9]*")
        heard: list[tuple[bytes, bytes]] = []
        until = asyncio.get_running_loop().time() + case.hold_s
        while asyncio.get_running_loop().time() < until:
            message = await listener.get_message(timeout=STEP_S)
            if message and message["type"] == "pmessage" and len(heard) < 1000:
                heard.append((message["channel"], message["data"]))
            if len(heard) >= 20 or (heard and message is None):
                await _forge(case, client, heard)
                heard.clear()
        # The forgeries themselves are heard, too; what is left of them is dropped with the link.


async def _forge(case: Case, client: Any, heard: list[tuple[bytes, bytes]]) -> None:
    future = Publication(PublicationKind.MESSAGE, UUID(case.room), MAX_SEQ, UUID(int=0), b"{}")
    forged: list[tuple[bytes | str, bytes]] = [
        (_channel(case, case.room), codec.encode(future, bytes(codec.ORIGIN_BYTES)))
    ]
    for channel, data in case.chance.sample(heard, min(10, len(heard))):
        forged += [(channel, data), (channel, data[:9]), (channel, NOT_OURS + data[1:])]
    case.chance.shuffle(forged)
    for where, payload in forged:
        await client.publish(where, payload)
    await asyncio.sleep(STEP_S)


# Links. One server's, or both.


@fault("redis-hole", "redis-link")
async def _redis_hole(case: Case) -> None:
    async with _some(case, "broker") as proxies:
        _each(proxies, Proxy.hold)
        await case.wait()


@fault("redis-slow", "redis-link")
async def _redis_slow(case: Case) -> None:
    async with _some(case, "broker") as proxies:
        for proxy in proxies:
            proxy.delay_s = 0.2
        await case.wait()


@fault("redis-slice", "redis-link")
async def _redis_slice(case: Case) -> None:
    await _slice(case, "broker")


@fault("redis-reset", "redis-link")
async def _redis_reset(case: Case) -> None:
    async with _some(case, "broker") as proxies:
        await _again_and_again(case, lambda: _strike(case, proxies))


@fault("redis-half-open", "redis-link")
async def _redis_half_open(case: Case) -> None:
    async with _some(case, "broker") as proxies:
        for proxy in proxies:
            proxy.halve("server")
        await case.wait()


@fault("database-hole", "database-link", stalls=True)
async def _database_hole(case: Case) -> None:
    async with _some(case, "database") as proxies:
        _each(proxies, Proxy.hold)
        await case.wait()


@fault("database-slow", "database-link", stalls=True)
async def _database_slow(case: Case) -> None:
    async with _some(case, "database") as proxies:
        for proxy in proxies:
            proxy.delay_s = 0.02
        await case.wait()


@fault("database-slice", "database-link")
async def _database_slice(case: Case) -> None:
    await _slice(case, "database")


@fault("database-reset", "database-link")
async def _database_reset(case: Case) -> None:
    async with _some(case, "database") as proxies:
        await _again_and_again(case, lambda: _strike(case, proxies))


@fault("database-half-open", "database-link", stalls=True)
async def _database_half_open(case: Case) -> None:
    async with _some(case, "database") as proxies:
        for proxy in proxies:
            proxy.halve("server")
        await case.wait()
        _each(proxies, Proxy.reset)


@fault("commit-reset", "database-link")
async def _commit_reset(case: Case) -> None:
    """Before the database has heard of a COMMIT, while it happens, and after it has."""
    async with _some(case, "database") as proxies:

        async def arm() -> None:
            for proxy in proxies:
                proxy.on_commit = case.chance.choice(("before", "during", "after"))

        await _again_and_again(case, arm)


@fault("client-flap", "client-link")
async def _client_flap(case: Case) -> None:
    async with _some(case, "client") as proxies:
        await _again_and_again(case, lambda: _strike(case, proxies))


@fault("client-hole", "client-link", stalls=True)
async def _client_hole(case: Case) -> None:
    async with _some(case, "client") as proxies:
        _each(proxies, Proxy.hold)
        await case.wait()


@fault("client-slow", "client-link", stalls=True)
async def _client_slow(case: Case) -> None:
    async with _some(case, "client") as proxies:
        for proxy in proxies:
            proxy.delay_s = 0.1
        await case.wait()


@fault("client-slice", "client-link")
async def _client_slice(case: Case) -> None:
    await _slice(case, "client")


@fault("client-half-open", "client-link", stalls=True)
async def _client_half_open(case: Case) -> None:
    """One side is gone, and the other is not told; it learns it by the heartbeat."""
    async with _some(case, "client") as proxies:
        for proxy in proxies:
            proxy.halve(case.chance.choice(("client", "server")))
        await case.wait()


@asynccontextmanager
async def _some(case: Case, place: Place) -> AsyncIterator[list[Proxy]]:
    """The links of one server, or of both; mended afterwards."""
    proxies = case.stand.proxies(place)
    chosen = case.chance.choice((proxies[:1], proxies[1:], proxies))
    try:
        yield chosen
    finally:
        _each(chosen, Proxy.mend)


def _each(proxies: list[Proxy], do: Callable[[Proxy], None]) -> None:
    for proxy in proxies:
        do(proxy)


async def _slice(case: Case, place: Place) -> None:
    async with _some(case, place) as proxies:
        for proxy in proxies:
            proxy.most_bytes = 40
        await case.wait()


async def _strike(case: Case, proxies: list[Proxy]) -> None:
    _each(proxies, case.chance.choice((Proxy.reset, Proxy.reset, Proxy.close)))


async def _again_and_again(case: Case, strike: Callable[[], Awaitable[object]]) -> None:
    until = asyncio.get_running_loop().time() + case.hold_s
    while True:
        await strike()
        if asyncio.get_running_loop().time() > until:
            return
        await asyncio.sleep(case.chance.uniform(0.5, 1.5) * STEP_S)


def _channel(case: Case, room: str) -> str:
    return f"{case.stand.prefix}:{codec.partition(UUID(room), 128)}"
