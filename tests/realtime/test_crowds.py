"""Many hostile clients at once: a real server process keeps its memory and its speed."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from uuid import UUID

import pytest

from testkit.peer import Peer, Peers
from testkit.people import Person
from testkit.processes import ServerProcess, run_process
from testkit.raw_connection import (
    CONT,
    PING,
    TEXT,
    RawConnection,
    connect_raw,
    cpu_s,
    frame,
    resident_kib,
)
from testkit.server import fast_settings, run_server
from testkit.servers.backend import Backend, override
from testkit.waiting import limit, pause

# Generous, and less than if every one of them left a few kilobytes.
MOST_GROWTH_KIB = 24 * 1024
CROWD = 600
PER_ADDRESS = 20
HELLO_S = 2.0
# What the server may do for others while somebody waits for an answer. A second of a core that
# others use does less: 4.1 s were seen beside fifteen of them.
MOST_WORK_S = 15.0


class Besieged:
    """A server process, and a user who goes on sending there."""

    def __init__(self, server: ServerProcess, ada: Person, room: str, peer: Peer) -> None:
        self.server, self.ada, self.room, self._peer = server, ada, room, peer

    async def talk(self, until: "asyncio.Task[None]") -> float:
        """Send while something else goes on. Returns the longest wait for an ack and its event, in
        CPU seconds of the server."""
        most = 0.0
        while not until.done():
            begun = cpu_s(self.server.pid)
            ack = await self._peer.says(self.room, "still here")
            await self._peer.has(self.room, ack["seq"])
            most = max(most, cpu_s(self.server.pid) - begun)
            await pause(0.2)
        await until
        return most

    def memory_kib(self) -> int:
        return resident_kib(self.server.pid)


@pytest.fixture
async def besieged(embedded: Backend, tmp_path: Path, peers: Peers) -> AsyncIterator[Besieged]:
    settings = override(
        fast_settings(embedded.settings),
        realtime={"hello_timeout_s": HELLO_S},
        limits={
            "sockets_unauthenticated_per_address": PER_ADDRESS,
            "sockets_unauthenticated": CROWD // 2,
            "frames_burst": 40,
            "frames_per_minute": 600,
        },
    )
    async with run_server(settings) as host, host.client() as http:
        ada = await host.person(http)
        room = await ada.makes_room()
    async with run_process(settings, tmp_path) as server:
        ada = server.here(ada)
        peer = await peers.join(ada, room)
        yield Besieged(server, ada, room, peer)
        assert UUID((await ada.room(room))["id"]) == UUID(room)  # the same process, and it answers


class Crowd:
    """Sockets without a hello. `ends` is how each ended. A place is free again after HELLO_S, so on
    a slow machine more of them get one: `places` says how often a place was free."""

    def __init__(self) -> None:
        self.ends: list[int] = []
        self._began = self._answered = time.monotonic()

    async def come(self, url: str, per_address: int) -> None:
        await asyncio.gather(*(self._silent(url, n // per_address) for n in range(CROWD)))

    async def _silent(self, url: str, number: int) -> None:
        source = f"127.0.{1 + number // 250}.{1 + number % 250}"
        async with connect_raw(url, source=source) as connection:
            status = await connection.ask_for_upgrade()
            self._answered = time.monotonic()
            self.ends.append(await connection.close_code() if status == 101 else status)

    @property
    def places(self) -> int:
        return 1 + int((self._answered - self._began) / HELLO_S)

    def check(self, most: int, refusal: int) -> None:
        assert set(self.ends) <= {4401, refusal}
        assert most <= self.ends.count(4401) <= most * self.places


async def test_many_connections_without_a_hello_are_refused(besieged: Besieged) -> None:
    """The numbers per address and in all are limited; more are refused, and waiting sockets are
    closed in time."""

    async def siege() -> None:
        spread = Crowd()
        await spread.come(besieged.server.url, PER_ADDRESS - 5)
        spread.check(CROWD // 2, refusal=503)
        dense = Crowd()
        await dense.come(besieged.server.url, PER_ADDRESS * 3)
        dense.check(CROWD // 3, refusal=429)

    begin = 0
    for turn in range(3):
        assert await besieged.talk(asyncio.create_task(siege())) < MOST_WORK_S
        if turn == 0:
            begin = besieged.memory_kib()
    assert besieged.memory_kib() - begin < MOST_GROWTH_KIB


async def test_a_server_survives_floods_and_broken_frames(besieged: Besieged) -> None:
    url = besieged.server.url

    async def abuse(data: bytes, *, hello: bool) -> None:
        async with connect_raw(url) as connection:
            await connection.upgrade()
            if hello:
                await connection.hello(besieged.ada)
            await flood(connection, data)

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
        assert await besieged.talk(asyncio.create_task(siege())) < MOST_WORK_S
        if turn == 0:
            begin = besieged.memory_kib()
    assert besieged.memory_kib() - begin < MOST_GROWTH_KIB


async def flood(connection: RawConnection, data: bytes) -> None:
    """Send until the server closes the connection."""
    try:
        async with limit():
            while True:
                await connection.send(data)
    except ConnectionError:
        pass


async def test_a_server_survives_peers_that_send_and_do_not_read(besieged: Besieged) -> None:
    """What is queued for them stays within their limits."""
    large = "x" * 3900
    for _ in range(60):
        await besieged.ada.says(besieged.room, large)
    begin = besieged.memory_kib()

    async with AsyncExitStack() as stack:
        peers = [
            await stack.enter_async_context(connect_raw(besieged.server.url)) for _ in range(8)
        ]

        async def siege() -> None:
            await asyncio.gather(*(ask(peer, besieged) for peer in peers))

        assert await besieged.talk(asyncio.create_task(siege())) < MOST_WORK_S
        # Eight megabytes of buffers, and what the rest of it takes.
        assert besieged.memory_kib() - begin < 8 * 1024 + MOST_GROWTH_KIB


async def ask(peer: RawConnection, besieged: Besieged) -> None:
    await peer.upgrade()
    await peer.hello(besieged.ada)
    peer.writer.transport.pause_reading()  # type: ignore[attr-defined]
    try:
        for _ in range(60):
            await peer.say(type="open", rooms=[{"room": besieged.room, "since": 1}])
            await pause(0.01)
    except ConnectionError:
        pass
