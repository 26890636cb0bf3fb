"""Limits of a catch-up: events, bytes, and rooms."""

import pytest

from testkit.peer import Peers, dial
from testkit.server import limit_send_buffers
from tests.realtime.dedicated_server import StartServer


@pytest.mark.setting("CHAT_LIMITS__CATCHUP_EVENTS_PER_ROOM")
async def test_catch_up_events_are_limited_as_announced(start: StartServer, peers: Peers) -> None:
    server = await start(limits={"catchup_events_per_room": 5})
    ada = await server.person()
    room = await ada.makes_room()
    await ada.says(room, *map(str, range(10)))
    peer = await peers.join(ada)
    five = await peer.opens(room, since=7)
    assert (five["state"], five["seq"]) == ("ok", 12)
    await peer.settled()
    assert peer.seqs(room) == [8, 9, 10, 11, 12]
    six = await peer.opens(room, since=6)
    assert (six["state"], six["from"], six["seq"]) == ("limited", 6, 12)
    await peer.settled()
    assert peer.seqs(room)[5:] == list(range(six["resume"] + 1, 13))
    assert six["resume"] < 12


async def test_catch_up_of_large_messages_stays_within_the_buffer(
    start: StartServer, peers: Peers
) -> None:
    """A catch-up that would make its own socket slow becomes `limited`, in one room and over
    several."""
    server = await start(limits={"send_buffer_bytes": 131072})
    limit_send_buffers(server.running)
    ada = await server.person()
    rooms = [await ada.makes_room() for _ in range(16)]
    for room in rooms:
        await ada.says(room, *["🙂" * 2500] * 2)
    await ada.says(rooms[0], *["🙂" * 2500] * 20)
    async with dial(server.url) as peer:
        peer.stops_reading()
        await peer.send(
            "hello", token=ada.access, rooms=[{"room": room, "since": 2} for room in rooms]
        )
        server_end = await server.socket_of(ada, follows=len(rooms))
        assert server_end._writer.buffered_bytes() < 131072
        peer.connection.transport.resume_reading()
        opened = {room: await peer.expect("room.opened", room=room) for room in rooms}
        await peer.settled()
        assert opened[rooms[0]]["state"] == "limited"
        for room, frame in opened.items():
            begin = frame.get("resume", 2)
            assert peer.seqs(room) == list(range(begin + 1, frame["seq"] + 1))
        assert len(peer.seqs(rooms[0])) >= 1
        # Whoever has read that gets more.
        again = await peer.opens(rooms[15], since=3)
        assert again["state"] == "ok"


@pytest.mark.setting("CHAT_LIMITS__CATCHUP_EVENTS_PER_REQUEST")
async def test_the_rooms_of_a_hello_share_a_catch_up_limit(
    start: StartServer, peers: Peers
) -> None:
    server = await start(limits={"catchup_events_per_request": 12, "catchup_events_per_room": 10})
    ada = await server.person()
    rooms = [await ada.makes_room() for _ in range(4)]
    for room in rooms:
        await ada.says(room, *map(str, range(6)))
    async with dial(server.url) as peer:
        await peer.send("hello", token=ada.access, rooms=[{"room": r, "since": 0} for r in rooms])
        opened = [await peer.expect("room.opened", room=room) for room in rooms]
        await peer.settled()
        assert [frame["state"] for frame in opened] == ["ok"] + ["limited"] * 3
        assert sum(len(peer.seqs(room)) for room in rooms) <= 12
        for room, frame in zip(rooms, opened, strict=True):
            begin = frame.get("resume", 0)
            assert peer.seqs(room) == list(range(begin + 1, frame["seq"] + 1))
        # A frame of its own has a budget of its own.
        assert (await peer.opens(rooms[3], since=0))["state"] == "ok"
