"""Tests of the checker: each changes one thing in a correct history."""

from collections.abc import Callable
from copy import deepcopy

import pytest

from tests.faults.checker import check
from tests.faults.history import (
    Badge,
    Entry,
    History,
    Marker,
    Page,
    RoomReplica,
    Send,
    Subscription,
    Tables,
)

ROOM, ADA, BOB, EVE = "room", "ada", "bob", "eve"
LOG = [
    Entry(1, "room.created", ADA, ""),
    Entry(2, "member.joined", ADA, ADA),
    Entry(3, "member.joined", ADA, BOB),
    Entry(4, "message.created", ADA, "n4 hi"),
    Entry(5, "member.joined", ADA, EVE),
    Entry(6, "message.created", BOB, "n6 hi"),
    Entry(7, "member.removed", ADA, EVE),
    Entry(8, "message.created", ADA, "n8 hi"),
    Entry(9, "message.created", BOB, "n9 hi"),
]
STEP_S = 10.0  # between two events; the first is at 10 s

Recording = tuple[History, Tables]
Break = Callable[[History, Tables], object]


def correct_recording() -> Recording:
    """Ada and Bob send messages; Eve is added at seq 5 and removed at seq 7."""
    tables = Tables(
        heads={ROOM: 9},
        logs={ROOM: list(LOG)},
        times={ROOM: {entry.seq: STEP_S * entry.seq for entry in LOG}},
        messages={ROOM: [(4, ADA, "n4"), (6, BOB, "n6"), (8, ADA, "n8"), (9, BOB, "n9")]},
        members={(ROOM, ADA): 9, (ROOM, BOB): 6},
    )
    history = History(
        sends=[
            Send(ROOM, entry.actor, entry.what[:2], "hi", 0.0, acked=1.0, seq=entry.seq, attempts=1)
            for entry in LOG
            if entry.type == "message.created"
        ],
        replicas=[replica(ADA, 9, is_open=True), replica(BOB, 9, is_open=True), replica(EVE, 7)],
        pages=[Page(BOB, ROOM, 6, 65.0)],
        badges=[Badge(BOB, ROOM, 9, 6, 1)],
        markers=[Marker(ADA, ROOM, 9)],
    )
    history.replicas[2].subscriptions = [
        Subscription(5, 55.0, 0, last_seq=7, received=dict.fromkeys((5, 6, 7), 75.0))
    ]
    return history, tables


def replica(user: str, last: int, *, is_open: bool = False) -> RoomReplica:
    subscription = Subscription(3, 35.0, 0, received={entry.seq: 100.0 for entry in LOG[:last]})
    return RoomReplica(user, ROOM, 0, LOG[:last], [subscription], is_open)


def kinds(change: Break) -> set[str]:
    history, tables = deepcopy(correct_recording())
    change(history, tables)
    return {violation.kind for violation in check(history, tables)}


def test_a_correct_history_has_no_violations() -> None:
    assert kinds(lambda history, tables: None) == set()


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
    "two rows of one nonce": ("duplicated", lambda e, t: t.messages[ROOM].append((9, BOB, "n6"))),
    "two events of one nonce": (
        "duplicated",
        lambda e, t: t.logs[ROOM].__setitem__(8, Entry(9, "message.created", BOB, "n6 hi")),
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
    "a reader with another text": (
        "different event",
        lambda e, t: e.replicas[0].taken.__setitem__(3, LOG[3]._replace(what="n4 ho")),
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
        lambda e, t: t.logs[ROOM].__setitem__(8, Entry(9, "message.created", EVE, "n9 hi")),
    ),
    "a room.closed for a member": (
        "false removal",
        lambda e, t: setattr(e.replicas[0].subscriptions[0], "last_seq", 8),
    ),
    "a read marker that moved back": ("lost", lambda e, t: t.members.update({(ROOM, ADA): 8})),
    "a wrong unread count": ("wrong badge", lambda e, t: setattr(e.badges[0], "unread", 2)),
    "an outdated badge": ("wrong badge", lambda e, t: setattr(e.badges[0], "seq", 8)),
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
        tables.members[ROOM, EVE] = 10
        for each in history.replicas:
            each.taken = [*tables.logs[ROOM]]
            each.is_open = True
        history.replicas[2].subscriptions.append(
            Subscription(10, 110.0, 7, received={8: 111.0, 9: 111.0})
        )

    assert kinds(rejoin) == set()
