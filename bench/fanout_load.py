"""Fan-out load: each message goes to all clients of a room, in a closed or an open loop."""

import asyncio
import itertools
import math
from array import array
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any

from app.core.clock import now
from app.core.ids import new_id
from app.wire.events import Message, MessageCreated, encode
from bench.client import (
    CHAT,
    SEND_TEXT,
    SOCKET_IO,
    WS,
    LoadClient,
    WireFormat,
    abort_all,
    check_connected,
    connect_all,
    message_frame,
)
from bench.environment import BenchEnvironment, Sample, ServerUnderTest
from bench.seed_data import seed_database
from bench.stats import latency_percentiles

SENDER_COUNT = 64
DRAIN_TIMEOUT_S = 20.0
# Encloses the number of a message in its text; clients find the message's due time by it.
NUMBER_MARK = b"~"
SAMPLE_EVERY = 10  # in open-loop runs every tenth client measures latency


@dataclass(frozen=True)
class RoomUnderTest:
    """All clients are in one room of the server; `message(n)` is the frame that sends message n."""

    server: ServerUnderTest
    clients: list[LoadClient]
    message: Callable[[int], bytes]


@dataclass(frozen=True)
class System:
    """A server that can fan out. `skip_reason` returns None if it can be measured here.

    `open` takes the URL of a database and the number of clients.
    """

    name: str
    label: str
    open: Callable[[BenchEnvironment, str, int], AbstractAsyncContextManager[RoomUnderTest]]
    skip_reason: Callable[[BenchEnvironment], str | None] = lambda _: None


def chat_system(name: str, label: str, skip_reason: str | None = None, **groups: Any) -> System:
    """This server; `groups` are changed settings."""
    return System(
        name,
        label,
        lambda env, url, count: _chat_room(env, url, count, groups),
        lambda _: skip_reason,
    )


def _without_node(env: BenchEnvironment) -> str | None:
    return None if env.node else "Node is not installed"


@asynccontextmanager
async def _chat_room(
    env: BenchEnvironment, url: str, client_count: int, groups: Mapping[str, Any]
) -> AsyncIterator[RoomUnderTest]:
    settings = env.settings(url, **groups)
    users, (room,) = await seed_database(settings, client_count, 1, lambda _: [0])
    room_id = str(room)

    def message(number: int) -> bytes:
        return message_frame(room_id, number, _numbered_text(env, number))

    async with env.chat_server(settings) as server:
        clients = [LoadClient(CHAT, user.hello([room])) for user in users]
        await connect_all(clients, server.port)
        try:
            yield RoomUnderTest(server, clients, message)
        finally:
            abort_all(clients)


@asynccontextmanager
async def _baseline_system(
    env: BenchEnvironment,
    client_count: int,
    starting: AbstractAsyncContextManager[ServerUnderTest],
    wire_format: WireFormat,
) -> AsyncIterator[RoomUnderTest]:
    """Baselines only relay, so the clients send the frames that this server would deliver."""
    room, sender, at = new_id(), new_id(), now()

    def message(number: int) -> bytes:
        created = Message(
            seq=number + 1,
            sender=sender,
            at=at,
            text=_numbered_text(env, number),
            nonce=f"{number:026d}",
            reply_to=None,
        )
        event = encode(
            MessageCreated(room=room, seq=number + 1, actor=sender, at=at, message=created)
        )
        return wire_format.event_prefix + event + b"]" if wire_format is SOCKET_IO else event

    async with starting as server:
        clients = [LoadClient(wire_format) for _ in range(client_count)]
        await connect_all(clients, server.port)
        try:
            yield RoomUnderTest(server, clients, message)
        finally:
            abort_all(clients)


SOCKETIO = System(
    "socketio",
    "Socket.IO 4",
    lambda env, _, count: _baseline_system(env, count, env.node_server("socketio.js"), SOCKET_IO),
    _without_node,
)
WS_NODE = System(
    "ws",
    "`ws` on Node",
    lambda env, _, count: _baseline_system(env, count, env.node_server("ws.js"), WS),
    _without_node,
)
FASTAPI = System(
    "send_text",
    "FastAPI, `send_text` in a loop",
    lambda env, _, count: _baseline_system(env, count, env.send_text_server(), SEND_TEXT),
)


def _numbered_text(env: BenchEnvironment, number: int) -> str:
    return f"~{number}~ {env.text(number)}"


def message_number(data: bytes, start: int) -> int:
    """The number of the message in the frame that begins at `start`."""
    begin = data.index(NUMBER_MARK, start) + 1
    return int(data[begin : data.index(NUMBER_MARK, begin)])


