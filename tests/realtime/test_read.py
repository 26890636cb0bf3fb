"""Read markers are sent to other members who have the room open; the sockets of the reader get the
room's entry."""

import pytest

from app.core.publications import Publication
from app.realtime.delivery import read_markers
from app.wire.events import PublicationKind
from testkit.answers import assert_ok
from testkit.peer import Peers
from testkit.people import Person
from testkit.waiting import eventually
from tests.realtime.dedicated_server import StartServer
from tests.realtime.hooks import PausedQuery


async def test_a_read_marker_is_sent_to_the_others_in_the_room_and_the_entry_to_the_reader(
    ada: Person, bob: Person, peers: Peers
) -> None:
    room = await ada.makes_room("private", bob)
    await ada.says(room, "one", "two")
    reader, reader_too = await peers.join(bob, room), await peers.join(bob)
    writer, away = await peers.join(ada, room), await peers.join(ada)
    ack = await reader.ask("read", room=room, seq=4)
    assert ack | {"id": 0} == {"type": "ack", "id": 0, "room": room, "seq": 4, "duplicate": False}
    told = {"type": "read", "room": room, "user": bob.id, "seq": 4}
    assert await writer.expect("read") == told
    for peer in (reader, reader_too):
        await peer.lists(room, seq=5, read_seq=4, unread=1, mentions=0)
        await peer.settled()
        assert len(peer.updates(room)) == 1
        assert peer.of("read") == []
    await away.settled()
    assert away.of("read") == []
    assert not away.updates(room)
    assert assert_ok(await bob.get(f"/rooms/{room}"))["read_seq"] == 4


async def test_a_read_marker_never_moves_back_or_beyond_the_head(
    ada: Person, bob: Person, peers: Peers
) -> None:
    room = await ada.makes_room("private", bob)
    await ada.says(room, "one", "two")
    peer, writer = await peers.join(bob), await peers.join(ada, room)
    assert (await peer.ask("read", room=room, seq=5))["seq"] == 5
    for seq in (4, 0, 5):
        assert (await peer.ask("read", room=room, seq=seq))["seq"] == 5
    await ada.says(room, "three")
    assert (await peer.ask("read", room=room, seq=2**53 - 1))["seq"] == 6
    await writer.expect("read", seq=6)
    assert [frame["seq"] for frame in writer.of("read")] == [5, 6]


async def test_a_read_marker_set_over_http_is_sent_too(
    ada: Person, bob: Person, peers: Peers
) -> None:
    room = await ada.makes_room("private", bob)
    peer = await peers.join(ada, room)
    assert_ok(
        await bob.put(f"/rooms/{room}/read", seq=1)
    )  # joining has read everything up to there
    await ada.says(room, "hi")
    assert_ok(await bob.put(f"/rooms/{room}/read", seq=4))
    assert (await peer.expect("read"))["seq"] == 4
    assert len(peer.of("read")) == 1


async def test_more_read_markers_than_may_wait_for_an_event_are_dropped(
    start: StartServer, peers: Peers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The event does not come over the bus, and the log is read only after both markers came."""
    monkeypatch.setattr(read_markers, "MAX_PENDING_READ_MARKERS", 1)
    server = await start()
    ada, bob, eve = [await server.person(name) for name in ("ada", "bob", "eve")]
    room = await ada.makes_room("private", bob, eve)
    peer = await peers.join(eve, room)
    hear, heard = server.hear, list[str]()

    def hear_markers(publication: Publication) -> None:
        if publication.kind is PublicationKind.READ:
            hear(publication)
            heard.append(str(publication.user))

    server.redirect_bus(hear_markers)
    repair = PausedQuery(server, monkeypatch, "read_log", before=True)
    (said,) = await eve.says(room, "hello")
    for person in (ada, bob):
        assert_ok(await person.put(f"/rooms/{room}/read", seq=said))
    await eventually(lambda: heard == [ada.id, bob.id])
    assert peer.of("read") == []
    (await repair.next()).set()
    await peer.has(room, said)
    await peer.expect("read", user=ada.id, seq=said)
    await peer.settled()
    assert [frame["user"] for frame in peer.of("read")] == [ada.id]


async def test_in_a_large_room_a_read_marker_reaches_the_reader_only(
    start: StartServer, peers: Peers
) -> None:
    server = await start(limits={"large_room_members": 3})
    ada, bob = await server.person("ada"), await server.person("bob")
    room = await ada.makes_room("private", bob)
    writer = await peers.join(ada, room)
    reader, reader_too = await peers.join(bob, room), await peers.join(bob, room)
    await ada.says(room, "hi")
    assert (await reader.ask("read", room=room, seq=4))["seq"] == 4
    await reader.lists(room, read_seq=4)
    await reader_too.lists(room, read_seq=4)
    await writer.settled()
    assert writer.of("read") == []
