"""Tests of the checker: each changes one thing in a correct history."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace

import pytest

from tests.faults.checker import check
from tests.faults.history import (
    History,
    Marker,
    Page,
    Restore,
    RoomListing,
    Send,
    Subscription,
)
from tests.faults.recordings import (
    ADA,
    BOB,
    EVE,
    LOG,
    NEW,
    ROOM,
    correct_recording,
    restored_recording,
)
from tests.faults.tables import Entry, RoomDetails, StoredMessage, Tables, UserLogEntry

Break = Callable[[History, Tables], object]


def kinds(change: Break) -> set[str]:
    history, tables = deepcopy(correct_recording())
    change(history, tables)
    return {violation.kind for violation in check(history, tables)}


def test_a_correct_history_has_no_violations() -> None:
    assert kinds(lambda history, tables: None) == set()


def relist(history: History, **fields: object) -> None:
    """Let Bob's list show something else."""
    (_, listing) = history.listings
    listing.rooms[ROOM] = replace(listing.rooms[ROOM], **fields)  # type: ignore[arg-type]


def swap(entries: list[Entry]) -> None:
    entries[5], entries[6] = entries[6], entries[5]


def receive(subscription: Subscription, seq: int) -> None:
    subscription.received[seq] = 200.0


BREAKS: dict[str, tuple[str, Break]] = {
    "an acked message that is not in the log": (
        "lost",
        lambda e, t: e.sends.append(Send(ROOM, ADA, "n10", "hi", 0.0, acked=1.0, seq=10)),
    ),
    "an ack with another seq": (
        "lost",
        lambda e, t: setattr(e.sends[0], "seq", 5),
    ),
    "a message with another text": ("lost", lambda e, t: setattr(e.sends[0], "text", "ho")),
    "a message that was never sent": ("never sent", lambda e, t: e.sends.pop()),
    "a message that was never acked": (
        "never acked",
        lambda e, t: setattr(e.sends[0], "seq", None),
    ),
    "two rows of one nonce": (
        "duplicated",
        lambda e, t: t.messages[ROOM].append(StoredMessage(9, BOB, "n6", "hi")),
    ),
    "two events of one nonce": (
        "duplicated",
        lambda e, t: t.logs[ROOM].__setitem__(8, Entry(9, "message.created", BOB, "n6", 9)),
    ),
    "a hole in the log": ("gap in the log", lambda e, t: t.logs[ROOM].pop(7)),
    "a head beyond the log": ("gap in the log", lambda e, t: t.heads.update({ROOM: 10})),
    "a reader with a gap": ("lost", lambda e, t: e.replicas[0].taken.pop(5)),
    "a reader without the beginning": ("lost", lambda e, t: e.replicas[0].taken.pop(0)),
    "a reader without the end": ("lost", lambda e, t: e.replicas[0].taken.pop()),
    "a reader with a duplicate": (
        "duplicated",
        lambda e, t: e.replicas[0].taken.insert(5, e.replicas[0].taken[5]),
    ),
    "a reader with reordered events": ("reordered", lambda e, t: swap(e.replicas[0].taken)),
    "a reader with another message": (
        "different event",
        lambda e, t: e.replicas[0].taken.__setitem__(3, LOG[3]._replace(what="n0")),
    ),
    "a member whose room is closed": (
        "not notified",
        lambda e, t: setattr(e.replicas[0], "is_open", False),
    ),
    "a removed member whose room is open": (
        "not notified",
        lambda e, t: setattr(e.replicas[2], "is_open", True),
    ),
    "a removed member with a later event": (
        "leaked",
        lambda e, t: e.replicas[2].taken.append(LOG[7]),
    ),
    "one who went, and got what came then": (
        "leaked",
        lambda e, t: receive(e.replicas[2].subscriptions[0], 8),
    ),
    "a user who opened the room before joining": (
        "leaked",
        lambda e, t: setattr(e.replicas[2].subscriptions[0], "at", 45.0),
    ),
    "a removed member who opened the room": (
        "leaked",
        lambda e, t: e.replicas[2].subscriptions.append(Subscription(8, 85.0, 7)),
    ),
    "a removed member who opened the room at the removal": (
        "leaked",
        lambda e, t: e.replicas[2].subscriptions.append(Subscription(7, 85.0, 7)),
    ),
    "a removed member who read a page": (
        "leaked",
        lambda e, t: e.pages.append(Page(EVE, ROOM, 8, 85.0)),
    ),
    "a removed member who sent a message": (
        "not allowed",
        lambda e, t: t.logs[ROOM].__setitem__(8, Entry(9, "message.created", EVE, "n9", 9)),
    ),
    "a room.closed for a member": (
        "false removal",
        lambda e, t: setattr(e.replicas[0].subscriptions[0], "last_seq", 8),
    ),
    "a read marker that moved back": ("lost", lambda e, t: t.members.update({(ROOM, ADA): 8})),
    "a wrong unread count": ("wrong list", lambda e, t: relist(e, unread=2)),
    "a wrong count of mentions": ("wrong list", lambda e, t: relist(e, mentions=0)),
    "an outdated entry": ("wrong list", lambda e, t: relist(e, seq=8)),
    "a wrong role": ("wrong list", lambda e, t: relist(e, role="owner")),
    "an old name": (
        "wrong list",
        lambda e, t: relist(e, details=RoomDetails("private", "Old", "", False, None)),
    ),
    "an old last message": ("wrong list", lambda e, t: relist(e, last_message=(8, ADA, "hi"))),
    "a member's room that is not listed": (
        "wrong list",
        lambda e, t: e.listings[1].rooms.clear(),
    ),
    "a room that is listed for one who has gone": (
        "wrong list",
        lambda e, t: e.listings.append(RoomListing(EVE, "here", dict(e.listings[1].rooms))),
    ),
    "a hole in a user's log": ("gap in the log", lambda e, t: t.user_logs[EVE].pop(0)),
    "a user's log beyond its head": ("gap in the log", lambda e, t: t.user_heads.update({EVE: 1})),
    "a user's log without a joining": (
        "wrong log",
        lambda e, t: t.user_logs[BOB].__setitem__(0, UserLogEntry(1, "room.read", ROOM)),
    ),
    "a user's log with another leaving": (
        "wrong log",
        lambda e, t: t.user_logs[EVE].__setitem__(1, UserLogEntry(2, "room.left", ROOM)),
    ),
    "a false refusal": (
        "false refusal",
        lambda e, t: e.observed_violations.append(("false refusal", "forbidden")),
    ),
}