class Window:
    """Keeps `outstanding` messages in flight. A message is delivered once all clients have it.

    `counting` clients count bytes only; one more reads, and tells where each message ends. A
    message is delivered once the bytes of all counting clients together reach its end.
    """

    def __init__(self, outstanding: int, counting: int, send: Callable[[int], None]) -> None:
        self.sent = self.delivered = 0
        self._ends: list[int] = []  # by message: bytes that one client has received with it
        self._outstanding, self._counting, self._send = outstanding, counting, send
        self._received = 0
        self._next_end = math.inf  # of all counting clients, for the next message
        self._stopped = False

    def event(self, end: int) -> None:
        """The client that reads has received one more message, and `end` bytes so far."""
        self._ends.append(end)
        self._next_end = self._counting * self._ends[self.delivered]
        self.received(0)

    def received(self, count: int) -> None:
        self._received += count
        if self._received >= self._next_end:
            while self.delivered < len(self._ends):
                self._next_end = self._counting * self._ends[self.delivered]
                if self._received < self._next_end:
                    break
                self.delivered += 1
            else:
                self._next_end = math.inf
            self.fill()

    def fill(self) -> None:
        while not self._stopped and self.sent - self.delivered < self._outstanding:
            number, self.sent = self.sent, self.sent + 1
            self._send(number)

    def stop(self) -> None:
        self._stopped = True


async def closed_loop(env: BenchEnvironment, room: RoomUnderTest, outstanding: int) -> Sample:
    """Throughput with a constant number of undelivered messages."""
    reader_count = min(SENDER_COUNT, len(room.clients) - 1)
    readers, counters = _split(room.clients, range(reader_count))
    reference = readers[0]
    senders = itertools.cycle(readers)
    window = Window(outstanding, len(counters), lambda n: next(senders).send(room.message(n)))
    reference.on_event = lambda client, *_: window.event(client.event_bytes)
    for client in counters:
        client.count_only()
        client.on_bytes = window.received
    window.fill()
    await asyncio.sleep(env.warm_s)
    with env.metered(room.server) as usage:
        before = window.delivered
        await run_for(env.measure_s, lambda: window.delivered > before)
        messages = window.delivered - before
    window.stop()
    deliveries = messages * len(room.clients)
    return (
        usage
        | await _wait_for_delivery(room.clients, reference, window.sent)
        | {
            "messages_per_s": messages / usage["seconds"],
            "deliveries_per_s": deliveries / usage["seconds"],
            "deliveries_per_cpu_s": deliveries / usage["server_cpu_s"],
            "event_bytes": reference.event_bytes / max(1, reference.events),
        }
    )


async def open_loop(env: BenchEnvironment, room: RoomUnderTest, per_s: float) -> Sample:
    """Latency at a constant rate, from when a message was due to its arrival."""
    sampling = range(0, len(room.clients), SAMPLE_EVERY)
    readers, counters = _split(room.clients, sampling)
    for client in counters:
        client.count_only()
    clock = asyncio.get_running_loop().time
    start = clock() + 0.05
    first = round(env.warm_s * per_s)
    total = first + max(1, round(env.measure_s * per_s))
    latencies = array("d")

    def record_latency(_: LoadClient, data: bytes, begin: int, __: int) -> None:
        number = message_number(data, begin)
        if number >= first:
            latencies.append(clock() - (start + number / per_s))

    for client in readers:
        client.on_event = record_latency
    with env.metered(room.server) as usage:
        await send_at_rate(
            start, per_s, total, lambda n: readers[n % len(readers)].send(room.message(n))
        )
        delivery = await _wait_for_delivery(room.clients, readers[0], total)
    return usage | delivery | latency_percentiles(latencies) | {"rate": per_s}


async def run_for(seconds: float, has_progress: Callable[[], bool]) -> None:
    """Sleep; longer if there was no progress at all, because the machine is slow."""
    clock = asyncio.get_running_loop().time
    deadline = clock() + seconds + DRAIN_TIMEOUT_S
    await asyncio.sleep(seconds)
    while not has_progress() and clock() < deadline:  # noqa: ASYNC110
        await asyncio.sleep(0.01)


async def send_at_rate(start: float, per_s: float, total: int, send: Callable[[int], None]) -> None:
    """Send each message when it is due, whether earlier ones are delivered or not.

    After a delay all overdue messages are sent at once.
    """
    clock = asyncio.get_running_loop().time
    number = 0
    while number < total:
        await asyncio.sleep(max(0.0, start + number / per_s - clock()))
        while number < total and start + number / per_s <= clock():
            send(number)
            number += 1


def _split(
    clients: Sequence[LoadClient], reading: Sequence[int]
) -> tuple[list[LoadClient], list[LoadClient]]:
    """The clients with the given numbers, and the rest."""
    readers = [client for n, client in enumerate(clients) if n in reading]
    return readers, [client for n, client in enumerate(clients) if n not in reading]


async def _wait_for_delivery(
    clients: Sequence[LoadClient], reference: LoadClient, sent: int
) -> Sample:
    """Wait for frames in flight, then check that every client received every message once."""
    clock = asyncio.get_running_loop().time
    deadline = clock() + DRAIN_TIMEOUT_S

    def is_complete(client: LoadClient) -> bool:
        if client.counted_bytes is None:
            return client.events == sent
        return reference.events == sent and client.counted_bytes == reference.event_bytes

    while clock() < deadline and not all(map(is_complete, clients)):  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    check_connected(clients)
    return {
        "expected": float(sent * len(clients)),
        "received": float(sent * sum(map(is_complete, clients))),
    }
