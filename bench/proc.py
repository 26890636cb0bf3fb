"""CPU and memory of processes as the kernel accounts for them, and CPU affinity."""

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

TICK_S = 1 / os.sysconf("SC_CLK_TCK")


def cpu_s(pid: int) -> float:
    """CPU seconds of all threads in user and kernel mode; the resolution is 10 ms."""
    stat = Path(f"/proc/{pid}/stat").read_text()
    fields = stat[stat.rindex(")") + 2 :].split()
    return (int(fields[11]) + int(fields[12])) * TICK_S


def resident_bytes(pid: int) -> int:
    """Resident set size."""
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    match = re.search(r"^Rss:\s+(\d+) kB", rollup, re.MULTILINE)
    assert match is not None, rollup
    return int(match[1]) * 1024


def pin(pid: int, cores: Iterable[int]) -> None:
    """Set the CPU affinity of all threads of the process; new threads inherit it."""
    for task in Path(f"/proc/{pid}/task").iterdir():
        try:
            os.sched_setaffinity(int(task.name), cores)
        except ProcessLookupError:
            continue  # the thread ended meanwhile


@dataclass(frozen=True)
class Cores:
    """CPU affinities. The server under test has a core of its own if there are two or more."""

    server: frozenset[int]
    load: frozenset[int]
    database: frozenset[int]
    second: frozenset[int] | None  # of a second server process; None if there are too few cores

    @classmethod
    def allocate(cls, available: Iterable[int]) -> "Cores":
        """With two cores the database shares one with the load; with one, everything shares it."""
        cores = sorted(available)
        first, rest = frozenset(cores[:1]), cores[1:] or cores
        second = frozenset(rest[1:2]) if len(cores) >= 4 else None
        database = frozenset(rest[2:] if second else rest[1:]) or frozenset(rest)
        return cls(first, frozenset(rest[:1]), database, second)