@pytest.mark.parametrize("what", BREAKS)
def test_each_violation_is_detected(what: str) -> None:
    kind, change = BREAKS[what]
    assert kind in kinds(change)


def test_a_disconnected_user_may_read_up_to_their_removal() -> None:
    def open_again(history: History, tables: Tables) -> None:
        history.replicas[2].subscriptions.append(
            Subscription(7, 85.0, 6, last_seq=7, received={7: 86.0})
        )

    assert kinds(open_again) == set()


def test_a_member_who_rejoins_may_read_the_whole_log() -> None:
    def rejoin(history: History, tables: Tables) -> None:
        joined = Entry(10, "member.joined", ADA, EVE)
        tables.logs[ROOM].append(joined)
        tables.times[ROOM][10] = 105.0
        tables.heads[ROOM] = 10
        tables.members[ROOM, EVE], tables.roles[ROOM, EVE] = 10, "member"
        tables.user_logs[EVE].append(UserLogEntry(3, "room.joined", ROOM))
        tables.user_heads[EVE] = 3
        history.listings = [
            RoomListing(user, "here", {ROOM: tables.listed(ROOM, user)}) for user in (ADA, BOB, EVE)
        ]
        for each in history.replicas:
            each.taken = [*tables.logs[ROOM]]
            each.is_open = True
        history.replicas[2].subscriptions.append(
            Subscription(10, 110.0, 7, received={8: 111.0, 9: 111.0})
        )

    assert kinds(rejoin) == set()


def send_acked(seq: int, at: float) -> Send:
    return Send(ROOM, ADA, "n0", "hi", 0.0, acked=at, seq=seq)


def lost_tables(history: History) -> Tables:
    return history.restores[0].lost


