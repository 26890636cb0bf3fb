"""Load of durable sends over WebSockets, measured by their acks, in a closed or an open loop."""

import asyncio
import itertools
from array import array
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import orjson

from app.settings import Settings
from bench.client import CHAT, LoadClient, abort_all, check_connected, connect_all, message_frame
from bench.environment import BenchEnvironment, Sample, ServerUnderTest, chat_processes
from bench.fanout_load import run_for, send_at_rate
from bench.seed_data import seed_database
from bench.stats import latency_percentiles

DRAIN_TIMEOUT_S = 30.0
FIRST_OPEN_LOOP_ID = 10**9  # greater than the ids and nonces of a closed loop in the same room


def _message_frame(_: int, room: str, number: int, text: str) -> bytes:
    return message_frame(room, number, text)


@dataclass(frozen=True)
class Workload:
    """Rooms of equal size; every client is subscribed to one. Adjacent clients share no room."""

    servers: list[ServerUnderTest]
    clients: list[LoadClient]
    rooms: list[str]  # by client
    clients_per_room: int
    make_frame: Callable[[int, str, int, str], bytes] = _message_frame

    def send(self, client: int, number: int, text: str) -> None:
        self.clients[client].send(self.make_frame(client, self.rooms[client], number, text))


@asynccontextmanager
async def open_workload(
    env: BenchEnvironment, settings: Settings, cores: Sequence[frozenset[int]] | None = None
) -> AsyncIterator[Workload]:
    """Start a server process per core, and spread the clients over them."""
    rooms, per_room = env.scale(64, 16), env.scale(10, 4)
    users, _ = await seed_database(settings, rooms * per_room, rooms, lambda user: [user % rooms])
    async with chat_processes(env, settings, cores or [env.cores.server]) as servers:
        clients = [LoadClient(CHAT, user.hello(user.rooms)) for user in users]
        await asyncio.gather(
            *(
                connect_all(clients[n :: len(servers)], server.port)
                for n, server in enumerate(servers)
            )
        )
        try:
            yield Workload(servers, clients, [str(user.rooms[0]) for user in users], per_room)
        finally:
            abort_all(clients)


async def closed_loop(
    env: BenchEnvironment, workload: Workload, in_flight: int, seconds: float | None = None
) -> Sample:
    """Throughput while `in_flight` clients send, each the next message after its last ack."""
    numbers = itertools.count()
    senders = workload.clients[:in_flight]
    latencies = array("d")
    clock = asyncio.get_running_loop().time
    sent_at = [0.0] * in_flight
    running = True

    def send(sender: int) -> None:
        sent_at[sender] = clock()
        number = next(numbers)
        workload.send(sender, number, env.text(number))

    def ack_handler(sender: int) -> Any:
        def on_ack(*_: Any) -> None:
            latencies.append(clock() - sent_at[sender])
            if running:
                send(sender)

        return on_ack

    for sender, client in enumerate(senders):
        client.on_ack = ack_handler(sender)
        send(sender)
    await asyncio.sleep(env.warm_s)
    with env.metered(*workload.servers) as usage:
        before = len(latencies)
        await run_for(seconds or env.measure_s, lambda: len(latencies) > before)
        after = len(latencies)
    running = False
    for client in senders:
        client.on_ack = None
    delivery = await _wait_for_delivery(workload, next(numbers))
    acks, database_cpu_s = after - before, usage["database_cpu_s"]
    return (
        usage
        | delivery
        | latency_percentiles(latencies[before:after])
        | {
            "acks_per_s": acks / usage["seconds"],
            "acks_per_cpu_s": acks / usage["server_cpu_s"],
            "acks_per_database_cpu_s": acks / database_cpu_s if database_cpu_s else 0.0,
        }
    )


async def open_loop(
    env: BenchEnvironment, workload: Workload, per_s: float, *, until_delivery: bool = False
) -> Sample:
    """Latency at a constant rate, from when a message was due to its ack; or `until_delivery` to
    each client of the room, which costs the load more CPU."""
    clock = asyncio.get_running_loop().time
    start = clock() + 0.05
    first = round(env.warm_s * per_s)
    total = first + max(1, round(env.measure_s * per_s))
    earlier_acks = sum(client.acks for client in workload.clients)
    latencies = array("d")

    def record_latency(number: int) -> None:
        if number >= FIRST_OPEN_LOOP_ID + first:
            latencies.append(clock() - (start + (number - FIRST_OPEN_LOOP_ID) / per_s))

    def on_ack(_: LoadClient, data: bytes, begin: int, end: int) -> None:
        record_latency(orjson.loads(data[begin:end])["id"])

    def on_event(_: LoadClient, data: bytes, begin: int, end: int) -> None:
        record_latency(int(orjson.loads(data[begin:end])["message"]["nonce"]))

    def send(number: int) -> None:
        sender = number % len(workload.clients)
        workload.send(sender, FIRST_OPEN_LOOP_ID + number, env.text(number))

    for client in workload.clients:
        client.on_ack, client.on_event = (None, on_event) if until_delivery else (on_ack, None)
    with env.metered(*workload.servers) as usage:
        await send_at_rate(start, per_s, total, send)
        delivery = await _wait_for_delivery(workload, earlier_acks + total)
    deliveries = total * workload.clients_per_room
    rates = {"rate": per_s, "deliveries_per_cpu_s": deliveries / usage["server_cpu_s"]}
    return usage | delivery | latency_percentiles(latencies) | rates


async def _wait_for_delivery(workload: Workload, sent: int) -> Sample:
    """Wait for the ack of every send, and for its message at every client of the room."""
    clock = asyncio.get_running_loop().time
    deadline = clock() + DRAIN_TIMEOUT_S

    def received() -> int:
        return sum(client.acks + client.events for client in workload.clients)

    expected = sent * (1 + workload.clients_per_room)
    while clock() < deadline and received() < expected:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    check_connected(workload.clients)
    return {"expected": float(expected), "received": float(received())}
