"""Plain requests are answered like all others, without the layers between.

An unknown parameter is ignored by the routes, and makes a request one that is not plain: the same
request with and without it takes the two ways.
"""

from datetime import timedelta
from typing import Any

import httpx
import pytest

from app.core.clock import now
from app.core.tokens import Claims
from app.http import direct_reads
from testkit.answers import assert_ok
from testkit.people import API, UNKNOWN_ID, Person
from testkit.server import TestServer, run_server
from testkit.servers.backend import Backend

UNKNOWN = "x=1"
# Differ from request to request.
VOLATILE = {"date", "x-request-id", "ratelimit"}
PLAIN = [
    "messages",
    "messages?limit=1",
    "messages?before=4",
    "messages?before=4&limit=2",
    "messages?limit=100&after=0",
    "messages?after=9007199254740991",
    "messages?around=3&limit=2",
    "messages?before=0",
    "messages/3",
    "messages/99",
    "messages/9007199254740991",
    "events",
    "events?after=2&until=3",
    "events?after=7",
    "events?limit=1",
    "messages?",
    "mess%61ges",
    "messages/%33",
    "%6dessages?limit=2",
]
OTHERS = [
    *("messages?limit=0", "messages?limit=101", "messages?limit=1000", "messages?limit=x"),
    *("messages?limit=05", "messages?limit=%35", "messages?limit=", "messages?limit"),
    *("messages?before=3&before=4", "messages?before=3&after=2", "messages?before=-1"),
    *("messages?before=9007199254740992", "messages?before=99999999999999999", "messages?&limit=2"),
    *("messages?limit=2&", "messages?Limit=2", "messages?limit=2&around=3&after=1"),
    *("messages/", "messages/03", "messages/-1", "messages/9007199254740992", "messages/x"),
    *("messages/3?limit=0", "events?until=-1", "events?before=3", "events?after=2&after=3"),
    *("events/", "messages/3/", "mess%2561ges"),
]


