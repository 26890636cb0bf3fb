"""A reconnect storm: everybody is dropped at once, and comes back at once."""

import asyncio
import random
import time

from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from bench.case import Arm, Case, Column, Figure, Samples, one
from bench.cases.memory import Crowd, crowd
from bench.client import CHAT, Peer, arrive, connect, hang_up
from bench.lab import Lab, Sample
from bench.stats import percentile

QUIET_S = 2.0
ATTEMPTS = 20


async def measure(lab: Lab, place: Crowd) -> Sample:
    people = place.people[: lab.scale(5000, 150)]
    before = [Peer(CHAT, person.hello(person.rooms[:1])) for person in people]
    for peer in before:
        peer.keep = b'{"type":"r'  # `rooms` with the snapshot, and `room.opened`
    async with lab.chat(place.settings) as service:
        await connect(before, service.port)
        hellos = [
            person.hello(
                positions=[{"room": str(person.rooms[0]), "since": _position(peer)}],
                snapshot=_snapshot(peer),
            )
            for person, peer in zip(people, before, strict=True)
        ]
        await asyncio.sleep(QUIET_S)  # what the server does for those who have just come is over
        hang_up(before)
        asked = await questions(place)
        began = time.monotonic()
        with lab.metered(service) as used:
            back = await asyncio.gather(
                *(_come_back(hello, n, service.port) for n, hello in enumerate(hellos))
            )
        asked = await questions(place) - asked
        arrivals = [at - began for _, at, _ in back]
        hang_up([peer for peer, _, _ in back])
    return used | {
        "attempts_per_client": sum(attempts for _, _, attempts in back) / len(people),
        "all_back_s": max(arrivals),
        "half_back_s": percentile(arrivals, 0.5),
        "queries_per_client": asked / len(people),
        "cpu_ms_per_client": used["server_cpu_s"] / len(people) * 1000,
        "expected": float(len(people)),
        "received": float(len(arrivals)),
    }


async def _come_back(hello: bytes, number: int, port: int) -> tuple[Peer, float, int]:
    """The socket that made it, when, and at which attempt; full jitter between them, as a client
    has."""
    for attempt in range(1, ATTEMPTS + 1):
        peer = Peer(CHAT, hello)
        try:
            await arrive(peer, number, port)
        except OSError:
            await asyncio.sleep(random.uniform(0, min(30.0, 0.5 * 2**attempt)))
        else:
            return peer, time.monotonic(), attempt
    raise ConnectionError(f"not back after {ATTEMPTS} attempts")


def _snapshot(peer: Peer) -> str:
    found = [frame["snapshot"] for frame in peer.kept if frame.get("snapshot")]
    return str(found[-1])


def _position(peer: Peer) -> int:
    return int(next(frame["seq"] for frame in peer.kept if frame["type"] == "room.opened"))


async def questions(place: Crowd) -> int:
    """Statements that clients have sent to the database so far."""
    engine = create_async_engine(place.settings.database.url)
    try:
        async with engine.connect() as connection:
            row = (await connection.execute(text("SHOW GLOBAL STATUS LIKE 'Questions'"))).one()
            return int(row[1])
    finally:
        await engine.dispose()


def figures(samples: Samples) -> list[Figure]:
    return [
        *one(
            "5,000 clients dropped at once: all resumed after",
            samples,
            "storm",
            "all_back_s",
            "s",
            target=10.0,
            most=True,
        ),
        *one(
            "the same, database queries per client",
            samples,
            "storm",
            "queries_per_client",
            "queries",
            target=1.0,
            most=True,
        ),
    ]


CASE = Case(
    name="reconnect",
    title="Reconnect storm",
    about=(
        "5,000 clients with ten rooms, one of them open, lose their connection in one moment "
        "and are back in the next, without a pause or jitter, each with its snapshot and its "
        "position. The time is until the last one has its rooms and its room open. Queries are "
        "counted by the database (`Questions`), transactions and settings included."
    ),
    arms=[Arm("storm", "this server", measure)],
    columns=[
        Column("all_back_s", "all are back after, s"),
        Column("half_back_s", "half are back after, s"),
        Column("attempts_per_client", "attempts a client"),
        Column("queries_per_client", "queries a client"),
        Column("cpu_ms_per_client", "ms of CPU a client"),
    ],
    figures=figures,
    stage=crowd,
)
