"""The proxy breaks connections as its faults are named."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager

import pytest

from testkit.waiting import eventually, limit, pause
from tests.faults.proxy import COMMIT, HOST, Moment, Proxy

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Echo:
    """A server that sends back what it receives, and records it."""

    def __init__(self) -> None:
        self.received = b""
        self.reads: list[int] = []
        self.ends: list[str] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65536):
                self.received += data
                self.reads.append(len(data))
                writer.write(data)
            self.ends.append("closed")
        except ConnectionError:
            self.ends.append("reset")
        finally:
            writer.close()


@pytest.fixture
def echo() -> Echo:
    return Echo()


@pytest.fixture
async def proxy(echo: Echo) -> AsyncIterator[Proxy]:
    server = await asyncio.start_server(echo.serve, HOST, 0)
    proxy = Proxy(server.sockets[0].getsockname()[1], random.Random(1))
    await proxy.start()
    yield proxy
    await proxy.stop()
    server.close()
    await server.wait_closed()


@asynccontextmanager
async def connected(proxy: Proxy) -> AsyncIterator[Streams]:
    reader, writer = await asyncio.open_connection(HOST, proxy.port)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


async def exchange(streams: Streams, data: bytes) -> bytes:
    reader, writer = streams
    writer.write(data)
    async with limit():
        return await reader.readexactly(len(data))


async def lost(awaitable: Awaitable[bytes]) -> bool:
    try:
        async with limit():
            return await awaitable == b""
    except (ConnectionError, asyncio.IncompleteReadError):
        return True


async def silent(reader: asyncio.StreamReader) -> bool:
    """Nothing arrives for a while, not even the end of the stream."""
    reading = asyncio.create_task(reader.read(1))
    await pause(0.1)
    return not reading.done() and reading.cancel()


async def test_bytes_pass_in_both_directions(proxy: Proxy) -> None:
    async with connected(proxy) as streams:
        data = bytes(range(256)) * 4000
        assert await exchange(streams, data) == data


async def test_a_close_passes(proxy: Proxy, echo: Echo) -> None:
    async with connected(proxy) as (reader, writer):
        assert await exchange((reader, writer), b"x") == b"x"
        writer.close()
        await eventually(lambda: echo.ends)
    assert echo.ends == ["closed"]


async def test_fragments_are_the_same_bytes(proxy: Proxy, echo: Echo) -> None:
    proxy.max_bytes = 7
    async with connected(proxy) as streams:
        data = bytes(range(256))
        assert await exchange(streams, data) == data
    assert len(echo.reads) > 5


async def test_a_delay_applies_in_both_directions(proxy: Proxy) -> None:
    proxy.delay_s = 0.05
    clock = asyncio.get_running_loop().time
    async with connected(proxy) as streams:
        started = clock()
        assert await exchange(streams, b"x") == b"x"
        assert clock() - started >= 0.1


async def test_a_blocked_link_delivers_everything_once_healed(proxy: Proxy, echo: Echo) -> None:
    async with connected(proxy) as (reader, writer):
        assert await exchange((reader, writer), b"a") == b"a"
        proxy.block()
        writer.write(b"b")
        assert await silent(reader)
        async with connected(proxy) as second:
            second[1].write(b"c")
            assert await silent(second[0])
            assert echo.received == b"a"
            proxy.heal()
            assert await reader.readexactly(1) == b"b"
            assert await second[0].readexactly(1) == b"c"


async def test_a_reset_closes_both_ends(proxy: Proxy, echo: Echo) -> None:
    async with connected(proxy) as streams:
        assert await exchange(streams, b"x") == b"x"
        proxy.reset()
        assert await lost(streams[0].read(1))
        await eventually(lambda: echo.ends)
        assert echo.ends == ["reset"]


async def test_a_half_open_link_looks_open_to_the_client(proxy: Proxy, echo: Echo) -> None:
    async with connected(proxy) as (reader, writer):
        assert await exchange((reader, writer), b"x") == b"x"
        proxy.half_open("server")
        await eventually(lambda: echo.ends)
        writer.write(b"y")
        assert await silent(reader)
        assert echo.received == b"x"
        async with connected(proxy) as other:
            assert await exchange(other, b"z") == b"z"


async def test_a_half_open_link_looks_open_to_the_server(proxy: Proxy, echo: Echo) -> None:
    async with connected(proxy) as streams:
        assert await exchange(streams, b"x") == b"x"
        proxy.half_open("client")
        assert await lost(streams[0].read(1))
        assert echo.ends == []


async def test_a_missing_target_resets_the_connection(proxy: Proxy) -> None:
    free = await asyncio.start_server(lambda _r, _w: None, HOST, 0)
    proxy.target = free.sockets[0].getsockname()[1]
    free.close()
    await free.wait_closed()
    async with connected(proxy) as (reader, _):
        assert await lost(reader.read(1))


@pytest.mark.parametrize("end", COMMIT)
@pytest.mark.parametrize(("moment", "arrives"), [("before", False), ("after", True)])
async def test_a_link_is_reset_before_or_after_commit(
    proxy: Proxy, echo: Echo, moment: Moment, arrives: bool, end: bytes
) -> None:
    packet = b"\x07\x00\x00\x00" + end
    async with connected(proxy) as streams, connected(proxy) as next_one:
        assert await exchange(streams, b"SELECT 1") == b"SELECT 1"
        proxy.on_commit = moment
        streams[1].write(packet)
        assert await lost(streams[0].readexactly(1))
        assert (packet in echo.received) is arrives
        assert proxy.commits_cut == 1
        assert await exchange(next_one, packet) == packet, "only one is cut"


async def test_a_link_is_reset_during_commit(proxy: Proxy) -> None:
    async with connected(proxy) as streams:
        assert await exchange(streams, b"x") == b"x"
        proxy.on_commit = "during"
        streams[1].write(b"\x07\x00\x00\x00" + COMMIT[0])
        assert await lost(streams[0].readexactly(1))
        assert proxy.commits_cut == 1
