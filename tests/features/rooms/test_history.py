"""Rooms that show their members only what was said since they joined."""

from typing import Any

import orjson
import pytest

from testkit.answers import assert_ok, assert_problem
from testkit.peer import Frame, Peer, Peers
from testkit.people import Person
from testkit.server import CLUSTER_IS_LONG, TestServer
from testkit.waiting import pause
from tests.features.rooms.hidden_past import (
    CANARY,
    HiddenPast,
    make_hidden_past,
    show_all,
    start_hiding,
)
from tests.features.rooms.history_walk import walk
from tests.features.search.finding import indexed

# Operations in which a member who sees everything finds what is hidden from the other one.
SHOWN_IN = {
    *("list_messages", "get_message", "list_events", "list_message_versions", "list_pins"),
    *("list_threads", "get_thread", "list_thread_messages", "search_messages", "search"),
    *("add_reaction", "pin_message", "vote", "close_poll", "follow_thread"),
    *("lock_thread", "list_my_threads", "forward_message", "mark_thread_read"),
}


@pytest.mark.parametrize("server", CLUSTER_IS_LONG, indirect=True)
async def test_no_operation_shows_what_was_said_before_the_joining(
    server: TestServer, ada: Person, bob: Person
) -> None:
    past = await make_hidden_past(ada, bob)
    await indexed(server, past.room)
    answers = await walk(bob, past)
    assert [a for a in answers if a.status >= 500] == []
    assert [(a.operation, a.request) for a in answers if CANARY in a.text] == []
    seen = {a.operation for a in await walk(ada, past) if CANARY in a.text}
    assert seen >= SHOWN_IN, SHOWN_IN - seen


async def test_no_frame_shows_what_was_said_before_the_joining(
    ada: Person, bob: Person, peers: Peers
) -> None:
    past = await make_hidden_past(ada, bob)
    joined = past.hidden["absence"]
    peer = await peers.join(bob, past.room, (past.other_room, 0))
    await _send_every_frame(peer, past)
    await touch_hidden_again(ada, past)
    head = (await ada.room(past.room))["seq"]
    await peer.has(past.room, head)
    assert peer.seqs(past.room)[-1] == head
    for since in (0, joined - 1, joined, joined + 2, head):
        again = await peers.join(bob)
        assert (await again.opens(past.room, since))["type"] == "room.opened"
        await again.settled()
        peer.frames += again.frames
    shown = orjson.dumps(peer.frames).decode()
    assert CANARY not in shown
    assert "message.hidden" in shown


async def touch_hidden_again(owner: Person, past: HiddenPast) -> None:
    path = f"/rooms/{past.room}/messages/{past.hidden['plain']}"
    assert_ok(await owner.patch(path, text=f"{CANARY} again", version=3))
    assert_ok(await owner.call("PUT", f"{path}/reactions/🚀"))
    assert_ok(await owner.sends(past.room, "live", thread=past.hidden["root"]), 201)


async def _send_every_frame(peer: Peer, past: HiddenPast) -> None:
    for seq in (past.hidden["plain"], past.hidden["root"]):
        at = {"room": past.room, "seq": seq}
        refused = [
            await _ask(peer, "message.edit", text="x", version=1, **at),
            await _ask(peer, "reaction.add", emoji="🎉", **at),
            await _ask(peer, "reaction.remove", emoji="🎉", **at),
        ]
        assert [answer["code"] for answer in refused] == ["not_found"] * 3
        send = {"room": past.room, "text": "x"}
        reply = await _ask(peer, "message.send", nonce=f"n{seq}", reply_to=seq, **send)
        assert reply["code"] == "invalid"
        await _ask(peer, "message.send", nonce=f"t{seq}", thread=seq, **send)
        for position in ({}, {"around": seq}, {"before": seq}, {"after": seq}):
            answer = await _ask(peer, "history", room=past.room, **position)
            assert answer["type"] == "history"
        await _ask(peer, "read", **at)


async def _ask(peer: Peer, type_: str, **fields: Any) -> Frame:
    """Again, later, if the rate of the socket says so."""
    answer = await peer.ask(type_, **fields)
    if answer.get("code") == "rate_limited":
        await pause(answer["retry_after_ms"] / 1000)
        return await _ask(peer, type_, **fields)
    return answer


async def test_events_of_hidden_messages_say_only_that_there_was_one(
    ada: Person, bob: Person
) -> None:
    past = await make_hidden_past(ada, bob)
    events = await bob.log(past.room)
    assert [event["seq"] for event in events] == list(
        range(past.hidden["absence"] + 1, events[-1]["seq"] + 1)
    )
    assert events[0]["type"] == "member.joined"
    hidden = [event for event in events if event["type"] == "message.hidden"]
    assert hidden
    assert all(event.keys() == {"type", "room", "seq", "actor", "at"} for event in hidden)
    by_seq = {event["seq"]: event for event in await ada.log(past.room)}
    for event in hidden:
        assert by_seq[event["seq"]]["message"]["seq"] <= past.hidden["absence"]


async def test_the_list_of_rooms_shows_nothing_from_before(ada: Person, bob: Person) -> None:
    room = await ada.makes_room("private")
    await start_hiding(ada, room)
    [seq] = await ada.says(room, f"{CANARY} @{bob.username}")
    assert_ok(await ada.post(f"/rooms/{room}/members", users=[bob.id]))
    entry = await bob.room(room)
    assert (entry["unread"], entry["mentions"]) == (0, 0)
    assert entry["last_message"] is None
    assert_ok(await bob.post(f"/rooms/{room}/unread", seq=1))
    entry = await bob.room(room)
    assert (entry["unread"], entry["mentions"], entry["read_seq"]) == (0, 0, seq)
    await ada.says(room, "seen")
    entry = await bob.room(room)
    assert (entry["unread"], entry["last_message"]["text"]) == (1, "seen")


