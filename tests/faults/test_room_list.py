"""Tests of a device's list of rooms: entries and events give the same, whichever comes first."""

import itertools
from typing import Any

import pytest

from testkit.message_replica import MessageReplica
from tests.faults.room_list import Frame, RoomListReplica
from tests.faults.tables import RoomDetails

ROOM, ADA, BOB = "room", "ada", "bob"


def entry(**fields: Any) -> Frame:
    """Bob's room at 3."""
    listed = {"room": ROOM, "kind": "private", "name": "A room", "topic": "", "archived": False}
    listed |= {"role": "member", "seq": 3, "read_seq": 3, "unread": 0, "mentions": 0}
    return listed | fields


def frame(*rooms: Frame, full: bool = False, gone: tuple[str, ...] = ()) -> Frame:
    return {"type": "rooms", "full": full, "rooms": list(rooms), "gone": list(gone)}


def message(seq: int, sender: str, text: str = "hi") -> Frame:
    return about("message.created", seq, {"seq": seq, "sender": sender, "text": text})


def about(type_: str, seq: int, shown: Frame) -> Frame:
    complete = {"nonce": "", "at": ""} | shown
    return {"type": type_, "room": ROOM, "seq": seq, "message": complete}


def deletion(seq: int, *seqs: int) -> Frame:
    fields = {"actor": ADA, "at": "", "seqs": seqs}
    return {"type": "messages.deleted", "room": ROOM, "seq": seq, **fields}


class Follower:
    """A device that has the room open."""

    def __init__(self, list_replica: RoomListReplica) -> None:
        self._list, self._messages = list_replica, MessageReplica(BOB)

    def follow(self, event: Frame) -> None:
        self._messages.apply({"actor": ADA} | event)
        self._list.follow(event, self._messages.messages)


EVENTS = [
    message(4, ADA, "x" * 300),
    {
        "type": "room.changed",
        "room": ROOM,
        "seq": 5,
        "details": {"kind": "private", "name": "New", "topic": "t", "archived": True},
    },
    message(6, BOB),
    {
        "type": "member.role_changed",
        "room": ROOM,
        "seq": 7,
        "member": {"user": BOB, "role": "admin"},
    },
    message(8, ADA, "@bob"),
    message(9, ADA),
    deletion(10, 9),
    about("message.edited", 11, {"seq": 8, "sender": ADA, "text": "@bob!"}),
]


@pytest.mark.parametrize("after", range(len(EVENTS) + 1))
def test_an_entry_that_comes_among_events_gives_the_same(after: int) -> None:
    """It was read before any of them."""
    replica = RoomListReplica(BOB)
    replica.apply(frame(entry(), full=True))
    follower = Follower(replica)
    for number, event in enumerate(EVENTS):
        if number == after:
            replica.apply(frame(entry()))
        follower.follow(event)
    if after == len(EVENTS):
        replica.apply(frame(entry()))
    listed = replica.rooms[ROOM]
    assert listed.details == RoomDetails("private", "New", "t", True, None)
    assert (listed.role, listed.seq, listed.read_seq, listed.unread) == ("admin", 11, 6, 1)
    assert listed.mentions is None
    assert listed.last_message == (8, ADA, "@bob!")


def test_an_entry_that_is_newer_than_events_is_not_changed_by_them() -> None:
    replica = RoomListReplica(BOB)
    newest = entry(seq=11, read_seq=7, unread=1, mentions=1)
    replica.apply(frame(newest, full=True))
    follower = Follower(replica)
    for event in EVENTS:
        follower.follow(event)
    assert (replica.rooms[ROOM].unread, replica.rooms[ROOM].mentions) == (1, 1)


def test_the_beginning_of_the_last_message_is_kept() -> None:
    replica = RoomListReplica(BOB)
    replica.apply(frame(entry(), full=True))
    Follower(replica).follow(EVENTS[0])
    assert replica.rooms[ROOM].last_message == (4, ADA, "x" * 200)


@pytest.mark.parametrize("is_replay", [False, True])
def test_deleted_messages_do_not_count(is_replay: bool) -> None:
    """A replay shows messages as they are now."""
    replica = RoomListReplica(BOB)
    replica.apply(frame(entry(), full=True))
    follower = Follower(replica)
    events = [message(4, ADA), message(5, ADA), message(6, ADA)]
    if is_replay:
        for event in events[1:]:
            event["message"] |= {"text": "", "deletion": {"by": ADA, "at": ""}}
    for event in (*events, deletion(7, 5), deletion(8, 6)):
        follower.follow(event)
    listed = replica.rooms[ROOM]
    assert (listed.unread, listed.last_message) == (1, (4, ADA, "hi"))
    follower.follow(deletion(9, 4))
    listed = replica.rooms[ROOM]
    assert (listed.unread, listed.mentions, listed.last_message) == (0, 0, None)


def test_rooms_that_have_gone_are_removed() -> None:
    for last in (frame(gone=(ROOM,)), frame(full=True)):
        replica = RoomListReplica(BOB)
        replica.apply(frame(entry(), full=True))
        replica.apply(last)
        assert replica.rooms == {}
    replica = RoomListReplica(BOB)
    replica.apply(frame(entry(), full=True))
    replica.close(ROOM)
    assert replica.rooms == {}


def test_the_newest_snapshot_is_kept() -> None:
    replica = RoomListReplica(BOB)
    seen = []
    for snapshot, number in itertools.product(("a", "b"), range(2)):
        replica.apply(frame() | ({"snapshot": snapshot} if number else {}))
        seen.append(replica.snapshot)
    assert seen == [None, "a", "a", "b"]


def test_events_of_another_epoch_do_not_continue_an_entry() -> None:
    replica = RoomListReplica(BOB)
    replica.begin("old")
    replica.apply(frame(entry(), full=True))
    Follower(replica).follow(EVENTS[0])
    for epoch, seq in (("old", 4), ("new", 3)):
        replica.begin(epoch)
        replica.apply(frame(entry(), full=True))
        assert replica.rooms[ROOM].seq == seq


def test_a_full_list_voids_the_snapshot_until_its_last_frame() -> None:
    replica = RoomListReplica(BOB)
    replica.begin("old")
    replica.apply(frame(entry(), full=True) | {"snapshot": "a"})
    replica.begin("new")
    assert _continues(replica) == ("a", "old")
    replica.apply(frame(entry(), full=True))
    assert _continues(replica) == (None, "new")
    replica.apply(frame() | {"snapshot": "b"})
    assert _continues(replica) == ("b", "new")


def _continues(replica: RoomListReplica) -> tuple[str | None, str]:
    return replica.snapshot, replica.epoch
