"""Small benchmarks as a whole: real servers and connections, and every frame arrives."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from bench import texts
from bench.benchmark import Benchmark, Variant
from bench.benchmarks import fanout, large_room, quiet, sqlite, tls
from bench.environment import BenchEnvironment, Sample
from bench.fanout_load import FASTAPI, System, closed_loop, open_loop
from bench.proc import Cores
from bench.run import run
from testkit.servers.backend import Backend
from testkit.servers.mariadb import MariaDb
from testkit.servers.redis import RedisServer

OURS, *_ = fanout.SYSTEMS


@pytest.fixture
def env(mariadb: MariaDb, redis_server: RedisServer, tmp_path: Path) -> BenchEnvironment:
    all_cores = frozenset(os.sched_getaffinity(0))  # other tests run at the same time
    return BenchEnvironment(
        directory=tmp_path,
        mariadb=mariadb,
        redis=redis_server,
        cores=Cores(all_cores, all_cores, all_cores, None),
        texts=texts.load(None),
        quick=True,
        node=None,
    )


@pytest.mark.parametrize("system", [OURS, FASTAPI], ids=lambda system: system.name)
async def test_fan_out_delivers_every_message_to_every_client(
    env: BenchEnvironment, cluster: Backend, system: System
) -> None:
    @asynccontextmanager
    async def setup(_: BenchEnvironment) -> AsyncIterator[str]:
        yield cluster.settings.database.url

    async def closed(env: BenchEnvironment, url: str) -> Sample:
        async with system.open(env, url, 80) as room:  # more than SENDER_COUNT: some only count
            return await closed_loop(env, room, 4)

    async def opened(env: BenchEnvironment, url: str) -> Sample:
        async with system.open(env, url, 20) as room:
            return await open_loop(env, room, 5.0)

    variants = [Variant("closed", "closed", closed), Variant("open", "open", opened)]
    benchmark = Benchmark(**(fanout.BENCHMARK.__dict__ | {"variants": variants, "setup": setup}))
    samples = (await run(env, benchmark, real_texts=False)).samples
    for (sample,) in samples.values():
        assert sample["received"] == sample["expected"] > 0
        assert sample["server_mb"] > 10
    assert samples["closed"][0]["deliveries_per_s"] > 0
    assert samples["open"][0]["p99_ms"] >= samples["open"][0]["p50_ms"] > 0


async def test_every_send_is_acknowledged_on_sqlite(env: BenchEnvironment) -> None:
    (sample,) = (await run(env, sqlite.BENCHMARK, real_texts=False)).samples["group"]
    assert sample["received"] == sample["expected"] > 0
    assert sample["acks_per_s"] > 0


@pytest.mark.parametrize(
    "benchmark",
    [
        quiet.BENCHMARK,
        *(
            pytest.param(one, marks=pytest.mark.long)
            for one in (large_room.BENCHMARK, tls.BENCHMARK)
        ),
    ],
    ids=lambda one: one.name,
)
async def test_every_message_arrives_and_every_metric_is_computed(
    env: BenchEnvironment, benchmark: Benchmark[Any]
) -> None:
    samples = (await run(env, benchmark, real_texts=False)).samples
    assert all(s["received"] == s["expected"] > 0 for (s,) in samples.values())
    assert len(benchmark.metrics(samples)) == (4 if "proxy" in samples else 3)
