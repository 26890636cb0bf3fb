"""Threads on the socket: events make a client's copy equal to a new one, and what concerns one
person reaches all of their devices."""

from typing import Any

from testkit.answers import assert_ok
from testkit.peer import Frame, Peer, Peers
from testkit.people import Person
from tests.features.threads.thread_steps import reply
from tests.realtime.room_lists import ListReplica, listed


def apply(messages: dict[int, Frame], events: list[Frame]) -> None:
    """As a client does it: each event has the message as it is then."""
    for event in events:
        if message := event.get("message"):
            messages[message["seq"]] = message
        for seq in event.get("seqs", ()):
            tombstone = messages[seq] | {"text": "", "reply_to": None}
            messages[seq] = tombstone | {"deletion": {"by": event["actor"], "at": event["at"]}}


async def stored(person: Person, room: str) -> dict[int, Frame]:
    """The messages of a client that reads them now."""
    seqs = [e["seq"] for e in await person.log(room) if e["type"] == "message.created"]
    messages: dict[int, Any] = {}
    for seq in seqs:
        messages[seq] = assert_ok(await person.get(f"/rooms/{room}/messages/{seq}"))
    return messages


async def test_the_events_of_threads_make_the_state_of_a_new_client(
    ada: Person, bob: Person, peers: Peers
) -> None:
    """Of a client that was there all the time, and of one that was away."""
    room = await ada.makes_room("private", bob)
    (root, other) = await ada.says(room, "root", "other")
    peer = await peers.join(bob, room)
    copy = await stored(bob, room)
    seqs = [await reply(ada, room, root) for _ in range(3)]
    await reply(bob, room, root, "also in the room", also_in_room=True)
    await reply(bob, room, other)
    assert_ok(await ada.put(f"/rooms/{room}/messages/{root}/reactions/🎉"))
    assert_ok(await ada.delete(f"/rooms/{room}/messages/{seqs[2]}"))
    assert_ok(await ada.delete(f"/rooms/{room}/messages/{other}"))
    last = await reply(ada, room, root)
    await peer.has(room, last + 1)
    away = dict(copy)
    apply(copy, peer.events(room))
    apply(away, [event for event in await bob.log(room) if event["seq"] > other])
    fresh = await stored(bob, room)
    assert copy == away == fresh
    assert copy[root]["thread_summary"]["replies"] == 4


async def test_a_reply_on_the_socket_is_acknowledged(
    ada: Person, bob: Person, peers: Peers
) -> None:
    room = await ada.makes_room("private", bob)
    (root,) = await ada.says(room, "root")
    peer = await peers.join(bob, room)
    ack = await peer.ask("message.send", room=room, nonce="n", text="x", thread=root)
    assert (ack["type"], ack["seq"]) == ("ack", root + 1)
    again = await peer.ask("message.send", room=room, nonce="n", text="x", thread=root)
    assert (again["seq"], again["duplicate"]) == (root + 1, True)
    error = await peer.ask("message.send", room=room, nonce="m", text="x", thread=root + 1)
    assert (error["code"], error["errors"][0]["path"]) == ("invalid", "thread")
    page = (await peer.ask("history", room=room))["page"]
    assert [message["seq"] for message in page["items"]] == [root]


async def shows_nothing_unread(peer: Peer, room: str, updates: int) -> None:
    """Return once the peer has got so many entries of the room, the last of which says so."""
    await peer.until(lambda: len(peer.updates(room)) >= updates)
    await peer.until(lambda: "unread_threads" not in peer.entry(room))


async def test_other_devices_hear_of_threads_that_were_read_or_are_not_followed_any_more(
    ada: Person, bob: Person, peers: Peers
) -> None:
    room = await ada.makes_room("private", bob)
    (root,) = await ada.says(room, "root")
    with_room_open, without = await peers.join(ada, room), await peers.join(ada)
    seq = await reply(bob, room, root)
    await without.lists(room, unread_threads=1)
    assert_ok(await ada.put(f"/rooms/{room}/threads/{root}/read", seq=seq))
    await shows_nothing_unread(with_room_open, room, 1)
    await shows_nothing_unread(without, room, 2)
    await reply(bob, room, root)
    await without.lists(room, unread_threads=1)
    entries_before = len(with_room_open.updates(room))
    assert_ok(await ada.delete(f"/rooms/{room}/threads/{root}/follow"))
    await shows_nothing_unread(with_room_open, room, entries_before + 1)
    await shows_nothing_unread(without, room, 4)


async def test_a_client_that_comes_back_gets_the_room_of_a_thread_that_was_read(
    ada: Person, bob: Person
) -> None:
    room = await ada.makes_room("private", bob)
    (root,) = await ada.says(room, "root")
    seq = await reply(bob, room, root)
    replica = ListReplica()
    replica.apply(await listed(ada))
    assert replica.rooms[room]["unread_threads"] == 1
    assert_ok(await ada.put(f"/rooms/{room}/threads/{root}/read", seq=seq))
    replica.apply(await listed(ada, replica.snapshot))
    assert "unread_threads" not in replica.rooms[room]
