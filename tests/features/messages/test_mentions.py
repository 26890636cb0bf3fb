"""@room, @here and @group: whom a message mentions at once."""

import httpx
import pytest

from app.wire.domain import PresenceState
from testkit.answers import assert_ok
from testkit.people import Person
from testkit.server import TestServer, run_server, unique_username, without_limits
from testkit.servers.backend import Backend
from testkit.statements import recorded_statements
from tests.features.presence import set_online

pytestmark = pytest.mark.usefixtures("unpaced_markers")


async def mentions(person: Person, room: str) -> int:
    return int((await person.room(room))["mentions"])


@pytest.fixture
async def admin(server: TestServer, http: httpx.AsyncClient) -> Person:
    return await server.administrator(http)


@pytest.mark.parametrize(
    ("kind", "role", "may"),
    [
        *((kind, role, True) for kind in ("public", "private") for role in ("owner", "admin")),
        *((kind, "member", False) for kind in ("public", "private")),
        ("group", "member", True),
        ("direct", "member", True),
    ],
)
async def test_who_may_mention_all_members(
    ada: Person, bob: Person, kind: str, role: str, may: bool
) -> None:
    """Of others it is text, and no error."""
    room = await ada.makes_room(kind, bob)
    if role != "member":
        assert_ok(await ada.patch(f"/rooms/{room}/members/{bob.id}", role=role))
    await bob.says(room, "hello @room", "@Room, look", "`@room`")
    assert await mentions(ada, room) == (2 if may else 0)
    assert await mentions(bob, room) == 0


async def test_an_administrator_of_the_server_mentions_all_members_of_public_rooms(
    admin: Person, ada: Person
) -> None:
    public, private = [await ada.makes_room(kind, admin) for kind in ("public", "private")]
    for room, count in ((public, 1), (private, 0)):
        await admin.says(room, "@room")
        assert await mentions(ada, room) == count


async def test_here_mentions_who_is_online_then(
    server: TestServer,
    monkeypatch: pytest.MonkeyPatch,
    ada: Person,
    bob: Person,
    eve: Person,
    http: httpx.AsyncClient,
) -> None:
    """Whose presence is not known may be."""
    joe = await server.person(http, "joe")
    room = await ada.makes_room("private", bob, eve, joe)
    set_online(server, monkeypatch, {bob.id: PresenceState.ONLINE, joe.id: PresenceState.UNKNOWN})
    await ada.says(room, "@here")
    set_online(server, monkeypatch, {eve.id: PresenceState.ONLINE})
    assert [await mentions(person, room) for person in (ada, bob, eve, joe)] == [0, 1, 0, 1]


@pytest.mark.setting("CHAT_LIMITS__HERE_MEMBERS")
async def test_here_mentions_all_members_of_a_large_room(embedded: Backend) -> None:
    settings = without_limits(embedded.override(limits={"here_members": 2}))
    async with run_server(settings) as server, server.client() as http:
        ada, bob, eve = await server.people(http, "ada", "bob", "eve")
        small, large = await ada.makes_room("group", bob), await ada.makes_room("group", bob, eve)
        await ada.says(small, "@here")
        await ada.says(large, "@here")
        assert (await mentions(bob, small), await mentions(bob, large)) == (0, 1)


async def test_a_group_mention_counts_for_who_is_in_the_group_now(
    admin: Person, ada: Person, bob: Person, eve: Person
) -> None:
    handle = unique_username("team")
    group = await admin.makes_group(handle, bob, ada)
    room = await ada.makes_room("private", bob, eve)
    await ada.says(room, f"@{handle} hello", f"@{handle} and @{bob.username}")
    assert [await mentions(person, room) for person in (ada, bob, eve)] == [0, 2, 0]
    assert_ok(await admin.patch(f"/groups/{group}", handle=unique_username("crew")))
    assert_ok(await admin.put(f"/groups/{group}/members/{eve.id}"), 204)
    assert_ok(await admin.delete(f"/groups/{group}/members/{bob.id}"), 204)
    assert [await mentions(person, room) for person in (bob, eve)] == [1, 2]
    assert_ok(await admin.delete(f"/groups/{group}"), 204)
    assert [await mentions(person, room) for person in (bob, eve)] == [1, 0]


async def test_a_message_counts_once_however_it_mentions(
    admin: Person, ada: Person, bob: Person
) -> None:
    one, other = unique_username("team"), unique_username("team")
    for handle in (one, other):
        await admin.makes_group(handle, bob)
    room = await ada.makes_room("private", bob)
    await ada.says(room, f"@room @here @{one} @{other} @{bob.username}", f"@room @{one}")
    assert await mentions(bob, room) == 2


async def test_reading_ends_mentions_of_many_and_marking_as_unread_brings_them_back(
    ada: Person, bob: Person
) -> None:
    room = await ada.makes_room("group", bob)
    await ada.says(room, "4 @room", "5", "6 @room")
    assert await mentions(bob, room) == 2
    read = assert_ok(await bob.put(f"/rooms/{room}/read", seq=4))
    assert (read["unread"], read["mentions"]) == (2, 1)
    await bob.says(room, "7 @room")
    assert await mentions(bob, room) == 0
    unread = assert_ok(await bob.post(f"/rooms/{room}/unread", seq=1))
    assert (unread["unread"], unread["mentions"]) == (3, 2)
    assert await mentions(ada, room) == 1


@pytest.mark.parametrize("setting", ["muted", "room level", "level"])
async def test_in_a_room_that_is_muted_only_direct_mentions_count(
    ada: Person, bob: Person, setting: str
) -> None:
    room = await ada.makes_room("private", bob)
    await ada.says(room, "@room", f"@{bob.username}")
    assert await mentions(bob, room) == 2
    path = f"/rooms/{room}/notifications"
    if setting == "muted":
        assert_ok(await bob.put(path, muted=True))
    elif setting == "room level":
        assert_ok(await bob.put(path, level="nothing"))
    else:
        assert_ok(await bob.put("/users/me/notifications", level="nothing"))
    assert await mentions(bob, room) == 1
    assert_ok(await bob.put(path, level="all"))
    assert await mentions(bob, room) == 2


@pytest.mark.setting("CHAT_LIMITS__MAX_UNREAD")
async def test_mentions_of_many_are_counted_up_to_the_limit(embedded: Backend) -> None:
    settings = without_limits(embedded.override(limits={"max_unread": 2}))
    async with run_server(settings) as server, server.client() as http:
        ada, bob = await server.people(http, "ada", "bob")
        room = await ada.makes_room("group", bob)
        await ada.says(room, "@room", "@room", f"@{bob.username}", "@room", "@room")
        assert await mentions(bob, room) == 3


async def test_a_send_without_mentions_has_no_further_statement(
    server: TestServer, ada: Person, bob: Person
) -> None:
    """Nor has the list of rooms, where nobody is mentioned after the marker."""
    room = await ada.makes_room("group", bob)
    await ada.says(room, "@room")
    assert_ok(await bob.put(f"/rooms/{room}/read", seq=4))
    with recorded_statements(server.context.database) as statements:
        await ada.says(room, "hello", "mail ada@example.org")
        await bob.room(room)
    assert not [text for text in statements if "room_mentions" in text or "user_groups" in text]
