"""Pages of history over HTTP, at the end and at the beginning of a long room, and on the socket."""

import asyncio
import time
from array import array
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import orjson

from app.settings import Settings
from bench.benchmark import Benchmark, Column, Metric, Samples, Variant, metric, ratio_metric
from bench.client import CHAT_LISTED, HOST, LoadClient, abort_all, check_connected, connect_all
from bench.environment import BenchEnvironment, Sample
from bench.seed_data import SeededUser, fill_room, seed_database
from bench.stats import latency_percentiles
from testkit.servers.backend import override

PAGE_SIZE = 50
CLIENT_COUNT = 32  # enough to keep the server busy
HISTORY = replace(CHAT_LISTED, ack_prefix=b'{"type":"history"')


@dataclass(frozen=True)
class LongRoom:
    settings: Settings
    user: SeededUser
    id: UUID
    message_count: int


@asynccontextmanager
async def long_room(env: BenchEnvironment) -> AsyncIterator[LongRoom]:
    """A room with a million messages."""
    count = env.scale(1_000_000, 20_000)
    async with env.mariadb_database() as url:
        settings = env.settings(url)
        (user,), (room,) = await seed_database(settings, 1, 1, lambda _: [0])
        await fill_room(settings, room, user.id, count, env.texts)
        yield LongRoom(settings, user, room, count)


class HttpClient(asyncio.Protocol):
    """Requests the same page repeatedly, on one connection."""

    def __init__(self, path: str, token: str) -> None:
        self._request = (
            f"GET /api/v1{path} HTTP/1.1\r\nHost: {HOST}\r\nAuthorization: Bearer {token}\r\n\r\n"
        ).encode()
        self._buffer = b""
        self._requested_at = 0.0
        self.latencies = array("d")
        self.running = True
        self.failure: str | None = None

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self._send_request()

    def _send_request(self) -> None:
        self._requested_at = time.monotonic()
        self.transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, separator, body = self._buffer.partition(b"\r\n\r\n")
        if not separator:
            return
        _, _, after = head.lower().partition(b"content-length:")
        if len(body) < int(after.split(b"\r\n", 1)[0]):
            return
        if not head.startswith(b"HTTP/1.1 200") or body.count(b'"nonce":') != PAGE_SIZE:
            self.failure = self._buffer[:300].decode(errors="replace")
            self.running = False
        self._buffer = b""
        self.latencies.append(time.monotonic() - self._requested_at)
        if self.running:
            self._send_request()
        else:
            self.transport.close()


def measure(
    client_count: int, deep: bool
) -> Callable[[BenchEnvironment, LongRoom], Awaitable[Sample]]:
    async def run(env: BenchEnvironment, room: LongRoom) -> Sample:
        before = room.message_count if deep else 101
        path = f"/rooms/{room.id}/messages?before={before}&limit={PAGE_SIZE}"
        return await request_pages(env, room.settings, path, room.user.token, client_count)

    return run


async def request_pages(
    env: BenchEnvironment, settings: Settings, path: str, token: str, client_count: int
) -> Sample:
    """Each client requests a page of `PAGE_SIZE` messages repeatedly, on its connection."""
    loop = asyncio.get_running_loop()
    async with env.chat_server(settings) as server:
        clients = [
            (await loop.create_connection(lambda: HttpClient(path, token), HOST, server.port))[1]
            for _ in range(client_count)
        ]
        await asyncio.sleep(env.warm_s)
        with env.metered(server) as usage:
            first = [len(client.latencies) for client in clients]
            await asyncio.sleep(env.measure_s)
            latencies = [
                latency
                for client, start in zip(clients, first, strict=True)
                for latency in client.latencies[start:]
            ]
        for client in clients:
            client.running = False
    failure = next((client.failure for client in clients if client.failure), None)
    if failure:
        raise RuntimeError(f"unexpected response: {failure}")
    return _sample(usage, latencies)


async def measure_socket(env: BenchEnvironment, room: LongRoom) -> Sample:
    """Each client requests the same page repeatedly, on its socket."""
    request = orjson.dumps(
        {
            "type": "history",
            "room": str(room.id),
            "before": room.message_count,
            "limit": PAGE_SIZE,
        }
    )
    clients = [LoadClient(HISTORY, room.user.hello()) for _ in range(CLIENT_COUNT)]
    loop = asyncio.get_running_loop()
    latencies = array("d")
    requested_at: dict[LoadClient, float] = {}
    running = True

    def send_request(client: LoadClient) -> None:
        requested_at[client] = loop.time()
        client.send(request)

    def on_page(client: LoadClient, data: bytes, start: int, end: int) -> None:
        latencies.append(loop.time() - requested_at[client])
        if data.count(b'"nonce":', start, end) != PAGE_SIZE:
            client.end_reason = data[start : start + 300].decode(errors="replace")
        elif running:
            send_request(client)

    settings = override(room.settings, limits={"sockets_per_user": CLIENT_COUNT})
    async with env.chat_server(settings) as server:
        try:
            await connect_all(clients, server.port)
            for client in clients:
                client.on_ack = on_page
                send_request(client)
            await asyncio.sleep(env.warm_s)
            with env.metered(server) as usage:
                first = len(latencies)
                await asyncio.sleep(env.measure_s)
                measured = latencies[first:]
            running = False
            check_connected(clients)
        finally:
            abort_all(clients)
    return _sample(usage, measured)


def _sample(usage: Sample, latencies: Sequence[float]) -> Sample:
    return (
        usage
        | latency_percentiles(latencies)
        | {
            "pages_per_s": len(latencies) / usage["seconds"],
            "pages_per_cpu_s": len(latencies) / usage["server_cpu_s"],
            "cpu_us_per_page": usage["server_cpu_s"] / len(latencies) * 1e6,
            "expected": float(len(latencies)),
            "received": float(len(latencies)),
        }
    )


def metrics(samples: Samples) -> list[Metric]:
    return [
        *ratio_metric(
            "history page of 50 at message 1,000,000, ÷ at message 100, p50",
            samples,
            "p50_ms",
            "deep",
            "shallow",
            target=1.2,
            lower_is_better=True,
        ),
        *metric(
            "history pages of 50 per app CPU second",
            samples,
            "many",
            "pages_per_cpu_s",
            "pages",
            target=800.0,
        ),
        *metric(
            "history pages of 50 on the socket, per app CPU second",
            samples,
            "socket",
            "pages_per_cpu_s",
            "pages",
        ),
    ]


BENCHMARK = Benchmark(
    name="history",
    title="History",
    about=(
        "`GET /rooms/{id}/messages?before=…&limit=50` in a room with 1,000,000 messages; every "
        "response is checked to have 50. One client measures latency, 32 measure throughput; the "
        "same 32 with `history` frames on their sockets."
    ),
    variants=[
        Variant("deep", "before the last message, one client", measure(1, deep=True)),
        Variant("shallow", "before message 101, one client", measure(1, deep=False)),
        Variant("many", "before the last message, 32 clients", measure(CLIENT_COUNT, deep=True)),
        Variant("socket", "before the last message, 32 sockets", measure_socket),
    ],
    columns=[
        Column("pages_per_cpu_s", "pages per app CPU second"),
        Column("pages_per_s", "pages per second"),
        Column("p50_ms", "p50, ms"),
        Column("p99_ms", "p99, ms"),
    ],
    metrics=metrics,
    setup=long_room,
)
