"""Connecting: from TCP to `welcome` and the list of rooms."""

from bench.benchmark import Benchmark, Column, Metric, Samples, Variant, metric
from bench.benchmarks.memory import IdleUsers, idle_users
from bench.client import CHAT_LISTED, LoadClient, abort_all, connect_all
from bench.environment import BenchEnvironment, Sample

MAX_CONCURRENT = 64


async def measure(env: BenchEnvironment, idle: IdleUsers) -> Sample:
    warm_up, count = env.scale(500, 20), env.scale(5000, 150)
    clients = [LoadClient(CHAT_LISTED, user.hello()) for user in idle.users[: warm_up + count]]
    async with env.chat_server(idle.settings) as server:
        try:
            await connect_all(clients[:warm_up], server.port, MAX_CONCURRENT)
            with env.metered(server) as usage:
                await connect_all(clients[warm_up:], server.port, MAX_CONCURRENT)
        finally:
            abort_all(clients)
    return usage | {
        "hellos_per_s": count / usage["seconds"],
        "hellos_per_cpu_s": count / usage["server_cpu_s"],
        "expected": float(warm_up + count),
        "received": float(sum(client.ready.done() for client in clients)),
    }


def metrics(samples: Samples) -> list[Metric]:
    return metric(
        "hello with a token to welcome + rooms, per app CPU second",
        samples,
        "hello",
        "hellos_per_cpu_s",
        "hellos",
        target=1000.0,
    )


BENCHMARK = Benchmark(
    name="hello",
    title="Hello",
    about=(
        "A TCP connection, the WebSocket handshake, `hello` with an access token, `welcome`, and "
        "the list of ten rooms with exact unread counts; 64 clients at a time."
    ),
    variants=[Variant("hello", "this server", measure)],
    columns=[
        Column("hellos_per_cpu_s", "hellos per app CPU second"),
        Column("hellos_per_s", "hellos per second"),
    ],
    metrics=metrics,
    setup=idle_users,
)
