"""`python -m app serve` with two more signals, for fault-injection runs.

SIGUSR1: write the resource usage of the process to a file in its directory.
SIGUSR2: SIGKILL itself before it publishes the next crash marker, which is committed by then.
"""

import asyncio
import gc
import json
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from app import bootstrap, cli
from app.bus.redis import RedisBus
from app.core.publications import Publication
from app.persistence.engine import Engines, create_engines
from app.settings import Database

REPORT = Path("resource_usage.json")
CRASH_MARKER = b"this message crashes the process"

_engines: list[Engines] = []
_armed = False


def name_of(task: "asyncio.Task[Any]") -> str:
    return getattr(task.get_coro(), "__qualname__", "?")


def report(_signal: int, _frame: Any) -> None:
    """Tasks, connections in use, and memory after a garbage collection."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    usage = {
        "tasks": sorted(name_of(task) for task in asyncio.all_tasks()),
        "connections": sum(engines.write.pool.checkedout() for engines in _engines),  # type: ignore[attr-defined]
        "memory": pages * os.sysconf("SC_PAGE_SIZE"),
    }
    partial = REPORT.with_suffix(".new")
    partial.write_text(json.dumps(usage))
    partial.rename(REPORT)


def arm_crash(_signal: int, _frame: Any) -> None:
    global _armed  # noqa: PLW0603  # a signal handler has no other place for it
    _armed = True


def create(settings: Database) -> Engines:
    engines = create_engines(settings)
    _engines.append(engines)
    return engines


class CrashingBus(RedisBus):
    def publish(self, publications: Sequence[Publication]) -> None:
        if _armed and any(CRASH_MARKER in publication.payload for publication in publications):
            os.kill(os.getpid(), signal.SIGKILL)
        super().publish(publications)


def main() -> None:
    signal.signal(signal.SIGUSR1, report)
    signal.signal(signal.SIGUSR2, arm_crash)
    bootstrap.create_engines = create  # type: ignore[attr-defined]
    bootstrap.RedisBus = CrashingBus  # type: ignore[attr-defined]
    sys.argv = ["app", "serve"]
    cli.app(prog_name="python -m app")


if __name__ == "__main__":
    main()
