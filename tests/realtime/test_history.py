"""`history`: a page of messages over the socket, as it is over HTTP."""

import json
from typing import Any

import pytest

from app.wire.examples import SERVER_EXAMPLES
from app.wire.frames import History, encode, encode_history
from testkit.answers import assert_ok
from testkit.peer import Peer, Peers
from testkit.people import Person
from tests.realtime.dedicated_server import StartServer

QUERIES: list[dict[str, int]] = [
    {},
    {"limit": 2},
    {"before": 5, "limit": 2},
    {"after": 3, "limit": 2},
    {"around": 4, "limit": 3},
    {"after": 99},
]


def test_a_frame_has_the_bytes_of_its_page() -> None:
    [example] = [example for example in SERVER_EXAMPLES if isinstance(example, History)]
    page = example.page.model_dump_json().encode()
    assert b":null" in page
    for frame_id in (None, 7, "ü"):
        frame = example.model_copy(update={"id": frame_id})
        assert encode_history(frame_id, frame.room, page) == encode(frame)


@pytest.fixture
async def room(ada: Person) -> str:
    room = await ada.makes_room()
    await ada.says(room, "one", 'two "2"', "drei ü 👋", "four")
    return room


@pytest.mark.parametrize("query", QUERIES, ids=str)
async def test_a_page_is_that_of_http(
    ada: Person, room: str, peers: Peers, query: dict[str, int]
) -> None:
    peer = await peers.join(ada)
    expected = await ada.get(f"/rooms/{room}/messages", **query)
    await peer.connection.send(json.dumps({"type": "history", "id": 7, "room": room} | query))
    frame = await peer.expect("history")
    assert frame == {"type": "history", "id": 7, "room": room, "page": assert_ok(expected)}


async def test_a_room_need_not_be_open_but_its_reader_a_member(
    ada: Person, eve: Person, room: str, peers: Peers
) -> None:
    stranger = await peers.join(eve)
    error = await stranger.ask("history", room=room)
    assert (error["code"], error["room"]) == ("forbidden", room)
    private = await ada.makes_room("private", eve)
    await ada.says(private, "hi")
    assert len((await stranger.ask("history", room=private))["page"]["items"]) == 1
    assert_ok(await ada.delete(f"/rooms/{private}/members/{eve.id}"), 204)
    assert (await stranger.ask("history", room=private))["code"] == "not_found"
    await stranger.settled()


@pytest.mark.setting("CHAT_LIMITS__MAX_PAGE_SIZE")
async def test_a_page_has_at_most_the_configured_size(start: StartServer, peers: Peers) -> None:
    server = await start(limits={"max_page_size": 2})
    ada = await server.person()
    room = await ada.makes_room()
    await ada.says(room, "one", "two", "three")
    peer = await peers.join(ada)
    assert len((await peer.ask("history", room=room))["page"]["items"]) == 2
    error = await peer.ask("history", room=room, limit=3)
    assert [field["path"] for field in error["errors"]] == ["limit"]


@pytest.mark.setting("CHAT_LIMITS__SEND_BUFFER_BYTES")
async def test_a_page_that_is_too_large_has_fewer_messages(
    start: StartServer, peers: Peers
) -> None:
    """The pages that are left lead to all messages nevertheless."""
    server = await start(limits={"send_buffer_bytes": 65536, "sends_burst": 50})
    ada = await server.person()
    room = await ada.makes_room()
    seqs = await ada.says(room, *["x" * 4000] * 12)
    peer = await peers.join(ada)
    older = await _pages(peer, room, "before", None)
    assert [seq for page in reversed(older) for seq in page] == seqs
    newer = await _pages(peer, room, "after", 0)
    assert [seq for page in newer for seq in page] == seqs
    assert 1 < max(map(len, older)) < 5
    frame = await peer.ask("history", room=room, around=seqs[6])
    assert seqs[6] in [message["seq"] for message in frame["page"]["items"]]


async def _pages(peer: Peer, room: str, way: str, start: int | None) -> list[list[int]]:
    pages: list[list[int]] = []
    query: dict[str, Any] = {} if start is None else {way: start}
    while True:
        page = (await peer.ask("history", room=room, **query))["page"]
        pages.append([message["seq"] for message in page["items"]])
        if page[way] is None:
            return pages
        query = {way: page[way]}
