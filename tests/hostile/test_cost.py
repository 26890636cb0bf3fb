"""No request and no frame costs more than 50 ms of the server's CPU, and no cost grows faster than
the size of the input. Passwords are hashed with the cheapest parameters here: their pool bounds
them.

A failed measurement is repeated and the minimum counts, so only a server that computes too much
fails. docs/operations.md lists the most expensive inputs.
"""

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from app.http.middleware import MAX_PATH_BYTES
from app.http.strict_json import MAX_FORM_BYTES
from app.limit_settings import Limits
from app.settings import (
    Server,
)
from testkit.answers import assert_ok
from testkit.peer import Peer, dial
from testkit.people import API, UNKNOWN_ID
from testkit.processes import run_process
from testkit.server import fast_settings
from testkit.servers.backend import make_settings, migrate
from testkit.waiting import LIMIT_S, eventually
from tests.hostile.largest import LARGEST
from tests.hostile.meter import Meter
from tests.hostile.requests import Request, exchange, status
from tests.hostile.routes import CLIENT_FRAMES, Route, every_route
from tests.hostile.shapes import SCALARS, VALUES, repeat
from tests.hostile.stage import (
    MANY,
    TEXT_CHARS,
    Make,
    Stage,
    message,
)

BODY_BYTES = Server().max_body_bytes
HEAD_BYTES = 60_000
FRAME_BYTES, HELLO_BYTES = Limits().frame_bytes, Limits().hello_bytes

ROUTES = {route.name: route for route in every_route()}


