"""CPU and memory as the kernel accounts for them, and CPU affinity."""

import os
import time

import pytest

from bench.proc import Cores, cpu_s, resident_bytes


def test_cpu_s_agrees_with_process_time() -> None:
    before, own = cpu_s(os.getpid()), time.process_time()
    while time.process_time() - own < 0.3:
        pass
    used, spent = cpu_s(os.getpid()) - before, time.process_time() - own
    assert used == pytest.approx(spent, abs=0.05)


def test_written_memory_is_resident() -> None:
    before = resident_bytes(os.getpid())
    buffer = bytearray(b"x" * 50_000_000)
    assert resident_bytes(os.getpid()) - before > 40_000_000
    del buffer


@pytest.mark.parametrize(
    ("available", "server", "load", "database", "second"),
    [
        ([0], {0}, {0}, {0}, None),
        ([0, 1], {0}, {1}, {1}, None),
        ([0, 1, 2], {0}, {1}, {2}, None),
        ([4, 5, 6, 7, 8], {4}, {5}, {7, 8}, {6}),
    ],
)
def test_the_server_has_its_own_core_if_there_are_two(
    available: list[int],
    server: set[int],
    load: set[int],
    database: set[int],
    second: set[int] | None,
) -> None:
    cores = Cores.allocate(available)
    affinities = (cores.server, cores.load, cores.database)
    assert tuple(map(set, affinities)) == (server, load, database)
    assert (cores.second and set(cores.second)) == second
