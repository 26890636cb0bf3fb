"""The log of each user: dense, and what is lost of it on the way is found."""

import asyncio
import random
from collections import Counter
from collections.abc import Callable
from uuid import UUID

import pytest

from app.core.clock import now
from app.core.publications import Publication
from app.core.sync_tokens import ListPosition
from app.persistence.database import Database
from app.realtime.delivery import user_logs
from app.settings import Settings
from app.wire.events import PublicationKind
from app.wire.user_events import UserEventType
from testkit.answers import assert_ok
from testkit.peer import Peers
from testkit.people import Person
from testkit.processes import ServerProcess
from testkit.server import TestServer, new_session
from testkit.waiting import eventually
from tests.realtime.dedicated_server import DedicatedServer, StartServer
from tests.realtime.hooks import LossyBus, QueryCounter
from tests.realtime.room_lists import entries, gone, listed
from tests.realtime.user_logs import append, is_dense, trim, user_log

POLLING = {"change_poll_interval_ms": 100, "change_poll_interval_degraded_ms": 50}


async def test_each_change_of_a_user_is_an_event_of_their_log(
    server: TestServer, ada: Person, bob: Person
) -> None:
    public = await ada.makes_room("public")
    private = await ada.makes_room("private", bob)
    assert_ok(await bob.post(f"/rooms/{public}/join"))
    assert_ok(await bob.post(f"/rooms/{public}/join"))  # again: nothing happens
    await ada.says(public, "hello")
    assert_ok(await bob.put(f"/rooms/{public}/read", seq=4))
    assert_ok(await bob.post(f"/rooms/{public}/unread", seq=4))
    assert_ok(await bob.post(f"/rooms/{public}/leave"), 204)
    assert_ok(await ada.delete(f"/rooms/{private}/members/{bob.id}"), 204)
    events = await user_log(server.context.database, bob)
    assert is_dense(events)
    assert [(event.type, str(event.room)) for event in events] == [
        (UserEventType.ROOM_JOINED, private),
        (UserEventType.ROOM_JOINED, public),
        (UserEventType.ROOM_READ, public),
        (UserEventType.ROOM_READ, public),
        (UserEventType.ROOM_LEFT, public),
        (UserEventType.ROOM_REMOVED, private),
    ]
    # What happens to others, and messages, are not in it.
    joined = [UserEventType.ROOM_JOINED] * 2
    assert [event.type for event in await user_log(server.context.database, ada)] == joined


async def come_and_go(person: Person, rooms: list[str], seed: int) -> None:
    """Join, leave and move markers at random; most of it changes something."""
    chance = random.Random(seed)
    for _ in range(15):
        room = chance.choice(rooms)
        match chance.randrange(4):
            case 0 | 1:
                await person.post(f"/rooms/{room}/join")
            case 2:
                await person.post(f"/rooms/{room}/leave")
            case _:
                await person.post(f"/rooms/{room}/unread", seq=chance.randrange(9))


async def check_log(database: Database, person: Person, rooms: list[str]) -> None:
    """It is dense, and says of each room whether the person is in it."""
    events = await user_log(database, person)
    assert len(events) > len(rooms)
    assert is_dense(events)
    members = {room["id"] for room in assert_ok(await person.get("/rooms", limit=100))["items"]}
    comings = Counter(
        str(event.room) for event in events if event.type == UserEventType.ROOM_JOINED
    )
    goings = Counter(str(event.room) for event in events if event.type == UserEventType.ROOM_LEFT)
    assert {room for room in rooms if comings[room] > goings[room]} == members
    assert all(comings[room] - goings[room] in (0, 1) for room in rooms)


async def test_a_log_is_dense_under_concurrent_changes(
    server: TestServer, ada: Person, bob: Person
) -> None:
    rooms = [await ada.makes_room() for _ in range(4)]
    await asyncio.gather(*(come_and_go(bob, rooms, seed) for seed in range(4)))
    await check_log(server.context.database, bob, rooms)


@pytest.mark.cluster
async def test_a_log_is_dense_under_concurrent_changes_through_two_processes(
    cluster_server: TestServer,
    cluster_settings: Settings,
    process_a: ServerProcess,
    process_b: ServerProcess,
    open_database: Callable[[Settings], Database],
) -> None:
    ada = process_a.here(await cluster_server.person(process_a._http, "ada"))
    bob = await cluster_server.person(process_a._http, "bob")
    rooms = [await ada.makes_room() for _ in range(4)]
    await asyncio.gather(
        *(
            come_and_go(process.here(bob), rooms, seed)
            for seed, process in enumerate((process_a, process_b) * 3)
        )
    )
    await check_log(open_database(cluster_settings), process_a.here(bob), rooms)


@pytest.fixture
async def polling(start: StartServer) -> DedicatedServer:
    return await start(realtime=POLLING)


class LossOfUserEvents(LossyBus):
    """Drops the events of users' logs only: rooms are known to have changed."""

    def _pass(self, publication: Publication) -> None:
        if publication.kind is PublicationKind.USER_EVENT:
            self.dropped.append(publication)
        else:
            self._hear(publication)


