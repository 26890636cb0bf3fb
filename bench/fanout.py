"""One message to everybody in a room: as fast as it goes, or at a given rate."""

import asyncio
import itertools
import math
from array import array
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import orjson

from app.core.clock import now
from app.core.ids import new_id
from app.wire.events import Message, MessageCreated, encode
from bench.client import CHAT, SEND_TEXT, SOCKET_IO, WS, Dialect, Peer, connect, hang_up
from bench.lab import Lab, Sample, Service
from bench.population import populate
from bench.stats import percentile

SENDERS = 64
DRAIN_S = 20.0
# Around the number of a message in its text, from which its latency is told.
MARK = b"~"
TIMED_EVERY = 10  # at a given rate, each so manyth socket reads the clock


@dataclass(frozen=True)
class Hall:
    """Everybody in one room of one server; `message` is what one sends as the nth message."""

    service: Service
    peers: list[Peer]
    message: Callable[[int], bytes]


@dataclass(frozen=True)
class System:
    """A server that can fan out. `why_not`: why it cannot be measured here."""

    name: str
    label: str
    open: Callable[[Lab, str, int], AbstractAsyncContextManager[Hall]]
    why_not: Callable[[Lab], str | None] = lambda _: None


def ours(name: str, label: str, why_not: str | None = None, **groups: Any) -> System:
    def opened(lab: Lab, url: str, sockets: int) -> AbstractAsyncContextManager[Hall]:
        return _chat(lab, url, sockets, groups)

    return System(name, label, opened, lambda _: why_not)


def _without_node(lab: Lab) -> str | None:
    return None if lab.node else "Node is not here"


@asynccontextmanager
async def _chat(lab: Lab, url: str, sockets: int, groups: Mapping[str, Any]) -> AsyncIterator[Hall]:
    settings = lab.settings(url, **groups)
    people, (room,) = await populate(settings, sockets, 1, lambda _: [0])
    name = str(room)

    def message(number: int) -> bytes:
        return orjson.dumps(
            {
                "type": "message.send",
                "id": number,
                "room": name,
                "nonce": f"{number:026d}",
                "text": _marked(lab, number),
            }
        )

    async with lab.chat(settings) as service:
        peers = [Peer(CHAT, person.hello([room])) for person in people]
        await connect(peers, service.port)
        try:
            yield Hall(service, peers, message)
        finally:
            hang_up(peers)


@asynccontextmanager
async def _foreign(
    lab: Lab, sockets: int, server: AbstractAsyncContextManager[Service], dialect: Dialect
) -> AsyncIterator[Hall]:
    """They relay what is sent: the bytes that our server would have sent out."""
    room, sender, at = new_id(), new_id(), now()

    def message(number: int) -> bytes:
        said = Message(
            seq=number + 1,
            sender=sender,
            at=at,
            text=_marked(lab, number),
            nonce=f"{number:026d}",
            reply_to=None,
        )
        event = encode(MessageCreated(room=room, seq=number + 1, actor=sender, at=at, message=said))
        return dialect.event + event + b"]" if dialect is SOCKET_IO else event

    async with server as service:
        peers = [Peer(dialect) for _ in range(sockets)]
        await connect(peers, service.port)
        try:
            yield Hall(service, peers, message)
        finally:
            hang_up(peers)


SOCKETIO = System(
    "socketio",
    "Socket.IO 4",
    lambda lab, _, sockets: _foreign(lab, sockets, lab.on_node("socketio.js"), SOCKET_IO),
    _without_node,
)
WS_NODE = System(
    "ws",
    "`ws` on Node",
    lambda lab, _, sockets: _foreign(lab, sockets, lab.on_node("ws.js"), WS),
    _without_node,
)
FASTAPI = System(
    "send_text",
    "FastAPI, `send_text` in a loop",
    lambda lab, _, sockets: _foreign(lab, sockets, lab.send_text(), SEND_TEXT),
)


def _marked(lab: Lab, number: int) -> str:
    return f"~{number}~ {lab.text(number)}"


def number_in(data: bytes, start: int) -> int:
    """The number of the message in this frame."""
    begin = data.index(MARK, start) + 1
    return int(data[begin : data.index(MARK, begin)])


class Window:
    """Keeps so many messages outstanding: one is delivered when everybody has it, by the bytes."""

    def __init__(self, outstanding: int, counting: int, send: Callable[[int], None]) -> None:
        self.sent = self.delivered = 0
        self.ends: list[int] = []  # by message: bytes that a socket has got with it
        self._outstanding, self._counting, self._send = outstanding, counting, send
        self._received = 0
        self._next = math.inf  # of all that count: when the next message is delivered
        self._stopped = False

    def event(self, end: int) -> None:
        """The socket that reads has got one more, and `end` bytes by now."""
        self.ends.append(end)
        self._next = self._counting * self.ends[self.delivered]
        self.received(0)

    def received(self, count: int) -> None:
        self._received += count
        if self._received >= self._next:
            while self.delivered < len(self.ends):
                self._next = self._counting * self.ends[self.delivered]
                if self._received < self._next:
                    break
                self.delivered += 1
            else:
                self._next = math.inf
            self.fill()

    def fill(self) -> None:
        while not self._stopped and self.sent - self.delivered < self._outstanding:
            number, self.sent = self.sent, self.sent + 1
            self._send(number)

    def stop(self) -> None:
        self._stopped = True


