"""Durable sends over sockets: how many are acknowledged, and how soon."""

import asyncio
import itertools
from array import array
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import orjson

from app.settings import Settings
from bench.client import CHAT, Peer, connect, hang_up
from bench.fanout import for_at_least, on_schedule
from bench.lab import Lab, Sample, Service, several
from bench.population import populate
from bench.stats import percentile

DRAIN_S = 30.0


@dataclass(frozen=True)
class Town:
    """Rooms with as many people each, all of them open. Neighbours in `peers` share no room."""

    services: list[Service]
    peers: list[Peer]
    rooms: list[str]  # by peer
    per_room: int

    def send(self, peer: int, number: int, text: str) -> None:
        self.peers[peer].send(
            orjson.dumps(
                {
                    "type": "message.send",
                    "id": number,
                    "room": self.rooms[peer],
                    "nonce": f"{number:026d}",
                    "text": text,
                }
            )
        )


@asynccontextmanager
async def town(
    lab: Lab, settings: Settings, cores: Sequence[frozenset[int]] | None = None
) -> AsyncIterator[Town]:
    rooms, per_room = lab.scale(64, 16), lab.scale(10, 4)
    people, _ = await populate(settings, rooms * per_room, rooms, lambda one: [one % rooms])
    async with several(lab, settings, cores or [lab.cores.server]) as services:
        peers = [Peer(CHAT, person.hello(person.rooms)) for person in people]
        share = [peers[n :: len(services)] for n in range(len(services))]
        await asyncio.gather(
            *(connect(some, service.port) for some, service in zip(share, services, strict=True))
        )
        try:
            yield Town(services, peers, [str(person.rooms[0]) for person in people], per_room)
        finally:
            hang_up(peers)


async def in_flight(lab: Lab, place: Town, count: int, seconds: float | None = None) -> Sample:
    """So many people send, each one message after the other's ack."""
    numbers = itertools.count()
    senders = place.peers[:count]
    latencies = array("d")
    clock = asyncio.get_running_loop().time
    sent_at = [0.0] * count
    going = True

    def send(one: int) -> None:
        sent_at[one] = clock()
        number = next(numbers)
        place.send(one, number, lab.text(number))

    def acked(one: int) -> Any:
        def on_ack(*_: Any) -> None:
            latencies.append(clock() - sent_at[one])
            if going:
                send(one)

        return on_ack

    for one, peer in enumerate(senders):
        peer.on_ack = acked(one)
        send(one)
    await asyncio.sleep(lab.warm_s)
    with lab.metered(*place.services) as used:
        before = len(latencies)
        await for_at_least(seconds or lab.measure_s, lambda: len(latencies) > before)
        after = len(latencies)
    going = False
    measured = latencies[before:after]
    acks = len(measured)
    for peer in senders:
        peer.on_ack = None
    settled = await _settled(place, next(numbers))
    return (
        used
        | settled
        | {
            "acks_per_s": acks / used["seconds"],
            "acks_per_cpu_s": acks / used["server_cpu_s"],
            "acks_per_database_cpu_s": acks / used["database_cpu_s"]
            if used["database_cpu_s"]
            else 0.0,
            "p50_ms": percentile(measured, 0.5) * 1000,
            "p99_ms": percentile(measured, 0.99) * 1000,
        }
    )


async def at_rate(lab: Lab, place: Town, per_s: float) -> Sample:
    """Seconds from when a message was due to its ack."""
    clock = asyncio.get_running_loop().time
    start = clock() + 0.05
    first = round(lab.warm_s * per_s)
    total = first + max(1, round(lab.measure_s * per_s))
    already = sum(peer.acks for peer in place.peers)
    latencies = array("d")

    def acked(_: Peer, data: bytes, begin: int, end: int) -> None:
        number = orjson.loads(data[begin:end])["id"] - OFFSET
        if number >= first:
            latencies.append(clock() - (start + number / per_s))

    for peer in place.peers:
        peer.on_ack = acked
    with lab.metered(*place.services) as used:
        await on_schedule(
            start,
            per_s,
            total,
            lambda n: place.send(n % len(place.peers), OFFSET + n, lab.text(n)),
        )
        settled = await _settled(place, already + total)
    return (
        used
        | settled
        | {
            "rate": per_s,
            "p50_ms": percentile(latencies, 0.5) * 1000,
            "p99_ms": percentile(latencies, 0.99) * 1000,
        }
    )


OFFSET = 10**9  # of the numbers at a given rate: not those of a run before it


async def _settled(place: Town, sent: int) -> Sample:
    """Every send has its ack, and everybody in the room its message."""
    clock = asyncio.get_running_loop().time
    until = clock() + DRAIN_S

    def received() -> int:
        return sum(peer.acks + peer.events for peer in place.peers)

    expected = sent * (1 + place.per_room)
    while clock() < until and received() < expected:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    ended = next((peer.ended for peer in place.peers if peer.ended), None)
    if ended:
        raise ConnectionError(f"a socket of the load has ended: {ended}")
    return {"expected": float(expected), "received": float(received())}
