"""A short fault-injection run: every fault once, two at a time. `make faults` runs longer."""

import random
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from testkit.servers.backend import make_settings, migrate, unique_name
from testkit.servers.mariadb import MariaDb
from testkit.servers.redis import RedisServer
from tests.faults.cluster import Cluster, run_cluster
from tests.faults.fault_run import FaultPlan, RunResult, next_fault, run
from tests.faults.faults import EVERYTHING, FAULTS
from tests.faults.history import Deletion, Edit, Following, Reaction, ThreadMarker
from tests.faults.report import table

pytestmark = pytest.mark.cluster

SEED = 2
HOLD_S = 0.7


@pytest.fixture
async def cluster(
    mariadb: MariaDb, redis_server: RedisServer, tmp_path: Path
) -> AsyncIterator[Cluster]:
    servers = (
        mariadb.server,
        redis_server.server,
    )  # skips the test if they belong to somebody else
    assert all(server.port for server in servers)
    schema = unique_name()
    async with mariadb.database(schema) as url:
        await migrate(make_settings(tmp_path, database=url))
        async with run_cluster(
            mariadb, redis_server, schema, tmp_path, random.Random(SEED)
        ) as made:
            yield made


def describe(result: RunResult) -> str:
    return "\n".join(f"{violation.kind}: {violation.what}" for violation in result.violations)


def test_a_fault_that_breaks_everything_is_injected_alone() -> None:
    waiting = [FAULTS["redis-kill"], FAULTS["restore"], FAULTS["mariadb-kill"]]
    assert next_fault(waiting, set()) is waiting[0]
    assert next_fault(waiting, {"redis"}) is None  # the one after it waits as well
    assert next_fault(waiting[1:], set()) is waiting[1]
    assert next_fault(waiting, {EVERYTHING}) is None


async def test_no_fault_violates_a_guarantee(cluster: Cluster) -> None:
    result = await run(cluster, FaultPlan(SEED, list(FAULTS), 0, HOLD_S, together=True))
    assert {window.fault.name for window in result.windows} == FAULTS.keys()
    assert result.violations == [], describe(result)
    assert result.acked > 100
    acked = {type(change) for change in result.history.changes if change.acked}
    assert acked == {Edit, Deletion, Reaction, Following, ThreadMarker}
    assert any(send.seq and send.thread for send in result.history.sends)
    assert any(scheduled.cancelled for scheduled in result.history.scheduled)
    assert any(scheduled.state == "sent" for scheduled in result.tables.scheduled.values())
    assert all(name in table([result]) for name in FAULTS)
