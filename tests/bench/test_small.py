"""A whole case, small: real servers, real sockets, and everything that is sent arrives."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bench import texts
from bench.case import Arm, Case
from bench.cases import fanout, sqlite
from bench.fanout import FASTAPI, System, as_fast_as_it_goes, at_rate
from bench.lab import Lab, Sample
from bench.proc import Cores
from bench.run import run
from testkit.servers.backend import Backend
from testkit.servers.mariadb import MariaDb
from testkit.servers.redis import RedisServer

OURS, *_ = fanout.SYSTEMS


@pytest.fixture
def lab(mariadb: MariaDb, redis_server: RedisServer, tmp_path: Path) -> Lab:
    everywhere = frozenset(os.sched_getaffinity(0))  # other tests run beside this one
    return Lab(
        directory=tmp_path,
        mariadb=mariadb,
        redis=redis_server,
        cores=Cores(everywhere, everywhere, everywhere, None),
        texts=texts.load(None),
        quick=True,
        node=None,
    )


@pytest.mark.parametrize("system", [OURS, FASTAPI], ids=lambda system: system.name)
async def test_a_fan_out_counts_everything(lab: Lab, cluster: Backend, system: System) -> None:
    @asynccontextmanager
    async def stage(_: Lab) -> AsyncIterator[str]:
        yield cluster.settings.database.url

    async def fast(lab: Lab, url: str) -> Sample:
        async with system.open(lab, url, 80) as hall:  # more than send, so that some only count
            return await as_fast_as_it_goes(lab, hall, 4)

    async def timed(lab: Lab, url: str) -> Sample:
        async with system.open(lab, url, 20) as hall:
            return await at_rate(lab, hall, 5.0)

    arms = [Arm("fast", "fast", fast), Arm("timed", "timed", timed)]
    case = Case(**(fanout.CASE.__dict__ | {"arms": arms, "stage": stage}))
    found = (await run(lab, case, real_texts=False)).samples
    for (sample,) in found.values():
        assert sample["received"] == sample["expected"] > 0
        assert sample["server_mb"] > 10
    assert found["fast"][0]["deliveries_per_s"] > 0
    assert found["timed"][0]["p99_ms"] >= found["timed"][0]["p50_ms"] > 0


async def test_acks_are_counted_on_the_embedded_default(lab: Lab) -> None:
    (sample,) = (await run(lab, sqlite.CASE, real_texts=False)).samples["group"]
    assert sample["received"] == sample["expected"] > 0
    assert sample["acks_per_s"] > 0
