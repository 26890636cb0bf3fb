"""All benchmarks, in the order of the report."""

from typing import Any

from bench.benchmark import Benchmark
from bench.benchmarks import (
    ack_latency,
    acks,
    fanout,
    hello,
    history,
    latency,
    memory,
    processes,
    reconnect,
    sqlite,
)

BENCHMARKS: tuple[Benchmark[Any], ...] = (
    fanout.BENCHMARK,
    latency.BENCHMARK,
    acks.BENCHMARK,
    ack_latency.BENCHMARK,
    memory.BENCHMARK,
    hello.BENCHMARK,
    reconnect.BENCHMARK,
    history.BENCHMARK,
    sqlite.BENCHMARK,
    processes.BENCHMARK,
)
