"""GET /metrics, and who may read it."""

import os
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from testkit.answers import assert_ok, assert_problem
from testkit.peer import Peers
from testkit.processes import run_process
from testkit.server import TestServer, run_server, without_limits
from testkit.servers.backend import Backend
from testkit.waiting import LIMIT_S, eventually
from tests.realtime.test_many_workers import children

TOKEN = "of-this-test-and-long-enough"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
Sample = tuple[str, frozenset[tuple[str, str]]]


def parse(text: str) -> dict[Sample, float]:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


async def scrape(url: str) -> dict[Sample, float]:
    """Read the metrics on a connection of its own, from any worker."""
    async with httpx.AsyncClient(timeout=LIMIT_S) as http:
        answer = await http.get(f"{url}/metrics", headers=BEARER)
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"].startswith("text/plain; version=")
    return parse(answer.text)


def value(samples: dict[Sample, float], name: str, **labels: str) -> float:
    return samples.get((name, frozenset(labels.items())), 0.0)


@pytest.fixture
async def measured(backend: Backend) -> AsyncIterator[TestServer]:
    async with run_server(without_limits(backend.override(metrics={"token": TOKEN}))) as server:
        yield server


@pytest.fixture
async def peers() -> AsyncIterator[Peers]:
    async with Peers() as peers:
        yield peers


async def test_sends_requests_and_the_database_are_counted(measured: TestServer) -> None:
    """Other tests have counted in this process, too, so only differences are compared."""
    async with measured.client() as http:
        ada = await measured.person(http)
        room = await ada.makes_room()
        before = await scrape(measured.url)
        await ada.makes_room()
        await ada.says(room, "one", "two")
        for status in (201, 200):
            assert_ok(await ada.sends(room, "three", nonce="same"), status)
        assert_problem(await ada.sends(room, "four", nonce="same"), "nonce_conflict")
        assert_ok(await ada.get(f"/rooms/{room}"))
        assert_problem(await http.get("/no/such/path"), "not_found")
        after = await scrape(measured.url)

    def grown(name: str, **labels: str) -> float:
        return value(after, name, **labels) - value(before, name, **labels)

    assert grown("chat_sends_total", outcome="stored") == 3
    assert grown("chat_sends_total", outcome="repeated") == 1
    assert grown("chat_sends_total", outcome="nonce_conflict") == 1
    assert grown("chat_send_batch_size_sum") == 5
    assert grown("chat_send_batch_seconds_count") >= 1
    for pool in ("read", "write", "batch"):
        assert grown("chat_database_statement_seconds_count", pool=pool) >= 1
    for pool in ("read", "write"):
        assert value(after, "chat_database_connections_max", pool=pool) >= 1
    assert grown("chat_database_commit_seconds_count") >= 1
    route = "/rooms/{room_id}/messages"
    assert grown("chat_http_requests_total", method="POST", route=route, status="201") == 3
    assert grown("chat_http_requests_total", method="GET", route="none", status="404") == 1
    assert grown("chat_http_request_seconds_count", method="GET", route="/rooms/{room_id}") == 1


async def test_metric_labels_contain_no_user_room_or_path(measured: TestServer) -> None:
    async with measured.client() as http:
        ada = await measured.person(http)
        room = await ada.makes_room()
        await ada.says(room, "hello")
        assert_ok(await ada.get(f"/users/{ada.id}"))
        await http.request("INVENTED", f"/x/{room}")
        text = (await http.get("/metrics", headers=BEARER)).text
    for secret in (room, ada.id, ada.username, ada.session, "INVENTED"):
        assert secret not in text


async def test_deliveries_and_sockets_are_counted(measured: TestServer, peers: Peers) -> None:
    async with measured.client() as http:
        ada = await measured.person(http)
        room = await ada.makes_room()
        talking = [await peers.join(ada, room) for _ in range(3)]
        before = await scrape(measured.url)
        for peer in talking:
            await peer.says(room, "from here")

        async def are_counted() -> bool:
            await ada.says(room, "again")
            after = await scrape(measured.url)
            name = "chat_deliveries_total"
            grown = value(after, name) - value(before, name)
            return grown >= len(talking) and value(after, "chat_sockets") >= 3

        await eventually(are_counted)


@pytest.mark.setting("CHAT_METRICS__TOKEN")
async def test_metrics_need_the_configured_token(measured: TestServer) -> None:
    async with measured.client() as http:
        for headers in ({}, {"Authorization": f"Basic {TOKEN}"}):
            problem = await http.get("/metrics", headers=headers)
            assert_problem(problem, "unauthenticated")
        assert_problem(
            await http.get("/metrics", headers={"Authorization": "Bearer other"}), "unauthenticated"
        )
        assert (await http.get("/metrics", headers=BEARER)).status_code == 200


async def test_metrics_are_disabled_without_a_configured_token(
    http: httpx.AsyncClient,
) -> None:
    for headers in ({}, BEARER):
        assert_problem(await http.get("/metrics", headers=headers), "not_found")


@pytest.mark.cluster
async def test_a_scrape_covers_all_workers_except_killed_ones(
    cluster: Backend, tmp_path: Path, peers: Peers
) -> None:
    settings = without_limits(cluster.override(metrics={"token": TOKEN}))
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(
            run_process(settings, tmp_path, 0, "--workers", "2")
        )
        workers = children(server)
        beside = await stack.enter_async_context(run_server(settings))
        http = await stack.enter_async_context(beside.client())
        ada = server.here(await beside.person(http))
        for _ in range(20):
            async with httpx.AsyncClient(timeout=LIMIT_S) as client:
                assert_ok(await client.get(f"{server.url}/health/live"))
        for _ in range(10):
            await peers.join(ada)

        async def live_requests() -> float:
            labels = {"method": "GET", "route": "/health/live", "status": "200"}
            return value(await scrape(server.url), "chat_http_requests_total", **labels)

        async def sockets() -> float:
            return value(await scrape(server.url), "chat_sockets")

        async def all_are_there() -> bool:
            return await sockets() == 10

        for _ in range(10):  # whichever worker answers
            assert await live_requests() == 20
        await eventually(all_are_there)
        assert len(list((settings.server.data_dir / "metrics" / str(server.port)).iterdir())) >= 4

        victim = min(workers)
        os.kill(victim, signal.SIGKILL)
        await eventually(lambda: victim not in children(server) and len(children(server)) == 2)

        async def only_the_living_count() -> bool:
            return await sockets() < 10

        await eventually(only_the_living_count)
        assert await live_requests() == 20
        server.signal(signal.SIGTERM)
        assert await server.ended() == 0
        assert not list((settings.server.data_dir / "metrics").iterdir())
