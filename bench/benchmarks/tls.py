"""Fan-out and memory of sockets over TLS, in the process or in a proxy, and of plain ones."""

import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from statistics import median
from uuid import UUID

import trustme

from app.settings import Settings
from bench.benchmark import Benchmark, Column, Metric, Samples, Variant, metric, ratio_metric
from bench.benchmarks.large_room import measure_arrival
from bench.client import CHAT, HOST, LoadClient, abort_all, check_connected, connect_all
from bench.environment import BenchEnvironment, Sample, ServerUnderTest
from bench.proc import pin
from bench.seed_data import SeededUser, seed_database
from testkit.servers.backend import override
from testkit.servers.process import find
from testkit.servers.proxies import run_proxy

MESSAGES = 20


@dataclass(frozen=True)
class OneRoom:
    settings: Settings
    tls_settings: Settings
    trust: ssl.SSLContext
    users: list[SeededUser]
    id: UUID


@asynccontextmanager
async def one_room(env: BenchEnvironment) -> AsyncIterator[OneRoom]:
    """2,000 users in one room, and a server certificate."""
    authority = trustme.CA()
    certificate = authority.issue_cert(HOST)
    chain, key = env.directory / "server.pem", env.directory / "server-key.pem"
    key.write_bytes(certificate.private_key_pem.bytes())
    chain.write_bytes(b"".join(blob.bytes() for blob in certificate.cert_chain_pems))
    trust = ssl.create_default_context()
    authority.configure_trust(trust)
    async with env.mariadb_database() as url:
        settings = env.settings(url)
        users, (room,) = await seed_database(settings, env.scale(2000, 100), 1, lambda _: [0])
        secure = override(settings, server={"tls_certificate": chain, "tls_key": key})
        yield OneRoom(settings, secure, trust, users, room)


def measure(*, tls: bool) -> Callable[[BenchEnvironment, OneRoom], Awaitable[Sample]]:
    async def run(env: BenchEnvironment, room: OneRoom) -> Sample:
        async with env.chat_server(room.tls_settings if tls else room.settings) as server:
            return await _measure(env, room, [server], room.trust if tls else None)

    return run


async def measure_proxy(env: BenchEnvironment, room: OneRoom) -> Sample:
    """HAProxy shares the core of the server, and counts as a part of it."""
    directory = env.directory / "proxy"
    directory.mkdir(exist_ok=True)
    async with (
        env.chat_server(room.settings) as server,
        run_proxy("haproxy", directory, f"{HOST}:{server.port}") as proxy,
    ):
        pin(proxy.pid, env.cores.server)
        return await _measure(
            env, room, [ServerUnderTest(proxy.pid, proxy.port), server], proxy.trust
        )


async def _measure(
    env: BenchEnvironment,
    room: OneRoom,
    processes: Sequence[ServerUnderTest],
    trust: ssl.SSLContext | None,
) -> Sample:
    """The clients connect to the first of the processes."""
    clients = [LoadClient(CHAT, user.hello(user.rooms)) for user in room.users]
    few, port = len(clients) // 10, processes[0].port

    def resident_bytes() -> int:
        return sum(process.resident_bytes for process in processes)

    try:
        await connect_all(clients[:few], port, tls=trust)
        few_bytes = resident_bytes()
        await connect_all(clients[few:], port, tls=trust)
        bytes_per_socket = (resident_bytes() - few_bytes) / (len(clients) - few)
        for client in clients[1:]:
            client.count_only()
        await measure_arrival(env, clients, room.id)
        with env.metered(*processes) as usage:
            arrivals = [await measure_arrival(env, clients, room.id) for _ in range(MESSAGES)]
        check_connected(clients)
    finally:
        abort_all(clients)
    deliveries = MESSAGES * len(clients)
    return usage | {
        "last_ms": median(arrivals) * 1000,
        "bytes_per_socket": bytes_per_socket,
        "deliveries_per_cpu_s": deliveries / usage["server_cpu_s"],
        "expected": float(deliveries),
        "received": float(deliveries),
    }


def _missing_haproxy() -> str | None:
    return None if find("haproxy") else "haproxy is not installed"


def metrics(samples: Samples) -> list[Metric]:
    plain, secure = (samples.get(name, ()) for name in ("plain", "tls"))
    above = [
        {"above": s["bytes_per_socket"] - p["bytes_per_socket"]}
        for s, p in zip(secure, plain, strict=False)
    ]
    return [
        *ratio_metric(
            "one message to 2,000 sockets over TLS, until the last has it, ÷ plain",
            samples,
            "last_ms",
            "tls",
            "plain",
            target=1.25,
            lower_is_better=True,
        ),
        *ratio_metric(
            "CPU of a delivery over TLS, ÷ plain", samples, "deliveries_per_cpu_s", "plain", "tls"
        ),
        *ratio_metric(
            "CPU of a delivery over TLS, ÷ TLS in HAProxy before the server",
            samples,
            "deliveries_per_cpu_s",
            "proxy",
            "tls",
        ),
        *metric(
            "memory of a connection over TLS, above a plain one",
            {"above": above},
            "above",
            "above",
            "bytes",
            target=12_000,
            lower_is_better=True,
        ),
    ]


BENCHMARK = Benchmark(
    name="tls",
    title="TLS",
    about=(
        "2,000 clients in one room: without TLS, over TLS that ends in the server's process, and "
        "over TLS that ends in HAProxy, whose CPU and memory are added. One message at a time; the "
        "time counts until the last client has it. Memory is the resident memory of the process "
        "with all connections minus that with a tenth of them, divided by the number of added "
        "connections."
    ),
    variants=[
        Variant("plain", "plain", measure(tls=False)),
        Variant("tls", "TLS in the process", measure(tls=True)),
        Variant("proxy", "TLS in HAProxy", measure_proxy, lambda _: _missing_haproxy()),
    ],
    columns=[
        Column("last_ms", "last of 2,000 sockets, ms"),
        Column("deliveries_per_cpu_s", "deliveries per server CPU second"),
        Column("bytes_per_socket", "bytes per connection"),
    ],
    metrics=metrics,
    setup=one_room,
)