@pytest.mark.parametrize("finder", ["poll", "position check"])
async def test_a_lost_event_of_a_user_is_found(
    start: StartServer, peers: Peers, finder: str
) -> None:
    server = await start(realtime=POLLING if finder == "poll" else {})
    ada, bob = await server.person("ada"), await server.person("bob")
    room = await ada.makes_room("private", bob)
    await ada.says(room, "to be read")
    sockets = [await peers.join(bob), await peers.join(await new_session(server.running, bob))]
    loss = LossOfUserEvents(server)
    assert_ok(await bob.put(f"/rooms/{room}/read", seq=4))
    if finder != "poll":
        server.realtime.delivery.position_check_needed.set()
    for peer in sockets:
        await peer.lists(room, read_seq=4, unread=0)
    assert len(loss.dropped) == 1
    assert server.realtime.delivery.user_logs.position(UUID(bob.id)) == loss.dropped[0].seq


async def test_events_of_a_user_may_come_in_any_order_and_more_than_once(
    start: StartServer, peers: Peers
) -> None:
    server = await start()
    ada, bob = await server.person("ada"), await server.person("bob")
    peer = await peers.join(bob)
    loss = LossyBus(server, drops_all=True)
    rooms = [await ada.makes_room("private", bob) for _ in range(3)]
    left = rooms.pop()
    assert_ok(await bob.post(f"/rooms/{left}/leave"), 204)
    events = [one for one in loss.dropped if one.kind is PublicationKind.USER_EVENT]
    of_bob = [one for one in events if str(one.user) == bob.id]
    for publication in [*reversed(of_bob), *of_bob]:
        server.hear(publication)
    for room in rooms:
        await peer.lists(room, seq=3)
    await peer.loses(left)
    assert server.realtime.delivery.user_logs.position(UUID(bob.id)) == of_bob[-1].seq


async def test_more_missed_events_than_are_read_update_all_rooms(
    start: StartServer, peers: Peers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also a room that the process does not know the user is in, and one that has gone."""
    server = await start()
    ada, bob = await server.person("ada"), await server.person("bob")
    read, left = await ada.makes_room("private", bob), await ada.makes_room("private", bob)
    await ada.says(read, "to be read")
    peer = await peers.join(bob)
    loss = LossyBus(server, drops_all=True)
    assert_ok(await bob.put(f"/rooms/{read}/read", seq=4))
    assert_ok(await bob.post(f"/rooms/{left}/leave"), 204)
    new = await ada.makes_room("private", bob)
    database = server.running.context.database
    await append(database, bob, [read] * (user_logs.MAX_MISSED + 1))
    loss.drops_all = False
    reads = QueryCounter(server, monkeypatch)
    server.realtime.delivery.position_check_needed.set()
    await peer.lists(read, read_seq=4, unread=0)
    await peer.loses(left)
    await peer.lists(new, seq=3)
    assert reads.count["_subjects_in"] == 0
    head = len(await user_log(database, bob))  # received after the frames
    await eventually(
        lambda: (
            server.realtime.delivery.user_logs.position(UUID(bob.id)) == head
        )  # after the frames
    )


async def test_a_snapshot_from_before_the_beginning_of_a_log_gives_the_full_list(
    start: StartServer, no_overlap: None
) -> None:
    server = await start()
    ada, bob = await server.person("ada"), await server.person("bob")
    kept, left = await ada.makes_room("private", bob), await ada.makes_room("private", bob)
    before = (await listed(bob))[-1]["snapshot"]
    assert_ok(await bob.post(f"/rooms/{left}/leave"), 204)
    at_the_beginning = (await listed(bob))[-1]["snapshot"]
    database = server.running.context.database
    await trim(database, bob, len(await user_log(database, bob)))
    new = await ada.makes_room("private", bob)
    frames = await listed(bob, before)
    assert frames[0]["full"], "the log does not have the leave"
    assert entries(frames).keys() == {kept, new}
    frames = await listed(bob, at_the_beginning)
    assert not frames[0]["full"]
    assert entries(frames).keys() == {new}
    assert gone(frames) == set()
    assert [event.seq for event in await user_log(database, bob)] == [4]


async def test_a_snapshot_beyond_the_end_of_a_log_gives_the_full_list(
    server: TestServer, no_overlap: None, ada: Person
) -> None:
    """The log is another than the one of the snapshot, whatever the cause."""
    room = await ada.makes_room()
    context, user = server.context, UUID(ada.id)
    head = (await user_log(context.database, ada))[-1].seq
    state = await context.server_state.get()
    for seq, is_full in ((head, False), (head + 1, True), (2**53 - 1, True)):
        snapshot = context.sync_tokens.issue(user, ListPosition(seq, now()), state)
        frames = await listed(ada, snapshot)
        assert frames[0]["full"] is is_full, seq
        assert (room in entries(frames)) is is_full
