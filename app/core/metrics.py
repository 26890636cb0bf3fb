"""Metrics: the definitions. Each is counted where it happens, and read by GET /metrics.

Labels have few values, all known in advance: never a user, a room, an address or a path as it came.
What happens more often than a batch or a request is a plain integer there, which
`realtime/sampling.py` reads by the clock.

Workers on one port write into files that whichever of them is scraped adds up (prometheus_client's
multiprocess mode). The library decides that when it is imported, so the supervisor sets the
variables of the workers' environment. The files are of a worker's place, not of its pid: the next
worker there goes on counting, and their number is bounded.
"""

import os

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    values,
)

DIRECTORY_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
PLACE_VARIABLE = "PROMETHEUS_WORKER_PLACE"

if place := os.environ.get(PLACE_VARIABLE):
    values.ValueClass = values.MultiProcessValue(lambda: place)  # type: ignore[no-untyped-call]

disable_created_metrics()  # type: ignore[no-untyped-call]
REGISTRY = CollectorRegistry()

_SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256)
_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


def _counter(name: str, text: str, *labels: str) -> Counter:
    return Counter(name, text, labels, registry=REGISTRY)


def _gauge(name: str, text: str, *labels: str, of_workers: str = "sum") -> Gauge:
    """`of_workers`: the sum, max or min of those that live."""
    mode = "live" + of_workers
    return Gauge(name, text, labels, registry=REGISTRY, multiprocess_mode=mode)  # type: ignore[arg-type]


class BufferedHistogram:
    """Hands observations to the library in groups. For a batch of one message they cost a twentieth
    of its time alone, because the library's code has left the caches of the processor meanwhile;
    in a group all but the first cost little. For the event loop's thread only."""

    def __init__(self, histogram: Histogram) -> None:
        self._observe = histogram.observe
        self._values: list[float] = []
        _BUFFERED.append(self)

    def observe(self, value: float) -> None:
        self._values.append(value)
        if len(self._values) >= _MAX_BUFFERED:
            self.flush()

    def flush(self) -> None:
        values, self._values = self._values, []
        for value in values:
            self._observe(value)


_BUFFERED: list[BufferedHistogram] = []
_MAX_BUFFERED = 64


def flush_buffered() -> None:
    """Before metrics are read, and by the clock for the process that reads those of all workers."""
    for histogram in _BUFFERED:
        histogram.flush()


def _histogram(
    name: str, text: str, *labels: str, buckets: tuple[float, ...] = _SECONDS
) -> Histogram:
    return Histogram(name, text, labels, registry=REGISTRY, buckets=buckets)


# Sending.
SENDS = _counter(
    "chat_sends_total",
    "Sends by outcome: stored, repeated (the nonce was known), or the code of the error.",
    "outcome",
)
BATCH_SIZE = BufferedHistogram(
    _histogram("chat_send_batch_size", "Sends in one transaction.", buckets=_SIZES)
)
BATCH_SECONDS = BufferedHistogram(
    _histogram("chat_send_batch_seconds", "Time to commit a batch of sends, retries included.")
)

# Delivery.
DELIVERIES = _counter("chat_deliveries_total", "Events written to sockets that follow a room live.")
SOCKETS = _gauge("chat_sockets", "Sockets after their hello.")
OPEN_ROOMS = _gauge("chat_open_rooms", "Rooms that are open on sockets of a process.")
STREAM_LAG = _gauge(
    "chat_room_stream_lag_events",
    "Events of the open room that is farthest behind its log.",
    of_workers="max",
)
GAP_REPAIRS = _counter(
    "chat_gap_repairs_total", "Reads of a log because publications were missing.", "outcome"
)
LAGGING_SOCKETS = _gauge("chat_lagging_sockets", "Sockets that read too slowly at the moment.")
LAGGED = _counter("chat_sockets_lagged_total", "Times that a socket began to read too slowly.")
DISCONNECTED_SLOW = _counter(
    "chat_slow_sockets_disconnected_total", "Sockets closed because they read too slowly.", "reason"
)

# Consumers of the logs.
CONSUMER_LAG = _gauge(
    "chat_consumer_lag_events",
    "Events that a consumer had not handled when counters were last compared.",
    "consumer",
    of_workers="max",
)
CONSUMER_RUNNING = _gauge("chat_consumer_running", "Processes that run a consumer.", "consumer")
CONSUMER_EVENTS = _counter("chat_consumer_events_total", "Events handled.", "consumer")
CONSUMER_FAILURES = _counter(
    "chat_consumer_failures_total", "Batches of one room on which a consumer failed.", "consumer"
)

# What the program stands on.
STATEMENT_SECONDS = _histogram(
    "chat_database_statement_seconds",
    "Time of a statement, or of a request of several (`batch`), there and back.",
    "pool",
)
COMMIT_SECONDS = BufferedHistogram(
    _histogram(
        "chat_database_commit_seconds",
        "Time of a COMMIT, there and back; of a batch of sends with its writes.",
    )
)
POOL_IN_USE = _gauge("chat_database_connections_in_use", "Connections in use.", "pool")
POOL_SIZE = _gauge("chat_database_connections_max", "Connections there may be.", "pool")
BUS_HEALTHY = _gauge(
    "chat_bus_healthy",
    "1 while publications of other processes are received.",
    of_workers="min",
)
LOOP_DELAY = _histogram(
    "chat_event_loop_delay_seconds", "How late the event loop was for a timer, once a second."
)
HTTP_REQUESTS = _counter("chat_http_requests_total", "Requests.", "method", "route", "status")
HTTP_SECONDS = _histogram(
    "chat_http_request_seconds", "Time from the head of a request to its end.", "method", "route"
)
