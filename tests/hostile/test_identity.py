"""The caller is authenticated before a body is read."""

import asyncio

import pytest

from app.http.dependencies import get_actor
from app.http.strict_json import StrictRoute
from testkit.people import UNKNOWN_ID
from testkit.server import TestServer
from testkit.waiting import limit
from tests.hostile.requests import status
from tests.hostile.routes import Route, calls, every_route

ROUTES = every_route()
OPEN = {
    *("POST /api/v1/auth/register", "POST /api/v1/auth/token"),
    "POST /api/v1/auth/cookie",
    *("POST /api/v1/auth/cookie/refresh", "POST /api/v1/auth/cookie/logout"),  # by their cookie
    "POST /api/v1/auth/logout",  # by its claims, which may have expired; it takes no body
    *("GET /api/v1/server", "POST /api/v1/setup"),  # the latter with a code
    *("GET /health/live", "GET /health/ready"),
    *("GET /openapi.json", "GET /asyncapi.json"),
    "GET /metrics",  # with a token of its own
}


def needs_caller(route: Route) -> bool:
    return get_actor in calls(route.dependant)


def test_only_listed_routes_need_no_caller() -> None:
    found = {route.name for route in ROUTES if not needs_caller(route)}
    assert {name for name in found if "/docs" not in name} == OPEN


def test_every_route_authenticates_before_it_reads_the_body() -> None:
    """`StrictRoute` sees the dependencies of its route, not those that a router adds to all
    routes."""
    for route in filter(needs_caller, ROUTES):
        declared = route.original.original_route
        assert isinstance(declared, StrictRoute), route.name
        assert get_actor in calls(declared.dependant), route.name


@pytest.mark.parametrize("token", ["", "x", "a.b.c"])
@pytest.mark.parametrize("name", [route.name for route in ROUTES if needs_caller(route)])
async def test_an_unauthenticated_request_is_refused_before_its_body(
    server: TestServer, name: str, token: str
) -> None:
    """Only one byte of 200 KB is sent, and it is not JSON."""
    method, path = name.split()
    ids = dict.fromkeys(
        (
            *("room_id", "user_id", "session_id", "group_id", "scheduled_id", "reminder_id"),
            *("invite_id", "report_id", "rule_id"),
        ),
        UNKNOWN_ID,
    )
    path = path.format(**ids, seq=1, emoji="x", role="guest", code="x")
    lines = [
        f"{method} {path} HTTP/1.1",
        *("Host: chat", "Content-Type: application/json", "Content-Length: 200000"),
        *([f"Authorization: Bearer {token}"] if token else []),
    ]
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    try:
        writer.write("\r\n".join([*lines, "", "{"]).encode())
        async with limit():
            assert status(await reader.readuntil(b"\r\n\r\n")) == 401
    finally:
        writer.transport.abort()
