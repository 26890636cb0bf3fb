"""All cases, in the order of the table."""

from typing import Any

from bench.case import Case
from bench.cases import (
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

CASES: tuple[Case[Any], ...] = (
    fanout.CASE,
    latency.CASE,
    acks.CASE,
    ack_latency.CASE,
    memory.CASE,
    hello.CASE,
    reconnect.CASE,
    history.CASE,
    sqlite.CASE,
    processes.CASE,
)
