"""How soon an ack comes at half of the load that the server can take; and a bare COMMIT."""

import time
from array import array
from collections.abc import Awaitable, Callable

from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from app.core.ids import new_id
from bench.acks import at_rate, in_flight, town
from bench.case import Arm, Case, Column, Figure, Samples, database, one, values
from bench.lab import Lab, Sample
from bench.stats import Spread, percentile

CALIBRATE_WITH = 512


def acks(share: float) -> Callable[[Lab, str], Awaitable[Sample]]:
    async def run(lab: Lab, url: str) -> Sample:
        async with town(lab, lab.settings(url)) as place:
            most = await in_flight(lab, place, lab.scale(CALIBRATE_WITH, 64), lab.measure_s / 2)
            found = await at_rate(lab, place, most["acks_per_s"] * share)
            return found | {"most": most["acks_per_s"]}

    return run


async def bare(lab: Lab, url: str) -> Sample:
    """A row of the same kind on a connection of its own, one after the other; no server between."""
    latencies = array("d")
    engine = create_async_engine(
        lab.settings(url).database.url, isolation_level="READ COMMITTED", pool_size=1
    )
    insert = text("INSERT INTO bare (id, seq, body) VALUES (:id, :seq, :body)")
    try:
        async with engine.begin() as connection:
            await connection.execute(text("DROP TABLE IF EXISTS bare"))
            await connection.execute(
                text(
                    "CREATE TABLE bare "
                    "(id BINARY(16), seq BIGINT, body TEXT, PRIMARY KEY (id, seq)) CHARSET utf8mb4"
                )
            )
        row = {"id": new_id().bytes}
        async with engine.connect() as connection:
            number, until = 0, time.monotonic() + lab.warm_s
            while time.monotonic() < until:
                number += 1
                await connection.execute(insert, row | {"seq": number, "body": lab.text(number)})
                await connection.commit()
            with lab.metered() as used:
                until = time.monotonic() + lab.measure_s
                while (began := time.monotonic()) < until:
                    number += 1
                    await connection.execute(
                        insert, row | {"seq": number, "body": lab.text(number)}
                    )
                    await connection.commit()
                    latencies.append(time.monotonic() - began)
    finally:
        await engine.dispose()
    return used | {
        "rate": len(latencies) / used["seconds"],
        "p50_ms": percentile(latencies, 0.5) * 1000,
        "p99_ms": percentile(latencies, 0.99) * 1000,
    }


def figures(samples: Samples) -> list[Figure]:
    found = one("ack p99 at half load", samples, "acks", "p99_ms", "ms")
    found += one("ack p99 at a quarter of the load", samples, "quarter", "p99_ms", "ms")
    found += one("bare INSERT and COMMIT, p99", samples, "bare", "p99_ms", "ms")
    pairs = zip(values(samples, "acks", "p99_ms"), values(samples, "bare", "p99_ms"), strict=False)
    over = [ack - (3 * commit + 10) for ack, commit in pairs]
    if over:
        what = "ack p99 at half load − (3 × bare COMMIT p99 + 10 ms)"
        found.append(Figure(what, Spread.of(over), "ms", target=0.0, most=True))
    return found


CASE = Case(
    name="ack_latency",
    title="Latency of acks",
    about=(
        "64 rooms of ten as above. First 512 in flight, for what the server can take; then half or "
        "a quarter of that, sent when due (open loop), the time counted from when a message was "
        "due to its ack. Next to it one connection that does nothing but INSERT one row and COMMIT."
    ),
    arms=[
        Arm("acks", "acks at half load", acks(1 / 2)),
        Arm("quarter", "acks at a quarter of the load", acks(1 / 4)),
        Arm("bare", "INSERT and COMMIT on one connection", bare),
    ],
    columns=[
        Column("rate", "per second"),
        Column("p50_ms", "p50, ms"),
        Column("p99_ms", "p99, ms"),
    ],
    figures=figures,
    stage=database,
)
