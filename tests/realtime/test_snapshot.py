"""A hello with a snapshot: the room list has only the changes since then, and all of them."""

from uuid import UUID, uuid4

import orjson
import pytest

from app.core.clock import now
from app.core.server_state import ServerState
from app.core.sync_tokens import ListPosition, SyncTokens
from testkit.answers import assert_ok
from testkit.people import Person
from testkit.statements import recorded_statements
from tests.realtime.dedicated_server import StartServer
from tests.realtime.room_lists import entries, gone, listed


async def test_a_hello_with_a_current_snapshot_gets_no_rooms(no_overlap: None, ada: Person) -> None:
    rooms = [await ada.makes_room() for _ in range(3)]
    (first,) = await listed(ada)
    assert first["full"]
    assert set(rooms) <= set(entries([first]))
    (second,) = await listed(ada, first["snapshot"])
    assert not second["full"]
    assert (second["rooms"], second["gone"]) == ([], [])


async def test_a_hello_with_a_snapshot_gets_the_changed_rooms(
    no_overlap: None, ada: Person, bob: Person
) -> None:
    said, named, read, left, removed, again, same = [
        await ada.makes_room("private", bob, name=name) for name in "abcdefg"
    ]
    await ada.says(read, "to be read")
    snapshot = (await listed(bob))[-1]["snapshot"]
    await ada.says(said, "hi")
    assert_ok(await ada.patch(f"/rooms/{named}", name="new name"))
    assert_ok(await bob.put(f"/rooms/{read}/read", seq=4))
    assert_ok(await bob.post(f"/rooms/{left}/leave"), 204)
    assert_ok(await ada.delete(f"/rooms/{removed}/members/{bob.id}"), 204)
    assert_ok(await ada.delete(f"/rooms/{again}/members/{bob.id}"), 204)
    assert_ok(await ada.post(f"/rooms/{again}/members", users=[bob.id]))
    new = await ada.makes_room("direct", bob)
    frames = await listed(bob, snapshot)
    found = entries(frames)
    assert set(found) == {said, named, read, again, new}
    assert same not in found
    assert found[said]["unread"] == 1
    assert found[named]["name"] == "new name"
    assert (found[read]["read_seq"], found[read]["unread"]) == (4, 0)
    assert gone(frames) == {left, removed}
    full = entries(await listed(bob))
    assert {room: full[room] for room in found} == found


async def test_a_change_committed_during_the_room_list_is_in_the_next_one(ada: Person) -> None:
    """The time of a change is set before its COMMIT, so changes shortly before a snapshot are sent
    again."""
    room = await ada.makes_room()
    snapshot = (await listed(ada))[-1]["snapshot"]
    assert room in entries(await listed(ada, snapshot))


@pytest.mark.parametrize(
    "broken", ["", "x", "AAAA", "ä", "=" * 200, "…", "A" * 34, "A" * 201, "x" * 5000]
)
async def test_an_invalid_snapshot_gives_the_full_list(ada: Person, broken: str) -> None:
    room = await ada.makes_room()
    frames = await listed(ada, broken)
    assert frames[0]["full"]
    assert room in entries(frames)


async def test_a_snapshot_of_another_user_gives_the_full_list(
    no_overlap: None, ada: Person, bob: Person
) -> None:
    mine, theirs = await ada.makes_room(), await bob.makes_room("private")
    snapshot = (await listed(bob))[-1]["snapshot"]
    frames = await listed(ada, snapshot)
    assert frames[0]["full"]
    assert mine in entries(frames)
    assert theirs not in entries(frames)


def test_a_snapshot_is_valid_for_its_user_key_and_state_only() -> None:
    ours, others = SyncTokens([b"k" * 32]), SyncTokens([b"l" * 32])
    ada, bob, at = uuid4(), uuid4(), ListPosition(7, now())
    state = ServerState("first", restores=0, clock_steps=0)
    sealed = ours.issue(ada, at, state)
    assert ours.parse(ada, sealed, state) == at
    assert ours.parse(bob, sealed, state) is None
    assert others.parse(ada, sealed, state) is None
    assert ours.parse(ada, sealed, state._replace(epoch="other")) is None
    assert ours.parse(ada, sealed, state._replace(clock_steps=1)) is None
    for n in range(len(sealed)):
        forged = sealed[:n] + ("A" if sealed[n] != "A" else "B") + sealed[n + 1 :]
        assert ours.parse(ada, forged, state) in (None, at)  # the last character has spare bits
    assert ada.bytes.hex() not in sealed


async def test_a_hello_with_a_snapshot_of_1500_rooms_takes_few_queries(
    start: StartServer, no_overlap: None
) -> None:
    server = await start()
    ada, bob = await server.person("ada"), await server.person("bob")
    rooms = await server.rooms(ada, 1500, members=[UUID(bob.id)])
    snapshot = (await listed(bob))[-1]["snapshot"]
    await ada.says(rooms[7], "hi")
    assert_ok(await ada.delete(f"/rooms/{rooms[8]}/members/{bob.id}"), 204)
    with recorded_statements(server.running.context.database) as seen:
        frames = await listed(bob, snapshot)
    assert set(entries(frames)) == {rooms[7]}
    assert gone(frames) == {rooms[8]}
    assert len(orjson.dumps(frames)) < 1000
    assert sum(sql.startswith("SELECT") for sql in seen) < 20  # and not one for each room
