"""Every route has a rate limit, and every response shows what is left of it."""

import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from typing import Any

import httpx
import pytest
from fastapi import APIRouter, FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import iter_route_contexts

from app.core.rate_limit import PolicyName
from app.http.rate_fields import FIELDS
from app.http.rates import AccountRate, AddressRate
from app.limits.policies import create_policies
from app.main import create_app
from app.settings import Settings, load_settings
from testkit.answers import assert_ok, assert_problem
from testkit.people import API, UNKNOWN_ID, Person
from testkit.server import TestServer, run_embedded_server, run_server, without_limits
from testkit.servers.backend import Backend, override
from testkit.waiting import eventually

# Wrong passwords and tokens are counted there, right ones by account: tests/features/users.
COUNTS_BY_ITSELF = {
    f"POST {API}/auth/{path}" for path in ("token", "cookie", "cookie/refresh", "cookie/logout")
}
ITEM = re.compile(r'"[a-z-]+";r=\d+;t=\d+')
POLICY = re.compile(r'"[a-z-]+";q=[1-9]\d*;w=[1-9]\d*')


def rates_of(dependant: Dependant) -> Iterator[AccountRate | AddressRate]:
    if isinstance(dependant.call, AccountRate | AddressRate):
        yield dependant.call
    for below in dependant.dependencies:
        yield from rates_of(below)


def routes_of(app: FastAPI) -> dict[str, list[AccountRate | AddressRate]]:
    return {
        f"{method} {context.path}": list(rates_of(context.dependant))
        for context in iter_route_contexts(app.routes)
        if hasattr(context, "dependant")
        for method in context.methods or ()
        if (context.path or "").startswith("/api/")
    }


@pytest.fixture(scope="module")
def routes() -> dict[str, list[AccountRate | AddressRate]]:
    return routes_of(create_app(load_settings(auth={"secret_key": "k" * 32})))


def test_every_route_has_one_rate_limit(routes: dict[str, list[AccountRate | AddressRate]]) -> None:
    assert len(routes) > 25
    wrong = {name for name, rates in routes.items() if len(rates) != 1}
    assert wrong == COUNTS_BY_ITSELF


def test_reads_and_writes_have_separate_rate_limits(
    routes: dict[str, list[AccountRate | AddressRate]],
) -> None:
    for name, rates in routes.items():
        for rate in rates:
            assert (rate.policy is PolicyName.READS) == name.startswith("GET"), name


def test_lists_of_users_cost_more_than_other_reads(
    routes: dict[str, list[AccountRate | AddressRate]],
) -> None:
    for path in ("/users", "/rooms/public", "/rooms/{room_id}/members", "/users/me/threads"):
        [rate] = routes[f"GET {API}{path}"]
        assert isinstance(rate, AccountRate)
        assert rate.cost == 10


def test_a_route_without_a_rate_limit_is_found() -> None:
    router, app = APIRouter(prefix="/api"), FastAPI()

    @router.post("/x")
    async def endpoint() -> None: ...

    app.include_router(router)
    assert routes_of(app) == {"POST /api/x": []}


def test_every_rate_limit_policy_is_registered_under_its_name() -> None:
    table = create_policies(load_settings(auth={"secret_key": "k" * 32}))
    assert set(table) == set(PolicyName)
    assert all(policy.name is name for name, policy in table.items())


# What answers say.


def limited(backend: Backend, **limits: Any) -> Settings:
    return override(without_limits(backend.settings), limits=limits)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/users/me", 200),
        ("GET", "/users?query=a", 200),
        ("PATCH", "/users/me", 200),
        ("PATCH", "/users/me?broken", 422),
        ("GET", f"/users/{UNKNOWN_ID}", 404),
        ("POST", "/ws-tickets", 201),
        ("POST", "/auth/logout", 204),
        ("POST", f"/rooms/{UNKNOWN_ID}/messages", 404),
        ("DELETE", f"/rooms/{UNKNOWN_ID}", 404),
    ],
)
async def test_every_response_has_ratelimit_fields(
    ada: Person, method: str, path: str, status: int
) -> None:
    bodies = {
        "/users/me": {"display_name": "Ada"},
        f"/rooms/{UNKNOWN_ID}/messages": {"nonce": "n", "text": "x"},
    }
    body = bodies.get(path) if method in {"PATCH", "POST"} else None
    answer = await ada.call(method, path, json=body)
    assert answer.status_code == status
    assert ITEM.fullmatch(answer.headers["ratelimit"])
    assert POLICY.fullmatch(answer.headers["ratelimit-policy"])


