"""A restore of a backup under load, as docs/operations.md describes it."""

import asyncio
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from testkit.command_line import start_command
from testkit.servers.backups import back_up, restore
from tests.faults.cluster import Cluster
from tests.faults.history import Restore
from tests.faults.table_reads import read_tables
from tests.faults.tables import Tables

STOP_S = 40.0
SESSIONS_END_S = 20.0  # after the processes have ended
OVERTAKEN_S = 15.0
POLL_S = 0.3


@dataclass(frozen=True)
class Backup:
    """Contains all that was committed when it `began`, and maybe more."""

    file: Path
    began: float


async def take_backup(cluster: Cluster) -> Backup:
    backup = Backup(cluster.settings.server.data_dir / "backup.sql", time.time())
    await back_up(cluster.settings, backup.file)
    return backup


async def replace_by_backup(cluster: Cluster, backup: Backup, number: signal.Signals) -> Restore:
    """Stop the servers with this signal, and restore the backup. They are not started again."""
    for server in cluster.servers:
        server.signal(number)
    await asyncio.gather(*(server.ended(STOP_S) for server in cluster.servers))
    async with asyncio.timeout(SESSIONS_END_S):  # a COMMIT may outlive its process
        while await cluster.sessions():  # noqa: ASYNC110  # the database ends them
            await asyncio.sleep(POLL_S)
    lost = await _read(cluster)
    await restore(cluster.settings, backup.file)
    kept, at = await _read(cluster), time.time()
    async with start_command(cluster.settings, "after-restore") as process:
        _, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()
    return Restore(backup.began, at, lost, kept)


async def wait_until_overtaken(cluster: Cluster, restore: Restore) -> None:
    """Return once half of the logs that were cut are as long again, or after OVERTAKEN_S."""
    before, kept = _heads(restore.lost), _heads(restore.kept)
    cut = [log for log in kept if kept[log] < before[log]]
    until = time.monotonic() + OVERTAKEN_S
    while time.monotonic() < until:
        now = _heads(await _read(cluster))
        if 2 * sum(now[log] >= before[log] for log in cut) >= len(cut):
            return
        await asyncio.sleep(POLL_S)


def _heads(tables: Tables) -> dict[str, int]:
    """Of rooms and users."""
    return tables.heads | tables.user_heads


async def _read(cluster: Cluster) -> Tables:
    async with cluster.sql() as connection:
        return await read_tables(connection)
