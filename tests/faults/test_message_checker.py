"""Tests of the checker of messages: each changes one thing in a correct history."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest

from testkit.message_replica import Message, MessageReplica, tombstone
from tests.faults.checker import check
from tests.faults.history import (
    Deletion,
    Edit,
    FreshRoom,
    History,
    Reaction,
    RoomReplica,
    Send,
    Subscription,
)
from tests.faults.recordings import ADA, BOB, ROOM
from tests.faults.tables import Entry, RoomDetails, StoredMessage, Tables, UserLogEntry

LIKE = "👍"
# Bob's message 3 is edited and named in it; Bob has reacted to Ada's message 4, 5 was deleted.
LOG = [
    Entry(1, "room.created", ADA, ""),
    Entry(2, "member.joined", ADA, BOB),
    Entry(3, "message.created", BOB, "n3", 3),
    Entry(4, "message.created", BOB, "n4", 4),
    Entry(5, "message.created", BOB, "n5", 5),
    Entry(6, "message.edited", BOB, "", 3),
    Entry(7, "reaction.added", BOB, LIKE, 4),
    Entry(8, "reaction.added", BOB, LIKE, 5),
    Entry(9, "messages.deleted", BOB, "5"),
]
DELETION = {"by": BOB, "at": "later"}
REACTIONS = [{"emoji": LIKE, "count": 1, "users": [BOB]}]
Break = Callable[[History, Tables], object]


def shown(seq: int, **details: Any) -> Message:
    message = {
        "text": "hi",
        "reply_to": None,
        "seq": seq,
        "sender": BOB,
        "at": "",
        "nonce": f"n{seq}",
    }
    return message | details


def make_tables() -> Tables:
    edit = {"edit": {"version": 2, "at": "later"}, "mentions": [ADA]}
    return Tables(
        heads={ROOM: 9},
        logs={ROOM: list(LOG)},
        times={ROOM: {entry.seq: float(entry.seq) for entry in LOG}},
        messages={
            ROOM: [
                StoredMessage(3, BOB, "n3", "ho", edit, versions={1: "hi"}, mentioned=[ADA]),
                StoredMessage(
                    4, BOB, "n4", "hi", {"reactions": REACTIONS}, reactions=[(LIKE, BOB)]
                ),
                StoredMessage(5, BOB, "n5", "", {"deletion": DELETION}, is_deleted=True),
            ]
        },
        members={(ROOM, BOB): 9},
        roles={(ROOM, BOB): "owner"},
        details={ROOM: RoomDetails("private", "A room", "", False, None)},
        mentions={(ROOM, ADA): [3]},
        user_logs={BOB: [UserLogEntry(1, "room.joined", ROOM)]},
        user_heads={BOB: 1},
    )


def make_history() -> History:
    replica = RoomReplica(
        BOB, ROOM, taken=list(LOG), subscriptions=[Subscription(2, 2.0, 0)], is_open=True
    )
    messages = [
        shown(3, text="ho", edit={"version": 2, "at": "later"}, mentions=[ADA]),
        shown(4, reactions=REACTIONS),
        tombstone(shown(5), DELETION),
    ]
    page = {"items": messages, "reacted": [{"seq": 4, "emoji": LIKE}]}
    replica.messages.load(page)
    fresh = MessageReplica(BOB)
    fresh.load(deepcopy(page))
    replay = [{"seq": message["seq"], "message": message} for message in deepcopy(messages)]
    return History(
        sends=[Send(ROOM, BOB, f"n{seq}", "hi", 0.0, acked=9.0, seq=seq) for seq in (3, 4, 5)],
        changes=[
            Edit(ROOM, BOB, 3, 1, "ho", acked=9.0),
            Edit(ROOM, BOB, 3, 1, "hu"),
            Reaction(ROOM, BOB, 4, LIKE, present=True, acked=9.0),
            Deletion(ROOM, BOB, [5], acked=9.0),
        ],
        replicas=[replica],
        fresh=[FreshRoom(BOB, ROOM, "", fresh, [3, 4, 5], replay=replay)],
    )


def kinds(change: Break) -> set[str]:
    history, tables = make_history(), deepcopy(make_tables())
    change(history, tables)
    return {violation.kind for violation in check(history, tables)}


def stored(tables: Tables, seq: int) -> StoredMessage:
    return next(message for message in tables.messages[ROOM] if message.seq == seq)


def kept(history: History, seq: int) -> Message:
    return history.replicas[0].messages.messages[seq]


def put(things: Any, key: Any, value: Any) -> None:
    things[key] = value


BREAKS: dict[str, tuple[str, Break]] = {
    "an edit without the version that it replaced": (
        "partial change",
        lambda e, t: stored(t, 3).versions.clear(),
    ),
    "an edit without its event": (
        "partial change",
        lambda e, t: put(t.logs[ROOM], 5, Entry(6, "room.changed", BOB, "")),
    ),
    "an event without its edit": (
        "partial change",
        lambda e, t: put(t.logs[ROOM], 6, Entry(7, "message.edited", BOB, "", 4)),
    ),
    "an edit without the mentions of its text": (
        "partial change",
        lambda e, t: stored(t, 3).mentioned.clear(),
    ),
    "an acked edit that is not there": ("lost", lambda e, t: setattr(stored(t, 3), "text", "hu")),
    "two acked edits of one version": (
        "duplicated",
        lambda e, t: setattr(e.changes[1], "acked", 9.0),
    ),
    "a text that nobody wrote": ("never sent", lambda e, t: setattr(stored(t, 3), "text", "??")),
    "an edit by another user": (
        "not allowed",
        lambda e, t: put(t.logs[ROOM], 5, Entry(6, "message.edited", ADA, "", 3)),
    ),
    "a message whose first text is another": (
        "lost",
        lambda e, t: put(stored(t, 3).versions, 1, "??"),
    ),
    "an acked deletion that is not there": (
        "lost",
        lambda e, t: setattr(e.changes[3], "seqs", [4]),
    ),
    "a deletion without its event": (
        "partial change",
        lambda e, t: put(t.logs[ROOM], 8, Entry(9, "messages.deleted", BOB, "")),
    ),
    "a deletion that left the text": (
        "partial change",
        lambda e, t: setattr(stored(t, 5), "text", "hi"),
    ),
    "a deletion that left a mention": (
        "partial change",
        lambda e, t: stored(t, 5).mentioned.append(ADA),
    ),
    "a deletion that left a reaction": (
        "partial change",
        lambda e, t: stored(t, 5).reactions.append((LIKE, BOB)),
    ),
    "a deletion that counts do not know of": (
        "partial change",
        lambda e, t: setattr(stored(t, 5), "is_deleted", False),
    ),
    "a reaction that is counted without its row": (
        "partial change",
        lambda e, t: stored(t, 4).reactions.clear(),
    ),
    "a reaction that is counted twice": (
        "partial change",
        lambda e, t: put(stored(t, 4).details, "reactions", [REACTIONS[0] | {"count": 2}]),
    ),
    "a reaction that is not counted": (
        "partial change",
        lambda e, t: stored(t, 4).details.pop("reactions"),
    ),
    "a count with somebody who has not reacted": (
        "partial change",
        lambda e, t: put(stored(t, 4).details, "reactions", [REACTIONS[0] | {"users": [ADA]}]),
    ),
    "an event of a reaction that changes nothing": (
        "partial change",
        lambda e, t: put(t.logs[ROOM], 7, LOG[6]._replace(seq=8)),
    ),
    "an acked reaction that is not there": (
        "lost",
        lambda e, t: e.changes.append(Reaction(ROOM, BOB, 3, LIKE, present=True, acked=9.0)),
    ),
    "a removed reaction that is there": (
        "lost",
        lambda e, t: e.changes.append(Reaction(ROOM, BOB, 4, LIKE, present=False, acked=9.0)),
    ),
    "a client with an old text": (
        "different message",
        lambda e, t: put(kept(e, 3), "text", "hi"),
    ),
    "a client with the text of a deleted message": (
        "different message",
        lambda e, t: put(e.replicas[0].messages.messages, 5, shown(5)),
    ),
    "a client that does not know its reaction": (
        "different message",
        lambda e, t: e.replicas[0].messages.reacted.clear(),
    ),
    "a page without a message": (
        "wrong page",
        lambda e, t: e.fresh[0].messages.messages.pop(4),
    ),
    "a page with a deleted text": (
        "wrong page",
        lambda e, t: put(e.fresh[0].messages.messages, 5, shown(5)),
    ),
    "a page that claims another reaction of the reader": (
        "wrong page",
        lambda e, t: e.fresh[0].messages.reacted.add((3, LIKE)),
    ),
    "a replay with a deleted text": (
        "different event",
        lambda e, t: put(e.fresh[0].replay[2], "message", shown(5)),
    ),
}


@pytest.mark.parametrize("what", BREAKS)
def test_each_violation_is_detected(what: str) -> None:
    kind, change = BREAKS[what]
    assert kind in kinds(change)


ALLOWED: dict[str, Break] = {
    "a correct history": lambda e, t: None,
    "an edit without an ack that is there": lambda e, t: setattr(e.changes[0], "acked", None),
    "a reaction without an ack that is there": lambda e, t: setattr(e.changes[2], "acked", None),
    "a removal without an ack that has not happened": lambda e, t: e.changes.append(
        Reaction(ROOM, BOB, 4, LIKE, present=False)
    ),
    "an acked edit of a message that was deleted": lambda e, t: e.changes.append(
        Edit(ROOM, BOB, 5, 1, "ho", acked=9.0)
    ),
    "a deletion without an ack that has not happened": lambda e, t: e.changes.append(
        Deletion(ROOM, BOB, [4])
    ),
}


@pytest.mark.parametrize("what", ALLOWED)
def test_what_may_happen_is_no_violation(what: str) -> None:
    assert kinds(ALLOWED[what]) == set()
