"""What a process has used, as the kernel counts it; and which cores it may use."""

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

TICK_S = 1 / os.sysconf("SC_CLK_TCK")


def cpu_s(pid: int) -> float:
    """Seconds of CPU in user and kernel mode, of all threads; in steps of 10 ms."""
    stat = Path(f"/proc/{pid}/stat").read_text()
    fields = stat[stat.rindex(")") + 2 :].split()
    return (int(fields[11]) + int(fields[12])) * TICK_S


def resident_bytes(pid: int) -> int:
    """Memory that the process has in RAM."""
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    match = re.search(r"^Rss:\s+(\d+) kB", rollup, re.MULTILINE)
    assert match is not None, rollup
    return int(match[1]) * 1024


def pin(pid: int, cores: Iterable[int]) -> None:
    """Every thread of the process, and those that it starts later."""
    for task in Path(f"/proc/{pid}/task").iterdir():
        try:
            os.sched_setaffinity(int(task.name), cores)
        except ProcessLookupError:
            continue  # that thread has just ended


@dataclass(frozen=True)
class Cores:
    """Who runs where: the server that is measured has a core that nobody else has."""

    server: frozenset[int]
    load: frozenset[int]
    database: frozenset[int]
    second: frozenset[int] | None  # for a second process of the server, where there are enough

    @classmethod
    def of(cls, available: Iterable[int]) -> "Cores":
        """On two cores the database shares one with the load; on one, everything does."""
        cores = sorted(available)
        first, rest = frozenset(cores[:1]), cores[1:] or cores
        second = frozenset(rest[1:2]) if len(cores) >= 4 else None
        database = frozenset(rest[2:] if second else rest[1:]) or frozenset(rest)
        return cls(first, frozenset(rest[:1]), database, second)
