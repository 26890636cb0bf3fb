"""Pages of history over HTTP: at the end of a long log and at its beginning."""

import asyncio
import time
from array import array
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from app.settings import Settings
from bench.case import Arm, Case, Column, Figure, Samples, one, ratio
from bench.client import HOST
from bench.lab import Lab, Sample
from bench.population import Person, fill_room, populate
from bench.stats import percentile

PAGE = 50
CLIENTS = 32  # so many that the server is never idle


@dataclass(frozen=True)
class Archive:
    settings: Settings
    person: Person
    room: UUID
    messages: int


@asynccontextmanager
async def archive(lab: Lab) -> AsyncIterator[Archive]:
    """A room with a million messages."""
    count = lab.scale(1_000_000, 20_000)
    async with lab.schema() as url:
        settings = lab.settings(url)
        (person,), (room,) = await populate(settings, 1, 1, lambda _: [0])
        await fill_room(settings, room, person.user, count, lab.texts)
        yield Archive(settings, person, room, count)


class Asker(asyncio.Protocol):
    """One connection that asks for the same page again and again."""

    def __init__(self, request: bytes) -> None:
        self._request = request
        self._buffer = b""
        self._asked = 0.0
        self.latencies = array("d")
        self.going = True
        self.failed: str | None = None

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self._ask()

    def _ask(self) -> None:
        self._asked = time.monotonic()
        self.transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, found, body = self._buffer.partition(b"\r\n\r\n")
        if not found:
            return
        _, _, after = head.lower().partition(b"content-length:")
        if len(body) < int(after.split(b"\r\n", 1)[0]):
            return
        if not head.startswith(b"HTTP/1.1 200") or body.count(b'"nonce":') != PAGE:
            self.failed = self._buffer[:300].decode(errors="replace")
            self.going = False
        self._buffer = b""
        self.latencies.append(time.monotonic() - self._asked)
        if self.going:
            self._ask()
        else:
            self.transport.close()


def measure(clients: int, deep: bool) -> Callable[[Lab, Archive], Awaitable[Sample]]:
    async def run(lab: Lab, place: Archive) -> Sample:
        before = place.messages if deep else 101
        request = (
            f"GET /api/v1/rooms/{place.room}/messages?before={before}&limit={PAGE} HTTP/1.1\r\n"
            f"Host: {HOST}\r\nAuthorization: Bearer {place.person.token}\r\n\r\n"
        ).encode()
        loop = asyncio.get_running_loop()
        async with lab.chat(place.settings) as service:
            askers = [
                (await loop.create_connection(lambda: Asker(request), HOST, service.port))[1]
                for _ in range(clients)
            ]
            await asyncio.sleep(lab.warm_s)
            with lab.metered(service) as used:
                begun = [len(asker.latencies) for asker in askers]
                await asyncio.sleep(lab.measure_s)
                taken = [
                    latency
                    for asker, first in zip(askers, begun, strict=True)
                    for latency in asker.latencies[first:]
                ]
            for asker in askers:
                asker.going = False
        failed = next((asker.failed for asker in askers if asker.failed), None)
        if failed:
            raise RuntimeError(f"a page was not what was asked for: {failed}")
        return used | {
            "pages_per_s": len(taken) / used["seconds"],
            "pages_per_cpu_s": len(taken) / used["server_cpu_s"],
            "p50_ms": percentile(taken, 0.5) * 1000,
            "p99_ms": percentile(taken, 0.99) * 1000,
            "expected": float(len(taken)),
            "received": float(len(taken)),
        }

    return run


def figures(samples: Samples) -> list[Figure]:
    return [
        *ratio(
            "history page of 50 at message 1,000,000, ÷ at message 100, p50",
            samples,
            "p50_ms",
            "deep",
            "shallow",
            target=1.2,
            most=True,
        ),
        *one(
            "history pages of 50 per app CPU second",
            samples,
            "many",
            "pages_per_cpu_s",
            "pages",
            target=800.0,
        ),
    ]


CASE = Case(
    name="history",
    title="History",
    about=(
        "`GET /rooms/{id}/messages?before=…&limit=50` in a room of 1,000,000 messages, every "
        "answer checked to have 50. One client for the latencies, 32 for what a CPU second "
        "does."
    ),
    arms=[
        Arm("deep", "before the last message, one client", measure(1, deep=True)),
        Arm("shallow", "before message 101, one client", measure(1, deep=False)),
        Arm("many", "before the last message, 32 clients", measure(CLIENTS, deep=True)),
    ],
    columns=[
        Column("pages_per_cpu_s", "pages per app CPU second"),
        Column("pages_per_s", "pages per second"),
        Column("p50_ms", "p50, ms"),
        Column("p99_ms", "p99, ms"),
    ],
    figures=figures,
    stage=archive,
)
