"""The matrix of frames: every frame of clients, by a person of each standing, about an own message
and one of somebody else, in each kind of room."""

import asyncio
from collections.abc import AsyncIterator
from http import HTTPStatus
from itertools import chain
from typing import Any
from uuid import uuid4

import httpx
import pytest

from app.http.problems import STATUS
from app.wire.close_codes import CloseCode
from app.wire.frames import ANSWERS
from testkit.answers import assert_ok
from testkit.peer import Peer, dial, joined
from testkit.server import TestServer
from testkit.waiting import eventually
from tests.authorization.rules import FRAMES, Cell, find_answers
from tests.authorization.stage import Stage, make_stage
from tests.authorization.standings import (
    PLACES,
    ROLES,
    SERVERS_AND_PLACES,
    WITHOUT_SESSION,
    Standing,
    list_standings,
)
from tests.hostile.routes import CLIENT_FRAMES
from tests.hostile.test_secrets import FRAMES as FIELDS
from tests.hostile.test_secrets import WITHOUT_ROOM, filled

FIELDS_WITHOUT_ROOM = {"hello": {}, "presence.subscribe": {"users": []}, "pong": {"n": 1}}
SILENT = {type_ for type_, frame in CLIENT_FRAMES.items() if not ANSWERS[frame]}
REFUSED = {
    Standing.ANONYMOUS: CloseCode.UNAUTHENTICATED,
    Standing.SUSPENDED: CloseCode.REVOKED,
}


@pytest.fixture
async def http(server: TestServer) -> AsyncIterator[httpx.AsyncClient]:
    async with server.client() as client:
        yield client


async def ask(peer: Peer, type_: str, stage: Stage, cell: Cell) -> HTTPStatus:
    """The status that the answer to the frame would have over HTTP."""
    if type_ == "hello":
        return HTTPStatus.OK  # it has opened this socket
    name = uuid4().hex[:32]
    await peer.send(type_, id=name, **make_fields(type_, stage, cell))
    if type_ in SILENT:
        await peer.settled()
    else:
        await peer.until(lambda: any(f.get("id") == name for f in peer.frames), type_)
    answer = next((frame for frame in peer.frames if frame.get("id") == name), {})
    return STATUS[answer["code"]] if answer.get("type") == "error" else HTTPStatus.OK


def make_fields(type_: str, stage: Stage, cell: Cell) -> dict[str, Any]:
    room = stage.find_room(cell.standing)
    fields: dict[str, Any] = filled((FIELDS | FIELDS_WITHOUT_ROOM)[type_], room=room)
    sender = stage.people[cell.standing] if cell.own else stage.founder
    if "seq" in fields:
        fields["seq"] = stage.messages[room, sender.id][0]
    if "nonce" in fields:
        fields["nonce"] = uuid4().hex
    return fields


def list_cells(stage: Stage, type_: str, standing: Standing) -> list[Cell]:
    key = stage.find_room(standing), stage.people[standing].id
    is_about_message = "seq" in FIELDS.get(type_, {}) and key in stage.messages
    return [
        Cell(stage.place, standing, own)
        for own in ((True, False) if is_about_message else (False,))
    ]


async def find_deviations(stage: Stage, standing: Standing) -> list[str]:
    """What the server answers otherwise than the rules say."""
    found = []
    person = stage.people[standing]
    rooms = [stage.find_room(standing)] if standing in ROLES else []
    async with joined(person, *rooms) as peer:
        for type_, rule in FRAMES.items():
            if type_ == "typing" and standing in ROLES:
                await peer.opens(stage.find_room(standing))
            for cell in list_cells(stage, type_, standing):
                status, expected = await ask(peer, type_, stage, cell), find_answers(rule, cell)
                if status not in expected:
                    found.append(
                        f"{type_} by {standing}, own: {cell.own}: {status}, not {expected}"
                    )
    return found


async def refuse(stage: Stage, standing: Standing) -> int:
    """The close code of a socket without a session."""
    token = stage.people[standing].access if standing is Standing.SUSPENDED else "none"
    async with dial(stage.server.url) as peer:
        await peer.send("hello", token=token, rooms=[{"room": stage.room}])
        code = await peer.closed()
        assert [frame["type"] for frame in peer.frames] == ["error"]
        return code


def test_every_frame_has_a_rule() -> None:
    assert set(CLIENT_FRAMES) == set(FRAMES)
    assert FIELDS_WITHOUT_ROOM.keys() == WITHOUT_ROOM


@pytest.mark.parametrize(("server", "place"), SERVERS_AND_PLACES, indirect=["server"])
async def test_every_frame_is_answered_as_its_rule_says(
    server: TestServer, http: httpx.AsyncClient, place: str
) -> None:
    stage = await make_stage(server, http, PLACES[place])
    standings = [s for s in list_standings(stage.place) if s not in WITHOUT_SESSION]
    found = await asyncio.gather(*(find_deviations(stage, standing) for standing in standings))
    assert not any(found), "\n".join(chain.from_iterable(found))


async def test_a_socket_without_a_session_executes_no_frame(
    server: TestServer, http: httpx.AsyncClient
) -> None:
    stage = await make_stage(server, http, PLACES["public"])
    assert REFUSED.keys() == set(WITHOUT_SESSION)
    for standing, code in REFUSED.items():
        assert await refuse(stage, standing) == code


@pytest.mark.parametrize("type_", sorted(CLIENT_FRAMES.keys() - {"hello"}))
async def test_a_frame_before_the_hello_closes_the_socket(
    server: TestServer, http: httpx.AsyncClient, type_: str
) -> None:
    fields = filled((FIELDS | FIELDS_WITHOUT_ROOM)[type_], room=str(uuid4()))
    async with dial(server.url) as peer:
        await peer.send(type_, **fields)
        assert await peer.closed() == CloseCode.MALFORMED
        assert [frame["type"] for frame in peer.frames] == ["error"]


async def test_a_block_ends_typing_in_the_direct_room(
    server: TestServer, http: httpx.AsyncClient
) -> None:
    """On a process that has let the user type before."""
    ada, bob = await server.people(http, "ada", "bob")
    room = await ada.makes_room("direct", bob)
    async with joined(bob, room) as peer:
        await peer.send("typing", room=room)
        await peer.settled()
        assert not _is_forbidden(peer)
        assert_ok(await ada.put(f"/users/me/blocks/{bob.id}"))
        await eventually(lambda: _is_refused(peer, room))


async def _is_refused(peer: Peer, room: str) -> bool:
    await peer.send("typing", room=room)
    await peer.settled()
    return _is_forbidden(peer)


def _is_forbidden(peer: Peer) -> bool:
    return any(frame["code"] == "forbidden" for frame in peer.of("error"))