async def test_responses_without_a_rate_limit_have_no_ratelimit_fields(
    http: httpx.AsyncClient,
) -> None:
    for path in (f"{API}/users/me", "/health/live", "/openapi.json", "/nowhere"):
        assert not {field.lower() for field in FIELDS} & (await http.get(path)).headers.keys()


async def test_the_remaining_rate_decreases_until_requests_are_refused(backend: Backend) -> None:
    settings = limited(backend, writes_per_minute=6, writes_burst=12)
    async with run_server(settings) as server, server.client() as http:
        ada, bob = await server.people(http, "ada", "bob")
        for left in (7, 2):
            answer = await ada.patch("/users/me", display_name="Ada")
            assert_ok(answer)
            assert re.fullmatch(rf'"writes";r={left};t=\d+', answer.headers["ratelimit"])
            assert answer.headers["ratelimit-policy"] == '"writes";q=12;w=120'
        answer = await ada.patch("/users/me", display_name="Ada")
        problem = assert_problem(answer, "rate_limited")
        assert "Too many changes: 6 a minute, 12 at once." in problem["detail"]
        assert 20_000 < problem["retry_after_ms"] <= 30_000
        item = re.fullmatch(r'"writes";r=2;t=(\d+)', answer.headers["ratelimit"])
        assert item
        assert item[1] == answer.headers["retry-after"]
        assert_ok(await bob.patch("/users/me", display_name="Bob"))
        assert_ok(await ada.get("/users/me"))


RULE = {"kind": "word", "expression": "x", "action": "report"}


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/rooms", {"kind": "public", "name": "x"}),
        ("PATCH", f"/rooms/{UNKNOWN_ID}", {"topic": "x"}),
        ("DELETE", f"/rooms/{UNKNOWN_ID}", None),
        ("POST", f"/rooms/{UNKNOWN_ID}/join", None),
        ("POST", f"/rooms/{UNKNOWN_ID}/leave", None),
        ("POST", f"/rooms/{UNKNOWN_ID}/members", {"users": [UNKNOWN_ID]}),
        ("PATCH", f"/rooms/{UNKNOWN_ID}/members/{UNKNOWN_ID}", {"role": "owner"}),
        ("DELETE", f"/rooms/{UNKNOWN_ID}/members/{UNKNOWN_ID}", None),
        ("POST", f"/rooms/{UNKNOWN_ID}/invites", {"max_uses": 1}),
        ("POST", f"/rooms/{UNKNOWN_ID}/join-requests", {"note": "x"}),
        ("POST", f"/rooms/{UNKNOWN_ID}/join-requests/{UNKNOWN_ID}/approve", None),
        ("DELETE", f"/rooms/{UNKNOWN_ID}/join-requests/{UNKNOWN_ID}", None),
        ("DELETE", f"/rooms/{UNKNOWN_ID}/invites/{UNKNOWN_ID}", None),
        ("POST", "/invites/x/join", None),
        ("POST", f"/rooms/{UNKNOWN_ID}/messages/1/reports", {"reason": "spam"}),
        ("POST", f"/rooms/{UNKNOWN_ID}/members/{UNKNOWN_ID}/reports", {"reason": "spam"}),
        ("POST", f"/reports/{UNKNOWN_ID}/resolution", {"outcome": "other"}),
        ("POST", f"/rooms/{UNKNOWN_ID}/filters", RULE),
        ("DELETE", f"/rooms/{UNKNOWN_ID}/filters/{UNKNOWN_ID}", None),
        ("POST", "/filters", RULE),
        ("DELETE", f"/filters/{UNKNOWN_ID}", None),
        ("POST", f"/rooms/{UNKNOWN_ID}/delete", {"confirmation": "x"}),
        ("POST", f"/rooms/{UNKNOWN_ID}/transfer", {"user": UNKNOWN_ID}),
        ("PUT", f"/rooms/{UNKNOWN_ID}/bans/{UNKNOWN_ID}", {}),
        ("DELETE", f"/rooms/{UNKNOWN_ID}/time-outs/{UNKNOWN_ID}", None),
        ("PUT", f"/rooms/{UNKNOWN_ID}/threads/1/lock", None),
        ("PUT", f"/rooms/{UNKNOWN_ID}/permissions/roles/guest", {"deny": ["send"]}),
        ("DELETE", f"/rooms/{UNKNOWN_ID}/permissions/users/{UNKNOWN_ID}", None),
        ("PUT", f"/rooms/{UNKNOWN_ID}/read", {"seq": 1}),
        ("POST", f"/rooms/{UNKNOWN_ID}/unread", {"seq": 1}),
        ("PUT", f"/rooms/{UNKNOWN_ID}/draft", {"text": "x"}),
        ("DELETE", f"/rooms/{UNKNOWN_ID}/draft", None),
        ("POST", "/users/me/reminders", {"room": UNKNOWN_ID, "due_at": "2000-01-01T00:00:00Z"}),
        ("PATCH", f"/users/me/reminders/{UNKNOWN_ID}", {"note": "x"}),
        ("DELETE", f"/users/me/reminders/{UNKNOWN_ID}", None),
        ("PATCH", f"/scheduled/{UNKNOWN_ID}", {"text": "x"}),
        ("DELETE", f"/scheduled/{UNKNOWN_ID}", None),
        ("PUT", f"/rooms/{UNKNOWN_ID}/messages/1/saved", {"note": "x"}),
        ("DELETE", f"/rooms/{UNKNOWN_ID}/messages/1/saved", None),
        ("PUT", f"/users/me/blocks/{UNKNOWN_ID}", None),
        ("DELETE", f"/users/me/blocks/{UNKNOWN_ID}", None),
        ("PUT", "/users/me/presence", {"choice": "away"}),
        ("PATCH", "/users/me", {"display_name": "x"}),
        ("PUT", "/users/me/password", {"old_password": "x", "new_password": "y" * 8}),
        ("POST", "/ws-tickets", None),
        ("POST", "/auth/logout", None),
        ("DELETE", f"/auth/sessions/{UNKNOWN_ID}", None),
        ("PUT", f"/users/{UNKNOWN_ID}/ban", None),
    ],
)
async def test_rate_limited_writes_change_nothing(
    writeless: Person, method: str, path: str, body: dict[str, Any] | None
) -> None:
    assert_problem(await writeless.call(method, path, json=body), "rate_limited")
    assert_ok(await writeless.get("/users/me"))