@pytest.fixture
def plain_requests(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The paths that were answered directly."""
    seen: list[str] = []
    respond = direct_reads._respond

    async def record(scope: Any, request: Any) -> Any:
        seen.append(scope["path"])
        return await respond(scope, request)

    monkeypatch.setattr(direct_reads, "_respond", record)
    return seen


@pytest.fixture
async def room(ada: Person) -> str:
    room = await ada.makes_room()
    await ada.says(room, "one", "two", "three")
    return room


def answer(response: httpx.Response) -> tuple[Any, ...]:
    headers = {name: value for name, value in response.headers.items() if name not in VOLATILE}
    body: Any = response.content
    if response.headers.get("content-type") == "application/problem+json":
        body = {**response.json(), "request_id": None}
        headers.pop("content-length", None)
    return response.status_code, headers, "ratelimit" in response.headers, body


async def ask(
    http: httpx.AsyncClient, path: str, headers: dict[str, str] | list[tuple[str, str]]
) -> httpx.Response:
    return await http.get(f"{API}{path}", headers=headers)


def not_plain(path: str) -> str:
    return f"{path}{'&' if '?' in path else '?'}{UNKNOWN}"


async def compare(
    http: httpx.AsyncClient, path: str, headers: dict[str, str] | list[tuple[str, str]]
) -> int:
    """The status of both answers."""
    direct, routed = await ask(http, path, headers), await ask(http, not_plain(path), headers)
    assert answer(direct) == answer(routed), path
    return direct.status_code


@pytest.mark.parametrize("path", PLAIN)
async def test_plain_requests_are_answered_as_by_the_route(
    ada: Person, eve: Person, room: str, path: str, plain_requests: list[str]
) -> None:
    private = await ada.makes_room("private")
    statuses = []
    for person, room_id in ((ada, room), (eve, room), (eve, private), (eve, UNKNOWN_ID)):
        headers = {"Authorization": f"Bearer {person.access}"}
        statuses.append(await compare(person.http, f"/rooms/{room_id}/{path}", headers))
    assert statuses == [statuses[0], 403, 404, 404]
    assert statuses[0] in (200, 404)
    assert len(plain_requests) == 4, "one of each two is plain"


@pytest.mark.parametrize("query", ["", "?", "?limit=1", "?limit=100"])
async def test_lists_of_the_caller_are_answered_as_by_the_route(
    ada: Person, room: str, query: str, plain_requests: list[str]
) -> None:
    for seq in (3, 4):
        assert_ok(await ada.put(f"/rooms/{room}/messages/{seq}/saved", note="later"))
    headers = {"Authorization": f"Bearer {ada.access}"}
    path = f"/users/me/saved{query}"
    assert await compare(ada.http, path, headers) == 200
    items = assert_ok(await ask(ada.http, path, headers))["items"]
    assert len(items) == (1 if query == "?limit=1" else 2)
    assert len(plain_requests) == 2


async def test_pages_without_a_limit_are_as_long_as_those_of_the_route(ada: Person) -> None:
    room = await ada.makes_room()
    await ada.says(room, *map(str, range(101)))
    headers = {"Authorization": f"Bearer {ada.access}"}
    for path, length in (("messages", 50), ("messages?around=50", 50), ("events", 100)):
        assert await compare(ada.http, f"/rooms/{room}/{path}", headers) == 200
        page = assert_ok(await ask(ada.http, f"/rooms/{room}/{path}", headers))
        assert len(page["items"]) == length


@pytest.mark.parametrize("path", OTHERS)
async def test_other_requests_are_left_to_the_route(
    ada: Person, room: str, path: str, plain_requests: list[str]
) -> None:
    await ask(ada.http, f"/rooms/{room}/{path}", {"Authorization": f"Bearer {ada.access}"})
    assert plain_requests == []


async def test_other_spellings_of_a_room_are_left_to_the_route(
    ada: Person, room: str, plain_requests: list[str]
) -> None:
    for name in (room.upper(), room.replace("-", ""), f"{{{room}}}", room[:-1], f"%{room}"):
        await ada.get(f"/rooms/{name}/messages")
        await ada.get(f"/rooms/{name}/messages/3")
    assert plain_requests == []


async def test_who_the_caller_is_decides_as_by_the_route(
    server: TestServer, http: httpx.AsyncClient, ada: Person, room: str, plain_requests: list[str]
) -> None:
    good, path = f"Bearer {ada.access}", f"/rooms/{room}/messages"
    claims = server.context.tokens.verify(ada.access)
    past = now() - timedelta(seconds=1)
    expired = server.context.tokens.sign(claims, past, past)
    stranger = server.context.tokens.sign(
        Claims(claims.session, claims.user), now(), now() + timedelta(minutes=1)
    )
    for header, is_plain, status in (
        (good, True, 200),
        (f"Bearer {stranger}", True, 401),  # no such session
        (f"Bearer {expired}", False, 401),
        (f"Bearer {ada.access}x", False, 401),
        (f"Bearer  {ada.access}", False, 200),
        (f"bearer {ada.access}", False, 200),
        ("Bearer", False, 401),
        ("Basic YTpi", False, 401),
        (ada.access, False, 401),
    ):
        plain_requests.clear()
        assert await compare(http, path, {"Authorization": header}) == status, header
        assert len(plain_requests) == is_plain, header
    assert await compare(http, path, {}) == 401
    plain_requests.clear()
    twice = [("Authorization", good), ("Authorization", good)]
    await compare(http, path, twice)
    assert plain_requests == []


async def test_an_ended_session_reads_nothing(
    http: httpx.AsyncClient, ada: Person, room: str, plain_requests: list[str]
) -> None:
    headers = {"Authorization": f"Bearer {ada.access}"}
    assert_ok(await ask(http, f"/rooms/{room}/messages", headers))
    assert_ok(await ada.post("/auth/logout"), 204)
    plain_requests.clear()
    for path in PLAIN:
        assert await compare(http, f"/rooms/{room}/{path}", headers) == 401
    assert await compare(http, f"/rooms/{UNKNOWN_ID}/messages", headers) == 401
    assert len(plain_requests) == len(PLAIN) + 1


async def test_tags_count_as_by_the_route(ada: Person, room: str) -> None:
    headers = {"Authorization": f"Bearer {ada.access}"}
    tag = (await ask(ada.http, f"/rooms/{room}/messages", headers)).headers["etag"]
    for tags, status in ((tag, 304), ("*", 304), ("", 200), ('"x"', 200), (f'"x", W/{tag}', 304)):
        tagged = headers | {"If-None-Match": tags}
        assert await compare(ada.http, f"/rooms/{room}/messages", tagged) == status
    twice = [*headers.items(), ("If-None-Match", '"x"'), ("If-None-Match", tag)]
    await compare(ada.http, f"/rooms/{room}/messages", twice)


@pytest.mark.parametrize("ended", [False, True])
async def test_too_many_plain_requests_are_refused_as_by_the_route(
    backend: Backend, plain_requests: list[str], *, ended: bool
) -> None:
    settings = backend.override(limits={"reads_per_minute": 0.01, "reads_burst": 3})
    async with run_server(settings) as server, server.client() as http:
        await _use_up(await server.person(http), plain_requests, ended=ended)


async def _use_up(ada: Person, plain_requests: list[str], *, ended: bool) -> None:
    room = await ada.makes_room()
    headers = {"Authorization": f"Bearer {ada.access}"}
    for left in (2, 1, 0):
        response = await ask(ada.http, f"/rooms/{room}/messages", headers)
        assert response.status_code == 200
        assert f'"reads";r={left};' in response.headers["ratelimit"]
    if ended:
        assert_ok(await ada.post("/auth/logout"), 204)
    direct = await ask(ada.http, f"/rooms/{room}/messages", headers)
    routed = await ask(ada.http, not_plain(f"/rooms/{room}/messages"), headers)
    assert direct.status_code == routed.status_code == (401 if ended else 429)
    assert ("retry-after" in direct.headers) == ("retry-after" in routed.headers) == (not ended)
    assert direct.json()["code"] == routed.json()["code"]
    assert ("ratelimit" in direct.headers) == ("ratelimit" in routed.headers)
    assert len(plain_requests) == 4


async def test_other_methods_are_left_to_the_route(
    ada: Person, room: str, plain_requests: list[str]
) -> None:
    for method in ("POST", "PUT", "DELETE", "OPTIONS", "PATCH"):
        await ada.call(method, f"/rooms/{room}/messages")
    assert plain_requests == []
    assert (await ada.call("HEAD", f"/rooms/{room}/messages")).status_code == 200
    assert len(plain_requests) == 1
