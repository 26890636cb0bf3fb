"""Many who do wrong at once: a real server process keeps its memory, its pace and its life."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from uuid import UUID

import pytest

from tests.features.people import Person
from tests.features.serving import serving
from tests.realtime.conftest import quick
from tests.realtime.peer import Peer, Peers
from tests.realtime.processes import ServerProcess, running
from tests.realtime.raw import CONT, PING, TEXT, Raw, frame, raw, resident_kib
from tests.servers.backend import Backend, vary

# Generous, and less than if every one of them left a few kilobytes.
MOST_GROWTH_KIB = 24 * 1024
CROWD = 600
PER_ADDRESS = 20


class Besieged:
    """A server process of its own, and somebody who goes on talking there."""

    def __init__(self, server: ServerProcess, ada: Person, room: str, peer: Peer) -> None:
        self.server, self.ada, self.room, self._peer = server, ada, room, peer

    async def talk(self, until: "asyncio.Task[None]") -> float:
        """The longest wait for an ack and its event while something else goes on."""
        longest = 0.0
        while not until.done():
            begun = time.monotonic()
            ack = await self._peer.says(self.room, "still here")
            await self._peer.has(self.room, ack["seq"])
            longest = max(longest, time.monotonic() - begun)
            await asyncio.sleep(0.2)
        await until
        return longest

    def memory_kib(self) -> int:
        return resident_kib(self.server.pid)


@pytest.fixture
async def besieged(embedded: Backend, tmp_path: Path, peers: Peers) -> AsyncIterator[Besieged]:
    settings = vary(
        quick(embedded.settings),
        realtime={"hello_timeout_s": 2},
        limits={
            "sockets_unauthenticated_per_address": PER_ADDRESS,
            "sockets_unauthenticated": CROWD // 2,
            "frames_burst": 40,
            "frames_per_minute": 600,
        },
    )
    async with serving(settings) as host, host.client() as http:
        ada = await host.person(http)
        room = await ada.makes_room()
    async with running(settings, tmp_path) as server:
        ada = server.here(ada)
        peer = await peers.join(ada, room)
        yield Besieged(server, ada, room, peer)
        assert UUID((await ada.room(room))["id"]) == UUID(room)  # the same process, and it answers


async def silent(url: str, number: int) -> int:
    """A socket that never says hello: how it ended."""
    source = f"127.0.{1 + number // 250}.{1 + number % 250}"
    async with raw(url, source=source) as connection:
        status = await connection.ask_for_upgrade()
        return await connection.close_code() if status == 101 else status


async def crowd(url: str, per_address: int) -> list[int]:
    return await asyncio.gather(*(silent(url, n // per_address) for n in range(CROWD)))


async def test_a_crowd_without_a_hello(besieged: Besieged) -> None:
    """At most so many of an address wait, and at most so many in all; the others are refused, and
    those who wait are closed in time."""
    found: list[list[int]] = []

    async def siege() -> None:
        found.append(await crowd(besieged.server.url, PER_ADDRESS - 5))
        found.append(await crowd(besieged.server.url, PER_ADDRESS * 3))

    begin = 0
    for turn in range(3):
        longest = await besieged.talk(asyncio.create_task(siege()))
        assert longest < 5
        if turn == 0:
            begin = besieged.memory_kib()
    assert besieged.memory_kib() - begin < MOST_GROWTH_KIB
    for spread, crowded in zip(found[::2], found[1::2], strict=True):
        assert set(spread) == {4401, 503}
        assert spread.count(4401) == CROWD // 2
        assert set(crowded) == {4401, 429}
        assert crowded.count(4401) == CROWD // 3


async def test_floods_and_broken_frames(besieged: Besieged) -> None:
    url = besieged.server.url

    async def abuse(data: bytes, *, hello: bool) -> None:
        async with raw(url) as connection:
            await connection.upgrade()
            if hello:
                await connection.hello(besieged.ada)
            await pour(connection, data)

    async def siege() -> None:
        for data in (
            frame(TEXT, b"{}") * 500,
            frame(TEXT, b"[" * 16_000),
            frame(PING, b"x" * 125) * 100,
            frame(TEXT, fin=False) + frame(CONT, fin=False) * 500,
            frame(TEXT, b"x" * 65_000, fin=False),
            frame(TEXT, b"x", masked=False),
            b"\xff" * 5000,
        ):
            await asyncio.gather(*(abuse(data, hello=h) for h in (True, False) for _ in range(4)))

    begin = 0
    for turn in range(4):
        longest = await besieged.talk(asyncio.create_task(siege()))
        assert longest < 5
        if turn == 0:
            begin = besieged.memory_kib()
    assert besieged.memory_kib() - begin < MOST_GROWTH_KIB


async def pour(connection: Raw, data: bytes) -> None:
    """Until the server has enough of it."""
    try:
        async with asyncio.timeout(60):
            while True:
                await connection.send(data)
    except ConnectionError:
        pass


async def test_peers_that_send_and_do_not_read(besieged: Besieged) -> None:
    """What waits for them stays within their limits, whatever they ask for."""
    large = "x" * 3900
    for _ in range(60):
        await besieged.ada.says(besieged.room, large)
    begin = besieged.memory_kib()

    async with AsyncExitStack() as stack:
        peers = [await stack.enter_async_context(raw(besieged.server.url)) for _ in range(8)]

        async def siege() -> None:
            await asyncio.gather(*(ask(peer, besieged) for peer in peers))

        assert await besieged.talk(asyncio.create_task(siege())) < 5
        # Eight megabytes of buffers, and what the rest of it takes.
        assert besieged.memory_kib() - begin < 8 * 1024 + MOST_GROWTH_KIB


async def ask(peer: Raw, besieged: Besieged) -> None:
    await peer.upgrade()
    await peer.hello(besieged.ada)
    peer.writer.transport.pause_reading()  # type: ignore[attr-defined]
    try:
        for _ in range(60):
            await peer.say(type="open", rooms=[{"room": besieged.room, "since": 1}])
            await asyncio.sleep(0.01)
    except ConnectionError:
        pass
