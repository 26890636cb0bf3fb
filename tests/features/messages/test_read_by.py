"""Who has read a message, and who does not let others see it."""

import httpx
import pytest

from testkit.answers import assert_ok, assert_problem
from testkit.peer import Peers
from testkit.people import UNKNOWN_ID, Person, all_pages
from testkit.server import TestServer, run_server, without_limits
from testkit.servers.backend import Backend

pytestmark = pytest.mark.usefixtures("unpaced_markers")


async def readers(person: Person, room: str, seq: int) -> list[str]:
    users: list[str] = assert_ok(await person.get(f"/rooms/{room}/messages/{seq}/read-by"))["users"]
    return users


async def reads(person: Person, room: str, seq: int) -> None:
    assert_ok(await person.put(f"/rooms/{room}/read", seq=seq))


async def share(person: Person, *, shared: bool) -> None:
    me = assert_ok(await person.patch("/users/me", share_read_markers=shared))
    assert me["share_read_markers"] is shared
    assert assert_ok(await person.get("/users/me"))["share_read_markers"] is shared


async def test_those_whose_marker_is_at_the_message_have_read_it(
    ada: Person, bob: Person, eve: Person
) -> None:
    room = await ada.makes_room("private", bob, eve)
    first, second = await ada.says(room, "1", "2")
    assert await readers(ada, room, first) == []
    await reads(bob, room, first)
    await reads(eve, room, second)
    assert await readers(ada, room, first) == sorted([bob.id, eve.id])
    assert await readers(bob, room, second) == [eve.id]
    (third,) = await bob.says(room, "3")  # the sender has read it all
    assert await readers(ada, room, second) == sorted([bob.id, eve.id])
    assert await readers(ada, room, third) == []
    assert_ok(await eve.post(f"/rooms/{room}/unread", seq=first))
    assert await readers(ada, room, first) == [bob.id]


async def test_readers_of_what_cannot_be_read_are_not_shown(ada: Person, bob: Person) -> None:
    private, public = await ada.makes_room("private"), await ada.makes_room()
    for room, code in ((private, "not_found"), (public, "forbidden")):
        (seq,) = await ada.says(room, "1")
        assert_problem(await bob.get(f"/rooms/{room}/messages/{seq}/read-by"), code)
        assert_problem(await ada.get(f"/rooms/{room}/messages/1/read-by"), "not_found")
        assert_ok(await ada.delete(f"/rooms/{room}/messages/{seq}"))
        assert_problem(await ada.get(f"/rooms/{room}/messages/{seq}/read-by"), "not_found")
    assert_problem(await ada.get(f"/rooms/{UNKNOWN_ID}/messages/1/read-by"), "not_found")


async def test_a_user_who_does_not_share_markers_is_not_shown(
    ada: Person, bob: Person, eve: Person, peers: Peers
) -> None:
    """In no list, and in no frame. The user's own devices see it."""
    room = await ada.makes_room("private", bob, eve)
    peer, own = await peers.join(ada, room), await peers.join(bob, room)
    (seq,) = await ada.says(room, "1")
    await share(bob, shared=False)
    await reads(bob, room, seq)
    await reads(eve, room, seq)
    await peer.expect("read", user=eve.id, seq=seq)
    await peer.settled()
    assert bob.id not in [frame["user"] for frame in peer.of("read")]
    assert await readers(ada, room, seq) == [eve.id]
    for viewer, shown in ((ada, None), (bob, seq)):
        (members,) = await all_pages(viewer, f"/rooms/{room}/members")
        assert {m["user"]["id"]: m["read_seq"] for m in members}[bob.id] == shown
    assert (await bob.room(room))["read_seq"] == seq
    await own.expect("rooms")
    await share(bob, shared=True)
    assert await readers(ada, room, seq) == sorted([bob.id, eve.id])
    (later,) = await ada.says(room, "2")
    await reads(bob, room, later)
    await peer.expect("read", user=bob.id, seq=later)


async def test_a_room_may_show_no_markers(ada: Person, bob: Person, peers: Peers) -> None:
    room, other = await ada.makes_room("private", bob), await ada.makes_room("private", bob)
    peer = await peers.join(ada, room, other)
    assert_ok(await ada.patch(f"/rooms/{room}", settings={"read_by": False}))
    (later,) = await ada.says(other, "1")
    (seq,) = await ada.says(room, "1")
    await reads(bob, room, seq)
    await reads(bob, other, later)
    await peer.expect("read", room=other, user=bob.id)
    await peer.settled()
    assert [frame["room"] for frame in peer.of("read")] == [other]
    assert_problem(await ada.get(f"/rooms/{room}/messages/{seq}/read-by"), "forbidden")
    (members,) = await all_pages(ada, f"/rooms/{room}/members")
    assert {m["user"]["id"]: m["read_seq"] is None for m in members} == {
        ada.id: False,
        bob.id: True,
    }
    assert_ok(await ada.patch(f"/rooms/{room}", settings={"read_by": True}))
    assert await readers(ada, room, seq) == [bob.id]


async def test_a_profile_changes_field_by_field(ada: Person) -> None:
    await share(ada, shared=False)
    me = assert_ok(await ada.patch("/users/me", display_name="Countess"))
    assert (me["display_name"], me["share_read_markers"]) == ("Countess", False)
    assert assert_ok(await ada.patch("/users/me")) == me
    assert assert_ok(await ada.patch("/users/me", share_read_markers=None)) == me
    refused = await ada.patch("/users/me", share_read_markers="no")
    assert_problem(refused, "invalid", "share_read_markers")


@pytest.mark.setting("CHAT_LIMITS__MAX_READ_BY_MEMBERS")
async def test_a_large_room_shows_no_readers(backend: Backend) -> None:
    settings = without_limits(backend.override(limits={"max_read_by_members": 2}))
    async with run_server(settings) as server, server.client() as http:
        ada, bob, eve = await server.people(http, "ada", "bob", "eve")
        room = await ada.makes_room("private", bob)
        (seq,) = await ada.says(room, "1")
        await reads(bob, room, seq)
        assert await readers(ada, room, seq) == [bob.id]
        assert_ok(await ada.post(f"/rooms/{room}/members", users=[eve.id]))
        assert_problem(await ada.get(f"/rooms/{room}/messages/{seq}/read-by"), "forbidden")


async def test_all_readers_are_shown_at_once(server: TestServer, http: httpx.AsyncClient) -> None:
    ada, *others = await server.people(http, "ada", *[f"r{n}" for n in range(12)])
    room = await ada.makes_room("private", *others)
    (seq,) = await ada.says(room, "1")
    for person in others:
        await reads(person, room, seq)
    assert await readers(ada, room, seq) == sorted(person.id for person in others)