RESTORE_BREAKS: dict[str, tuple[str, Break]] = {
    "an event of the lost epoch that remains": (
        "different event",
        lambda e, t: e.replicas[3].taken.__setitem__(7, LOG[7]),
    ),
    "a replica of the lost epoch that was not dropped": (
        "not reset",
        lambda e, t: setattr(e.replicas[0], "dropped", False),
    ),
    "an epoch that the database never had": (
        "wrong epoch",
        lambda e, t: e.pages.append(Page(BOB, ROOM, 9, 135.0, "another")),
    ),
    "a message that was acked before the backup and is missing": (
        "lost",
        lambda e, t: setattr(e.restores[0], "backup_began", 86.0),
    ),
    "a message that was acked after the restore and is missing": (
        "lost",
        lambda e, t: e.sends.append(send_acked(8, 121.0)),
    ),
    "a message of the lost epoch that was acked, and never in its log": (
        "lost",
        lambda e, t: e.sends.append(send_acked(10, 96.0)),
    ),
    "a message of the restored log that is missing": (
        "lost",
        lambda e, t: t.logs[ROOM].__setitem__(3, LOG[3]._replace(actor=BOB)),
    ),
    "a backup of something else": (
        "wrong backup",
        lambda e, t: e.restores[0].kept.logs[ROOM].__setitem__(3, LOG[7]),
    ),
    "a hole in the lost log": ("gap in the log", lambda e, t: lost_tables(e).logs[ROOM].pop(7)),
    "a message in the lost log that was never sent": (
        "never sent",
        lambda e, t: lost_tables(e).messages[ROOM].append(StoredMessage(10, ADA, "n0", "hi")),
    ),
    "a dropped replica with a gap": ("lost", lambda e, t: e.replicas[0].taken.pop(5)),
    "a dropped replica with another message": (
        "different event",
        lambda e, t: e.replicas[0].taken.__setitem__(7, LOG[7]._replace(what="n0")),
    ),
    "a member who was removed in the lost epoch, and got what came then": (
        "leaked",
        lambda e, t: receive(e.replicas[2].subscriptions[0], 8),
    ),
    "a member who was removed in the new epoch, and got what came then": (
        "leaked",
        lambda e, t: receive(e.replicas[5].subscriptions[0], 9),
    ),
    "a page of the new epoch up to a seq that only the lost membership has": (
        "leaked",
        lambda e, t: e.pages.append(Page(EVE, ROOM, 9, 135.0, NEW)),
    ),
    "a room.closed of the lost epoch in the new one": (
        "false removal",
        lambda e, t: setattr(e.replicas[5].subscriptions[0], "last_seq", 7),
    ),
    "a read marker from before the backup that moved back": (
        "lost",
        lambda e, t: t.members.update({(ROOM, BOB): 5}),
    ),
    "a last message of the lost epoch in a list": (
        "wrong list",
        lambda e, t: relist(e, last_message=(9, BOB, "hi")),
    ),
}


def restored_kinds(change: Break) -> set[str]:
    history, tables = deepcopy(restored_recording())
    change(history, tables)
    return {violation.kind for violation in check(history, tables)}


@pytest.mark.parametrize("what", RESTORE_BREAKS)
def test_each_violation_by_a_restore_is_detected(what: str) -> None:
    kind, change = RESTORE_BREAKS[what]
    assert kind in restored_kinds(change)


def test_a_restore_may_lose_what_was_acked_after_its_backup_began() -> None:
    assert restored_kinds(lambda history, tables: None) == set()


def test_a_marker_of_the_lost_epoch_is_void() -> None:
    def mark(history: History, tables: Tables) -> None:
        lost_tables(history).members[ROOM, BOB] = 9
        history.markers.append(Marker(BOB, ROOM, 9, 96.0))

    assert restored_kinds(mark) == set()


def test_an_ack_from_before_two_backups_has_to_survive_both_restores() -> None:
    def restore_again(history: History, tables: Tables) -> None:
        history.restores.append(Restore(150.0, 160.0, deepcopy(tables), Tables()))
        for each in history.replicas:
            each.dropped = True
        tables.epoch = "third"

    def lose(history: History, tables: Tables) -> None:
        restore_again(history, tables)
        tables.logs[ROOM][3] = LOG[3]._replace(what="n0")

    assert restored_kinds(restore_again) == set()
    assert "lost" in restored_kinds(lose)
