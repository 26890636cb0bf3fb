"""What an idle socket costs: memory, as the slope between few and many; and CPU."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from app.settings import Settings
from bench.case import Arm, Case, Column, Figure, Samples, one
from bench.client import CHAT, CHAT_LISTED, Peer, connect, hang_up
from bench.lab import Lab, Sample
from bench.population import Person, populate

ROOMS = 10
SETTLE_S = 3.0


@dataclass(frozen=True)
class Crowd:
    settings: Settings
    people: list[Person]


@asynccontextmanager
async def crowd(lab: Lab) -> AsyncIterator[Crowd]:
    """10,000 people, each in ten rooms with ten members; heartbeats as by default."""
    count = lab.scale(10_000, 200)
    async with lab.schema() as url:
        settings = lab.settings(url, realtime={"ping_interval_s": 25.0, "idle_timeout_s": 45.0})
        people, _ = await populate(
            settings, count, count, lambda one: [(one + k * k) % count for k in range(ROOMS)]
        )
        yield Crowd(settings, people)


def measure(
    opened: int, few: tuple[int, int], many: tuple[int, int]
) -> Callable[[Lab, Crowd], Awaitable[Sample]]:
    async def run(lab: Lab, place: Crowd) -> Sample:
        counts = [lab.scale(*few), lab.scale(*many)]
        dialect = CHAT if opened else CHAT_LISTED
        peers = [
            Peer(dialect, person.hello(person.rooms[:opened]), max(1, opened))
            for person in place.people[: counts[1]]
        ]
        async with lab.chat(place.settings) as service:
            try:
                await connect(peers[: counts[0]], service.port)
                await asyncio.sleep(SETTLE_S)
                first = service.resident_bytes
                with lab.metered(service) as before:
                    await asyncio.sleep(lab.scale(30, 5))
                await connect(peers[counts[0] :], service.port)
                await asyncio.sleep(SETTLE_S)
                second = service.resident_bytes
                with lab.metered(service) as used:
                    # Two heartbeats of every socket and more.
                    await asyncio.sleep(lab.scale(60, 5))
                gone = [peer.ended for peer in peers if peer.ended]
                if gone:
                    raise ConnectionError(f"{len(gone)} sockets have ended: {gone[0]}")
            finally:
                hang_up(peers)
        more = counts[1] - counts[0]
        each = (used["server_share"] - before["server_share"]) / more
        return used | {
            "sockets": float(counts[1]),
            "resident_mb": second / 1e6,
            "bytes_per_socket": (second - first) / more,
            "cpu_us_per_socket_s": each * 1e6,
            "empty_cpu_ms_s": (before["server_share"] - each * counts[0]) * 1000,
            "expected": float(counts[1]),
            "received": float(counts[1] - len(gone)),
        }

    return run


def figures(samples: Samples) -> list[Figure]:
    found: list[Figure] = []
    for arm, what in (("listed", "10 rooms, none open"), ("open", "10 rooms, all open")):
        found += one(
            f"memory of an idle socket, {what}",
            samples,
            arm,
            "bytes_per_socket",
            "bytes",
            target=20_000,
            most=True,
        )
        found += one(
            f"CPU of an idle socket, {what}, per second",
            samples,
            arm,
            "cpu_us_per_socket_s",
            "µs",
            target=10.0,
            most=True,
        )
    return found


CASE = Case(
    name="memory",
    title="Idle sockets",
    about=(
        "Authenticated sockets of people in ten rooms, with the heartbeats of the default "
        "settings. Memory is what the process has resident with many sockets, less what it has "
        "with few, by socket; the kernel's buffers are not in it. CPU is that of a minute in which "
        "nobody says anything, with many sockets less with few, by socket; what is left is what "
        "the server takes with none."
    ),
    arms=[
        Arm("listed", "10 rooms, none open", measure(0, (1000, 50), (10_000, 200))),
        Arm("open", "10 rooms, all open", measure(ROOMS, (500, 50), (2500, 200))),
    ],
    columns=[
        Column("sockets", "sockets"),
        Column("bytes_per_socket", "bytes a socket"),
        Column("resident_mb", "resident, MB"),
        Column("cpu_us_per_socket_s", "µs of CPU a second and socket"),
        Column("empty_cpu_ms_s", "ms of CPU a second with no socket"),
    ],
    figures=figures,
    stage=crowd,
)