async def as_fast_as_it_goes(lab: Lab, hall: Hall, outstanding: int) -> Sample:
    """Deliveries per second and per CPU second of the server."""
    readers, counters = _split(hall.peers, range(SENDERS))
    reference = readers[0]
    senders = itertools.cycle(readers)
    window = Window(outstanding, len(counters), lambda n: next(senders).send(hall.message(n)))
    reference.on_event = lambda peer, *_: window.event(peer.event_bytes)
    for peer in counters:
        peer.count_only()
        peer.on_bytes = window.received
    window.fill()
    await asyncio.sleep(lab.warm_s)
    with lab.metered(hall.service) as used:
        before = window.delivered
        await for_at_least(lab.measure_s, lambda: window.delivered > before)
        messages = window.delivered - before
    window.stop()
    deliveries = messages * len(hall.peers)
    return (
        used
        | await _settled(hall.peers, reference, window.sent)
        | {
            "messages_per_s": messages / used["seconds"],
            "deliveries_per_s": deliveries / used["seconds"],
            "deliveries_per_cpu_s": deliveries / used["server_cpu_s"],
            "event_bytes": reference.event_bytes / max(1, reference.events),
        }
    )


async def at_rate(lab: Lab, hall: Hall, per_s: float) -> Sample:
    """Seconds from when a message was due to when it was there, at every tenth socket."""
    timed = [n for n in range(len(hall.peers)) if n % TIMED_EVERY == 0]
    readers, counters = _split(hall.peers, timed)
    for peer in counters:
        peer.count_only()
    clock = asyncio.get_running_loop().time
    start = clock() + 0.05
    first = round(lab.warm_s * per_s)
    total = first + max(1, round(lab.measure_s * per_s))
    latencies = array("d")

    def note(_: Peer, data: bytes, begin: int, __: int) -> None:
        number = number_in(data, begin)
        if number >= first:
            latencies.append(clock() - (start + number / per_s))

    for peer in readers:
        peer.on_event = note
    with lab.metered(hall.service) as used:
        await on_schedule(
            start, per_s, total, lambda n: readers[n % len(readers)].send(hall.message(n))
        )
        settled = await _settled(hall.peers, readers[0], total)
    return (
        used
        | settled
        | {
            "rate": per_s,
            "p50_ms": percentile(latencies, 0.5) * 1000,
            "p99_ms": percentile(latencies, 0.99) * 1000,
        }
    )


async def for_at_least(seconds: float, something: Callable[[], bool]) -> None:
    """Longer on a machine that is so slow that nothing has happened."""
    clock = asyncio.get_running_loop().time
    until = clock() + seconds + DRAIN_S
    await asyncio.sleep(seconds)
    while not something() and clock() < until:  # noqa: ASYNC110
        await asyncio.sleep(0.01)


async def on_schedule(start: float, per_s: float, total: int, send: Callable[[int], None]) -> None:
    """Send when it is due, whatever came of those before; several at once after a delay."""
    clock = asyncio.get_running_loop().time
    number = 0
    while number < total:
        await asyncio.sleep(max(0.0, start + number / per_s - clock()))
        while number < total and start + number / per_s <= clock():
            send(number)
            number += 1


def _split(peers: Sequence[Peer], reading: Sequence[int]) -> tuple[list[Peer], list[Peer]]:
    chosen = set(reading)
    readers = [peer for n, peer in enumerate(peers) if n in chosen]
    return readers, [peer for n, peer in enumerate(peers) if n not in chosen]


async def _settled(peers: Sequence[Peer], reference: Peer, sent: int) -> Sample:
    """Wait for what is on its way, then count: everybody has to have everything, once."""
    clock = asyncio.get_running_loop().time
    until = clock() + DRAIN_S

    def has_all(peer: Peer) -> bool:
        if peer.counted is None:
            return peer.events == sent
        return reference.events == sent and peer.counted == reference.event_bytes

    while clock() < until and not all(map(has_all, peers)):  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    complete = sum(map(has_all, peers))
    ended = next((peer.ended for peer in peers if peer.ended), None)
    if ended:
        raise ConnectionError(f"a socket of the load has ended: {ended}")
    return {
        "expected": float(sent * len(peers)),
        "received": float(sent * complete),
    }