async def test_a_quoted_message_from_before_is_left_out(ada: Person, bob: Person) -> None:
    past = await make_hidden_past(ada, bob)
    page = assert_ok(await bob.get(f"/rooms/{past.room}/messages"))
    assert past.hidden["plain"] in {message["reply_to"] for message in page["items"]}
    assert "quoted" not in page
    page = assert_ok(await ada.get(f"/rooms/{past.room}/messages", after=past.hidden["absence"]))
    assert [quoted["seq"] for quoted in page["quoted"]] == [past.hidden["plain"]]


async def test_replies_since_the_joining_are_shown_without_their_root(
    ada: Person, bob: Person
) -> None:
    past = await make_hidden_past(ada, bob)
    thread = f"/rooms/{past.room}/threads/{past.hidden['root']}"
    assert_problem(await bob.get(thread), "not_found")
    page = assert_ok(await bob.get(f"{thread}/messages"))
    texts = [message["text"] for message in page["items"]]
    assert texts == [f"here @{bob.username}", f"and here @{bob.username}", "one more reply"]
    assert (page["before"], page["after"]) == (None, None)
    assert_ok(await bob.sends(past.room, "I answer", thread=past.hidden["root"]), 201)
    assert_problem(await bob.call("PUT", f"{thread}/follow"), "not_found")
    listed = assert_ok(await bob.get(f"/rooms/{past.room}/threads"))["items"]
    assert [root["seq"] for root in listed] == [past.shown["root"]]
    followed = assert_ok(await bob.get("/users/me/threads"))["items"]
    assert [view["root"]["seq"] for view in followed] == [past.shown["root"]]
    assert (await bob.room(past.room))["unread_threads"] == 1


async def test_members_keep_what_they_could_see_when_a_room_starts_to_hide(
    ada: Person, bob: Person, eve: Person
) -> None:
    room = await ada.makes_room("private", bob)
    [first] = await ada.says(room, "first")
    await start_hiding(ada, room)
    assert_ok(await ada.post(f"/rooms/{room}/members", users=[eve.id]))
    for member in (ada, bob):
        assert_ok(await member.get(f"/rooms/{room}/messages/{first}"))
    assert_problem(await eve.get(f"/rooms/{room}/messages/{first}"), "not_found")
    assert assert_ok(await eve.get(f"/rooms/{room}/messages"))["items"] == []


async def test_all_members_see_everything_after_a_room_is_opened(
    ada: Person, bob: Person, peers: Peers
) -> None:
    past = await make_hidden_past(ada, bob)
    peer = await peers.join(bob, past.room)
    await show_all(ada, past.room)
    await touch_hidden_again(ada, past)
    head = (await ada.room(past.room))["seq"]
    await peer.has(past.room, head)
    live = [event["type"] for event in peer.events(past.room)]
    assert "message.edited" in live
    assert "message.hidden" not in live
    assert await bob.log(past.room) == await ada.log(past.room)
    await start_hiding(ada, past.room)
    assert_ok(await bob.get(f"/rooms/{past.room}/messages/{past.hidden['plain']}"))
    assert_ok(await bob.post(f"/rooms/{past.room}/leave"), 204)
    assert_ok(await ada.post(f"/rooms/{past.room}/members", users=[bob.id]))
    message = await bob.get(f"/rooms/{past.room}/messages/{past.hidden['plain']}")
    assert_problem(message, "not_found")


async def test_a_position_before_what_is_shown_is_reset(
    ada: Person, bob: Person, peers: Peers
) -> None:
    past = await make_hidden_past(ada, bob)
    peer = await peers.join(bob)
    opened = await peer.opens(past.room, since=past.hidden["absence"] - 1)
    assert opened["state"] == "reset"
    opened = await peer.opens(past.room, since=past.hidden["absence"])
    assert opened["state"] == "ok"


async def test_who_left_gets_no_events_from_before_their_last_joining(
    ada: Person, bob: Person, peers: Peers
) -> None:
    past = await make_hidden_past(ada, bob)
    assert_ok(await bob.post(f"/rooms/{past.room}/leave"), 204)
    peer = await peers.join(bob)
    assert (await peer.opens(past.room, since=3))["code"] == "not_found"
    assert (await peer.opens(past.room, since=past.hidden["absence"]))["state"] == "ok"
    await peer.expect("room.closed", room=past.room)
    assert CANARY not in orjson.dumps(peer.frames).decode()


async def test_own_messages_from_before_can_be_deleted_in_bulk(ada: Person, bob: Person) -> None:
    past = await make_hidden_past(ada, bob)
    own = f"/rooms/{past.room}/messages/{past.hidden['own']}"
    assert_problem(await bob.delete(own), "not_found")
    body = {"sender": bob.id, "since": "2020-01-01T00:00:00Z"}
    assert assert_ok(await bob.post(f"/rooms/{past.room}/deletions", **body))["count"] == 1
    assert "deletion" in assert_ok(await ada.get(own))


async def test_only_those_who_manage_permissions_set_the_history(ada: Person, bob: Person) -> None:
    room = await ada.makes_room("private", bob)
    change = {"settings": {"history": "since_joining"}}
    assert_problem(await bob.patch(f"/rooms/{room}", **change), "forbidden")
    assert_problem(await ada.patch(f"/rooms/{room}", settings={"history": "sometimes"}), "invalid")
    assert assert_ok(await ada.patch(f"/rooms/{room}", **change))["settings"]["history"] == (
        "since_joining"
    )