@pytest.fixture(scope="module")
async def strict_server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[TestServer]:
    limits = {"writes_per_minute": 0.01, "writes_burst": 1}
    async with run_embedded_server(tmp_path_factory.mktemp("strict"), limits=limits) as server:
        yield server


@pytest.fixture
async def writeless(strict_server: TestServer) -> AsyncIterator[Person]:
    """A user who has used up all changes."""
    async with strict_server.client() as http:
        person = await strict_server.person(http)
        await person.put(f"/rooms/{UNKNOWN_ID}/read", seq=1)
        yield person


async def test_searches_are_rate_limited(backend: Backend) -> None:
    """With the default limits a list of all accounts cannot be read quickly."""
    defaults = load_settings(auth={"secret_key": "k" * 32}).limits
    settings = limited(
        backend, reads_burst=defaults.reads_burst, reads_per_minute=defaults.reads_per_minute / 1000
    )
    async with run_server(settings) as server, server.client() as http:
        ada = await server.person(http)
        for _ in range(10):
            for path in ("/users", "/rooms/public", "/users"):
                assert_ok(await ada.get(path))
        for path in ("/users", "/rooms/public", f"/rooms/{UNKNOWN_ID}/members", "/rooms"):
            assert_problem(await ada.get(path), "rate_limited")
        assert_ok(await ada.post("/rooms", kind="public", name="x"), 201)


@pytest.mark.cluster
async def test_rate_limits_hold_over_all_processes(cluster: Backend) -> None:
    settings = limited(cluster, writes_per_minute=0.01, writes_burst=4)
    async with run_server(settings) as one, run_server(settings) as two:
        limiters: list[Any] = [server.context.limiter for server in (one, two)]
        await eventually(lambda: all(limiter.available for limiter in limiters))
        async with one.client() as first, two.client() as second:
            ada = await one.person(first)
            there = replace(ada, http=second)
            for person in (ada, there, ada, there):
                assert_problem(await person.put(f"/rooms/{UNKNOWN_ID}/read", seq=1), "not_found")
            for person in (ada, there):
                assert_problem(await person.put(f"/rooms/{UNKNOWN_ID}/read", seq=1), "rate_limited")


async def test_the_openapi_document_names_the_ratelimit_fields(http: httpx.AsyncClient) -> None:
    document = assert_ok(await http.get("/openapi.json"))
    assert set(FIELDS) <= document["components"]["headers"].keys()
    for path, item in document["paths"].items():
        for operation in item.values():
            responses = operation["responses"]
            if not path.startswith("/api/"):
                assert "429" not in responses
                continue
            assert {"Retry-After", *FIELDS} <= responses["429"]["headers"].keys()
            for status, response in responses.items():
                if status.startswith("2"):
                    assert set(FIELDS) <= response["headers"].keys()
