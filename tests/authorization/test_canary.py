"""Nobody receives by any way what they may not see: a random walk over a server with canaries.

A failure names its seed. Longer: CANARY_SEED=7 CANARY_WALKS=50.
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from app.messages import deletion
from app.rooms import service
from app.wire.domain import Role
from app.wire.events import Message
from app.wire.message_parts import Deletion
from app.wire.room_settings import RoomSettings
from testkit.answers import assert_ok
from testkit.peer import Peers
from testkit.people import Person
from testkit.server import TestServer
from tests.authorization.canaries import WORD, Canaries, Copy, Part
from tests.authorization.walk import Leak, Walk
from tests.authorization.watcher import Watcher
from tests.authorization.world import World

SEED = int(os.environ.get("CANARY_SEED", "1"))
STEPS = 1000  # of a walk; each has people and rooms of its own
WALKS = int(os.environ.get("CANARY_WALKS", "1"))
WALKS_OF_ALL_TESTS = 50


@asynccontextmanager
async def start_walk(server: TestServer) -> AsyncIterator[Walk]:
    """Six people and an administrator of the server; rooms of each kind, in which some of them
    are."""
    async with server.client() as http, Peers() as peers:
        names = ("ada", "bob", "carl", "dora", "eve", "fred")
        people = await server.people(http, *names)
        administrator = await server.administrator(http)
        world = await make_rooms(people, administrator)
        watchers = [
            Watcher(person, await peers.join(person)) for person in (*people, administrator)
        ]
        walk = Walk(server, http, watchers, world)
        await walk.start()
        yield walk


async def make_rooms(people: list[Person], administrator: Person) -> World:
    ada, bob, carl, dora, *_ = people
    public = await ada.makes_room("public", bob)
    private = [await ada.makes_room("private", bob, carl), await carl.makes_room("private", dora)]
    group, direct = await bob.makes_room("group", ada, dora), await ada.makes_room("direct", bob)
    hiding = {"history": "since_joining"}
    assert_ok(await ada.patch(f"/rooms/{public}", settings=hiding))
    settings = {"join_requests": True, **hiding}
    assert_ok(await carl.patch(f"/rooms/{private[1]}", settings=settings))
    invites = [await ada.post(f"/rooms/{room}/invites") for room in (public, private[0])]
    return World(
        rooms=[public, *private, group, direct],
        public_rooms=frozenset({public}),
        users=frozenset(person.id for person in (*people, administrator)),
        administrators=frozenset({administrator.id}),
        codes=[assert_ok(invite, 201)["code"] for invite in invites],
    )


@pytest.mark.parametrize("walks", [WALKS, pytest.param(WALKS_OF_ALL_TESTS, marks=pytest.mark.long)])
@pytest.mark.timeout(14_400)
async def test_nobody_receives_what_they_may_not_see(
    server: TestServer, capfd: pytest.CaptureFixture[str], walks: int
) -> None:
    for seed in range(SEED, SEED + walks):
        async with start_walk(server) as walk:
            await walk.run(seed, STEPS)
            # Else there was little to see.
            assert walk.done > STEPS / 5
            assert len(walk.canaries.shown) > STEPS / 20
        assert WORD.findall("".join(capfd.readouterr())) == [], "words in the log of the server"


async def test_a_server_that_shows_new_members_what_was_before_is_found(
    embedded_server: TestServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "room_settings", lambda room: RoomSettings())
    async with start_walk(embedded_server) as walk:
        with pytest.raises(Leak):
            await walk.run(SEED, STEPS)


async def test_a_server_that_shows_deleted_texts_is_found(
    embedded_server: TestServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def keep_text(message: Message, by: Deletion) -> Message:
        return message.model_copy(update={"deletion": by})

    monkeypatch.setattr(deletion, "_tombstone", keep_text)
    async with start_walk(embedded_server) as walk:
        with pytest.raises(Leak):
            await walk.run(SEED, STEPS)


def test_the_audience_of_a_canary_follows_memberships_edits_and_deletions() -> None:
    canaries = Canaries()
    members = {"ada": Role.OWNER, "bob": Role.MEMBER, "carl": Role.MEMBER}
    canaries.update({"room": members}, {"room": 4})
    first, second, note = (canaries.make_word() for _ in range(3))
    canaries.write([first], Part.TEXT, "room", 5)
    canaries.put(note, Copy(Part.PRIVATE, users=frozenset({"eve"})))
    text = f"{first} {note}"
    assert canaries.find_hidden(text, "bob") == {note}
    assert canaries.find_hidden(text, "eve") == {first}
    canaries.edit([second], "room", 5, "bob")
    assert [canaries.may_see(first, user) for user in ("ada", "bob", "carl")] == [True, True, False]
    assert canaries.may_see(second, "carl")
    canaries.forward("room", 5, "other", 2)
    canaries.delete("room", 5)
    assert not canaries.may_see(second, "ada")
    canaries.update({"room": members, "other": {"eve": Role.GUEST}}, {"room": 8, "other": 2})
    assert canaries.find_hidden(f"{first} {second}", "eve") == {first}


def test_a_canary_is_hidden_from_those_who_joined_later_until_the_room_shows_it() -> None:
    canaries, ada, eve = Canaries(), {"ada": Role.OWNER}, {"eve": Role.GUEST}
    canaries.update({"room": ada}, {"room": 2}, hiding={"room"})
    first, second = canaries.make_word(), canaries.make_word()
    canaries.write([first], Part.TEXT, "room", 3)
    canaries.update({"room": ada}, {"room": 3}, hiding={"room"})
    canaries.update({"room": ada | eve}, {"room": 4}, hiding={"room"})
    canaries.write([second], Part.TEXT, "room", 5)
    assert [canaries.may_see(word, "ada") for word in (first, second)] == [True, True]
    assert [canaries.may_see(word, "eve") for word in (first, second)] == [False, True]
    canaries.update({"room": ada | eve}, {"room": 6})
    assert canaries.may_see(first, "eve")
    canaries.update({"room": ada | eve}, {"room": 7}, hiding={"room"})
    assert canaries.may_see(first, "eve")
    canaries.update({"room": ada}, {"room": 8}, hiding={"room"})
    canaries.update({"room": ada | eve}, {"room": 9}, hiding={"room"})
    assert not canaries.may_see(second, "eve")