@pytest.fixture(scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    directory = tmp_path_factory.mktemp("cost")
    settings = fast_settings(
        make_settings(directory, database=f"sqlite:///{directory / 'chat.db'}")
    )
    await migrate(settings)
    async with (
        run_process(settings, directory) as process,
        httpx.AsyncClient(base_url=f"{process.url}{API}", timeout=LIMIT_S) as http,
    ):
        meter = Meter(process.pid, lambda: http.get(f"{process.url}/health/live"))
        stage = Stage(process, http, meter)
        await stage.populate()
        yield stage
        dearest = sorted(stage.costs.items(), key=lambda cost: -cost[1])[:20]
        table = "\n".join(f"{cost * 1000:6.1f} ms  {name}" for name, cost in dearest)
        print(table)  # noqa: T201  # `make hostile-cost` shows it


FORMS: dict[str, str] = {
    "ampersands": "&",
    "names": "a&",
    "equals signs": "=",
    "escapes": "%41",
    "escaped names": "%41=%41&",
    "bytes": "%ff",
    "semicolons": ";a",
}
PART = '--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n\r\n'
PARTS: dict[str, Make] = {
    "parts": lambda size: repeat(PART, size).encode(),
    "lines": lambda size: repeat("\r\n-", size, PART).encode(),
    "headers of parts": lambda size: repeat("a:b\r\n", size, "--x\r\n").encode(),
    "dashes": lambda size: repeat("-", size, "--x").encode(),
    "a disposition": lambda size: repeat(';a="\\"', size, "--x\r\nContent-Disposition: a").encode(),
}


def bodies(route: Route) -> Iterator[tuple[str, Make, str]]:
    """Name, content and media type."""
    json_type, form = "application/json", "application/x-www-form-urlencoded"
    if route.is_form:
        for name, piece in FORMS.items():
            yield name, partial(_form, piece, ""), form
            for field_ in route.fields:
                yield f"{field_}: {name}", partial(_form, piece, f"{field_}="), form
        for name, make in PARTS.items():
            yield name, make, "multipart/form-data; boundary=x"
        return
    for name, shape in VALUES.items():
        yield name, partial(_encoded, shape), json_type
    for field_, (name, shape) in itertools.product(route.fields, SCALARS.items()):
        yield f"{field_}: {name}", partial(_in_field, shape, field_), json_type


def _encoded(shape: Callable[[int], str], size: int) -> bytes:
    return shape(size).encode()


def _form(piece: str, start: str, size: int) -> bytes:
    return repeat(piece, size, start).encode()


def _in_field(shape: Callable[[int], str], field_: str, size: int) -> bytes:
    return b'{"%b":%b}' % (field_.encode(), shape(max(0, size - len(field_) - 5)).encode())


LINES: dict[str, tuple[bytes, str]] = {
    "cookies": (b"Cookie: ", "a=b;"),
    "escapes in a cookie": (b'Cookie: a="', '\\"'),
    "octals in a cookie": (b'Cookie: a="', "\\101"),
    "a session in a cookie": (b"Cookie: chat-refresh=", "a"),
    "sessions in a cookie": (b"Cookie: ", "chat-refresh=a;"),
    "an origin": (b"Origin: ", "a"),
    "an id": (b"X-Request-ID: ", "-urn:"),
    "a program": (b"User-Agent: ", "a"),
    "a deep token": (b"Authorization: Bearer ", "["),
    "a token of dots": (b"Authorization: Bearer ", "."),
    "a media type": (b"Content-Type: application/json", ';a="\\"'),
    "a list of upgrades": (b"Connection: ", "a,"),
    "a list of encodings": (b"Accept-Encoding: ", "a,"),
}
# What refuses such a head does not know the route yet; one of each kind shows it.
HEAD_ROUTES = [
    *("GET /health/live", "GET /docs", "GET /api/v1/rooms/public", "POST /api/v1/rooms"),
    "POST /api/v1/auth/cookie/refresh",
    *("POST /api/v1/auth/token", "DELETE /api/v1/rooms/{room_id}/members/{user_id}"),
]
QUERIES = {"parameters": "a&", "values": "limit=1&", "escapes": "%41", "separators": "&"}


def heads(request: Request) -> Iterator[tuple[str, Make]]:
    """Invalid requests without a body."""
    for name, (start, piece) in LINES.items():
        yield name, partial(_with_line, request, start, piece)
    yield "lines", lambda size: request.but(head=(b"a: b",) * (size // 6)).bytes()
    yield "empty lines", lambda size: request.but(head=(b"a:",) * (size // 4)).bytes()
    for name, piece in QUERIES.items():
        yield f"query: {name}", partial(_with_query, request, piece)
        yield f"path: {name}", partial(_with_path, request, piece)
    yield "path: a long name", partial(_with_path, request, "x")
    yield "path: slashes", partial(_with_path, request, "/")


def _with_line(request: Request, start: bytes, piece: str, size: int) -> bytes:
    return request.but(head=(start + repeat(piece, size).encode(),)).bytes()


def _with_query(request: Request, piece: str, size: int) -> bytes:
    return request.but(query=repeat(piece, size)).bytes()


def _with_path(request: Request, piece: str, size: int) -> bytes:
    return request.but(path=repeat(piece, size, request.path)).bytes()


@pytest.mark.parametrize("name", HEAD_ROUTES)
async def test_the_cost_of_a_request_head_is_bounded(stage: Stage, name: str) -> None:
    run = partial(partial, exchange, stage.process.port)
    for what, make in heads(stage.request(ROUTES[name])):
        await stage.check(f"{name}: {what}", make, HEAD_BYTES, run)


@pytest.mark.parametrize("name", [name for name, route in ROUTES.items() if route.fields])
async def test_the_cost_of_a_body_is_bounded(stage: Stage, name: str) -> None:
    route, run = ROUTES[name], partial(partial, exchange, stage.process.port)
    request = stage.request(route)
    for what, content, kind in bodies(route):

        def make(size: int, content: Make = content, kind: str = kind) -> bytes:
            return request.but(body=content(size), kind=kind).bytes()

        await stage.check(f"{name}: {what}", make, BODY_BYTES, run)
        # As much as is looked at closely.
        less = MAX_FORM_BYTES if kind != "application/json" else 2 * TEXT_CHARS
        await stage.check(f"{name}: {what}", make, less, run)


ENDING = {"POST /api/v1/auth/logout"}  # ends the session that all others need


@pytest.mark.parametrize("name", sorted(ROUTES.keys() - ENDING))
async def test_the_cost_of_the_largest_requests_is_bounded(stage: Stage, name: str) -> None:
    """Full pages and the largest accepted bodies, with the longest possible query and path."""
    route, run = ROUTES[name], partial(partial, exchange, stage.process.port)

    def largest(_: int) -> bytes:
        request = stage.request(route)
        if route.is_form:
            body = str(httpx.QueryParams(LARGEST[name](stage))).encode()
            return request.but(body=body, kind="application/x-www-form-urlencoded").bytes()
        if route.fields:
            return request.but(body=json.dumps(LARGEST[name](stage)).encode()).bytes()
        return request.bytes()

    await stage.check(name, largest, 0, run)
    query = partial(_with_query, stage.request(route), "a=%41&")
    await stage.check(f"{name}: query", query, HEAD_BYTES, run)
    await stage.check(f"{name}: short query", query, 600, run)
    path = partial(_with_path, stage.request(route), "9")
    await stage.check(f"{name}: path", path, MAX_PATH_BYTES - 200, run)


@pytest.mark.parametrize("end", ["vote", "poll/options"])
async def test_what_is_measured_of_polls_is_done(stage: Stage, end: str) -> None:
    """No refusal, which would cost less."""
    name = next(name for name in LARGEST if name.endswith(f"/{end}"))
    for _ in range(2):
        body = json.dumps(LARGEST[name](stage)).encode()
        answer = await exchange(
            stage.process.port, stage.request(ROUTES[name]).but(body=body).bytes()
        )
        assert status(answer) == 200, answer


# Pieces of queries, which are repeated up to the greatest length. All messages are of 4,000 emoji.
QUERIES_OF_SEARCHES = {
    "words": "a ",
    "long words": "a" * 99 + " ",
    "emoji": "😀",
    "emoji, one by one": "😀 ",
    "characters": "漢",
    "ligatures": "\ufdfa",
    "marks": "\u0301",
    "quotes": '"',
    "phrases": '"a"',
    "phrases of emoji": "".join(f'"{"😀 " * length}"' for length in range(2, 8)),
    "many words": "".join(f"a{number} " for number in range(32)),
    "many exclusions": "😀 " + "".join(f"-a{number} " for number in range(31)),
    "many long exclusions": "😀 " + "".join(f'-"a b{number} " ' for number in range(15)),
    "minus signs": "-",
    "exclusions": "-a ",
    "colons": "from:",
    "senders": "from:user0 ",
    "rooms": "-in:a ",
    "dates": "on:2026 ",
    "times": "before:2026-11-30T12:00:00+00:00 ",
}


@pytest.mark.parametrize(
    "path", ["/search", "/search/messages", "/search/messages?order=relevance"]
)
async def test_the_cost_of_a_search_is_bounded(stage: Stage, path: str) -> None:
    async def is_indexed() -> bool:
        answer = await stage.http.get("/search/messages", params={"q": "😀 ", "limit": 100})
        return len(assert_ok(answer)["items"]) > MANY // 2  # other tests change some of them

    await eventually(is_indexed)
    path, _, order = path.partition("?")
    request = Request("GET", f"{API}{path}", stage.token)
    run = partial(partial, exchange, stage.process.port)

    def search(piece: str, size: int) -> bytes:
        query = quote((piece * size)[:size])
        return request.but(query=f"{order}&limit=100&q={query}").bytes()

    for what, piece in QUERIES_OF_SEARCHES.items():
        for size in (Limits().max_query_chars, 90):  # one of them may be refused
            await stage.check_cost(f"{path} {order}: {what}", run(search(piece, size)))


def test_each_route_with_a_body_has_a_largest_body() -> None:
    assert {name for name, route in ROUTES.items() if route.fields} == set(LARGEST)


# Frames.


async def _say(peer: Peer, data: bytes) -> None:
    """Returns when the server has handled the frame."""
    await peer.connection.send(data.decode())
    await peer.settled()


async def _hello(stage: Stage, data: bytes) -> None:
    async with dial(stage.process.url) as peer:
        await peer.connection.send(data.decode())
        await peer.expect_anything()


def in_frame(type_: str, content: str) -> bytes:
    return f'{{"type":"{type_}","id":"hostile",{content}}}'.encode()


def frames(type_: str) -> Iterator[tuple[str, Make]]:
    for name, shape in VALUES.items():
        yield name, partial(_encoded, shape)
        yield f"unknown: {name}", partial(_as_member, type_, "unknown", shape)
        for field_ in CLIENT_FRAMES[type_].model_fields:
            yield f"{field_}: {name}", partial(_as_member, type_, field_, shape)


def _as_member(type_: str, field_: str, shape: Callable[[int], str], size: int) -> bytes:
    taken = len(in_frame(type_, f'"{field_}":'))
    return in_frame(type_, f'"{field_}":{shape(max(0, size - taken))}')


LARGEST_FRAMES: dict[str, Callable[[Stage], dict[str, Any]]] = {
    "hello": lambda stage: {
        "token": stage.token,
        "rooms": [{"room": room, "since": 0} for room in stage.rooms]
        + [{"room": f"{number:08x}{UNKNOWN_ID[8:]}"} for number in range(800)],
    },
    "open": lambda stage: {"rooms": [{"room": room, "since": 0} for room in stage.rooms]},
    "close": lambda stage: {"rooms": stage.rooms},
    "message.send": lambda stage: (
        {"room": stage.rooms[0]}
        | message("".join(f"@user{number} " for number in range(MANY)).ljust(TEXT_CHARS, "@"))
    ),
    "message.edit": lambda stage: {
        "room": stage.rooms[0],
        "seq": MANY,
        "text": "".join(f"@user{number} " for number in range(MANY)).ljust(TEXT_CHARS, "@"),
        "version": 1,
    },
    "reaction.add": lambda stage: {"room": stage.rooms[0], "seq": MANY, "emoji": "🎉"},
    "reaction.remove": lambda stage: {"room": stage.rooms[0], "seq": MANY, "emoji": "🎉"},
    "history": lambda stage: {"room": stage.rooms[0], "around": 50, "limit": 100},
    "read": lambda stage: {"room": stage.rooms[0], "seq": MANY},
    "presence.subscribe": lambda stage: {"users": stage.users},
    "typing": lambda stage: {"room": stage.rooms[0]},
    "pong": lambda _: {"n": 1},
}


@pytest.mark.parametrize("type_", CLIENT_FRAMES)
async def test_the_cost_of_a_frame_is_bounded(stage: Stage, type_: str) -> None:
    def largest(_: int) -> bytes:
        return in_frame(type_, json.dumps(LARGEST_FRAMES[type_](stage))[1:-1])

    inputs = [("the most that is asked for", largest), *frames(type_)]
    if type_ == "hello":
        for name, make in inputs:
            await stage.check(f"hello: {name}", make, HELLO_BYTES, partial(partial, _hello, stage))
        return
    async with dial(stage.process.url) as peer:
        await peer.send("hello", token=stage.token)
        await peer.expect("rooms")
        for name, make in inputs:
            await stage.check(f"{type_}: {name}", make, FRAME_BYTES, partial(partial, _say, peer))


HANDSHAKE = (
    *(b"Connection: Upgrade", b"Upgrade: websocket", b"Sec-WebSocket-Version: 13"),
    *(b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==", b"Sec-WebSocket-Protocol: chat.v1"),
)
LISTS = {
    "subprotocols": b"Sec-WebSocket-Protocol: ",
    "extensions": b"Sec-WebSocket-Extensions: ",
    "connections": b"Connection: ",
}


async def test_the_cost_of_a_handshake_is_bounded(stage: Stage) -> None:
    request = Request("GET", "/ws", head=HANDSHAKE)
    run = partial(partial, handshake, stage.process.port)

    def listing(start: bytes, size: int) -> bytes:
        line = start + repeat("a,", min(size, 8000)).encode() + b"a"
        return request.but(head=(*HANDSHAKE, *[line] * (size // 8000))).bytes()

    for what, start in LISTS.items():
        await stage.check(what, partial(listing, start), HEAD_BYTES, run)
    for what, make in heads(request):
        await stage.check(f"handshake: {what}", make, HEAD_BYTES, run)


async def handshake(port: int, data: bytes) -> None:
    """Returns at the first byte of the response."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(data)
        await reader.read(1)
    except ConnectionError:
        pass
    finally:
        writer.transport.abort()


def test_each_frame_has_a_largest_input() -> None:
    assert set(CLIENT_FRAMES) == set(LARGEST_FRAMES)
