"""A user who was removed from a room gets, with the event that says so, nothing that came after
it."""

import pytest

from app.persistence.repositories import event_pages
from testkit.answers import assert_ok
from testkit.peer import Peers
from testkit.people import Person
from tests.realtime.dedicated_server import StartServer

PATHS = {
    "an edit": ("PATCH", "", {"text": "secret", "version": 1}),
    "a reaction": ("PUT", "/reactions/🎉", None),
    "a pin": ("PUT", "/pin", None),
    "a vote": ("PUT", "/vote", {"options": [1]}),
    "an option": ("POST", "/poll/options", {"text": "secret"}),
}


async def remove(ada: Person, bob: Person, room: str) -> None:
    assert_ok(await ada.delete(f"/rooms/{room}/members/{bob.id}"), 204)


@pytest.mark.parametrize("change", PATHS)
async def test_a_message_that_was_changed_after_the_removal_is_not_sent(
    start: StartServer, peers: Peers, change: str
) -> None:
    server = await start()
    ada, bob = await server.person("ada"), await server.person("bob")
    room = await ada.makes_room("private", bob)
    poll = {"options": ["yes", "no"], "may_add": True}
    changed = assert_ok(await ada.sends(room, "first", poll=poll), 201)["seq"]
    await ada.says(room, "second")
    await remove(ada, bob, room)
    method, path, body = PATHS[change]
    path = f"/rooms/{room}/messages/{changed}{path}"
    assert_ok(await ada.call(method, path, **({"json": body} if body else {})))
    peer = await peers.join(bob)
    opened = await peer.opens(room, since=0)
    assert (opened["state"], opened["resume"]) == ("limited", changed)
    await peer.expect("room.closed", reason="removed")
    assert peer.seqs(room) == [changed + 1, changed + 2]


async def test_an_answer_in_a_thread_after_the_removal_is_not_shown(
    start: StartServer, peers: Peers
) -> None:
    """The root of the thread says who replied last."""
    server = await start()
    ada, bob = await server.person("ada"), await server.person("bob")
    room = await ada.makes_room("private", bob)
    [root] = await ada.says(room, "root")
    await remove(ada, bob, room)
    assert_ok(await ada.sends(room, "reply", thread=root), 201)
    peer = await peers.join(bob)
    assert (await peer.opens(room, since=0))["resume"] == root
    await peer.expect("room.closed")
    assert peer.seqs(room) == [root + 1]


async def test_long_after_the_removal_only_the_removal_is_sent(
    start: StartServer, peers: Peers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What has changed is looked for in a bounded part of the log."""
    monkeypatch.setattr(event_pages, "MAX_LATER_EVENTS", 2)
    server = await start()
    ada, bob = await server.person("ada"), await server.person("bob")
    room = await ada.makes_room("private", bob)
    await ada.says(room, "first", "second")
    await remove(ada, bob, room)
    peer = await peers.join(bob)
    for later, seqs in (("ab", [1, 2, 3, 4, 5, 6]), ("c", [6])):
        await ada.says(room, *later)
        await peer.opens(room, since=0)
        await peer.expect("room.closed", seq=6)
        await peer.settled()
        assert [event["seq"] for event in peer.events(room)] == seqs
        peer.forget()
