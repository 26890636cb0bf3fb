"""Tests of a device's list of rooms: entries and events give the same, whichever comes first."""

import itertools
from typing import Any

import pytest

from tests.faults.history import RoomDetails
from tests.faults.room_list import Frame, RoomListReplica

ROOM, ADA, BOB = "room", "ada", "bob"


def entry(**fields: Any) -> Frame:
    """Bob's room at 3."""
    listed = {"room": ROOM, "kind": "private", "name": "A room", "topic": "", "archived": False}
    listed |= {"role": "member", "seq": 3, "read_seq": 3, "unread": 0, "mentions": 0}
    return listed | fields


def frame(*rooms: Frame, full: bool = False, gone: tuple[str, ...] = ()) -> Frame:
    return {"type": "rooms", "full": full, "rooms": list(rooms), "gone": list(gone)}


def message(seq: int, sender: str, text: str = "hi") -> Frame:
    said = {"seq": seq, "sender": sender, "text": text}
    return {"type": "message.created", "room": ROOM, "seq": seq, "message": said}


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
]


@pytest.mark.parametrize("after", range(len(EVENTS) + 1))
def test_an_entry_that_comes_among_events_gives_the_same(after: int) -> None:
    """It was read before any of them."""
    replica = RoomListReplica(BOB)
    replica.apply(frame(entry(), full=True))
    for number, event in enumerate(EVENTS):
        if number == after:
            replica.apply(frame(entry()))
        replica.follow(event)
    if after == len(EVENTS):
        replica.apply(frame(entry()))
    listed = replica.rooms[ROOM]
    assert listed.details == RoomDetails("private", "New", "t", True, None)
    assert (listed.role, listed.seq, listed.read_seq, listed.unread) == ("admin", 8, 6, 1)
    assert listed.mentions is None
    assert listed.last_message == (8, ADA, "@bob")


def test_an_entry_that_is_newer_than_events_is_not_changed_by_them() -> None:
    replica = RoomListReplica(BOB)
    newest = entry(seq=8, read_seq=7, unread=1, mentions=1)
    replica.apply(frame(newest, full=True))
    for event in EVENTS:
        replica.follow(event)
    assert (replica.rooms[ROOM].unread, replica.rooms[ROOM].mentions) == (1, 1)


def test_the_beginning_of_the_last_message_is_kept() -> None:
    replica = RoomListReplica(BOB)
    replica.apply(frame(entry(), full=True))
    replica.follow(EVENTS[0])
    assert replica.rooms[ROOM].last_message == (4, ADA, "x" * 200)


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
    replica.follow(EVENTS[0])
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
