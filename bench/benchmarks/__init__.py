"""All benchmarks, in the order of the report."""

from typing import Any

from bench.benchmark import Benchmark
from bench.benchmarks import (
    ack_latency,
    acks,
    fanout,
    hello,
    history,
    large_room,
    latency,
    memory,
    message_changes,
    page,
    pages,
    processes,
    quiet,
    reconnect,
    room_lists,
    room_size,
    search,
    sqlite,
    tls,
)

BENCHMARKS: tuple[Benchmark[Any], ...] = (
    fanout.BENCHMARK,
    latency.BENCHMARK,
    large_room.BENCHMARK,
    tls.BENCHMARK,
    acks.BENCHMARK,
    ack_latency.BENCHMARK,
    message_changes.BENCHMARK,
    page.BENCHMARK,
    pages.BENCHMARK,
    quiet.BENCHMARK,
    memory.BENCHMARK,
    hello.BENCHMARK,
    reconnect.BENCHMARK,
    room_lists.BENCHMARK,
    room_size.BENCHMARK,
    history.BENCHMARK,
    sqlite.BENCHMARK,
    search.BENCHMARK,
    processes.BENCHMARK,
)
