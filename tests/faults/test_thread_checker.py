"""Tests of the checker of threads: each changes one thing in a correct history."""

from collections.abc import Callable
from typing import Any

import pytest

from testkit.message_replica import MessageReplica
from tests.faults.checker import check
from tests.faults.history import (
    FollowedThread,
    Following,
    FreshRoom,
    History,
    Restore,
    Send,
    ThreadMarker,
)
from tests.faults.recordings import ADA, BOB, EVE, ROOM
from tests.faults.tables import (
    Entry,
    RoomDetails,
    StoredFollower,
    StoredMessage,
    Tables,
    UserLogEntry,
)

Break = Callable[[History, Tables], object]
# Ada has said 4. Bob replies with 5 and names Eve, and with 7, which is also in the room. Ada
# replies with 9, and deletes it.
LOG = [
    Entry(1, "member.joined", ADA, ADA),
    Entry(2, "member.joined", ADA, BOB),
    Entry(3, "member.joined", ADA, EVE),
    Entry(4, "message.created", ADA, "n4", 4),
    Entry(5, "message.created", BOB, "n5", 5),
    Entry(6, "thread.updated", BOB, "", 4),
    Entry(7, "message.created", BOB, "n7", 7),
    Entry(8, "thread.updated", BOB, "", 4),
    Entry(9, "message.created", ADA, "n9", 9),
    Entry(10, "thread.updated", ADA, "", 4),
    Entry(11, "messages.deleted", ADA, "9"),
    Entry(12, "thread.updated", ADA, "", 4),
]
SUMMARY = {"replies": 2, "last_seq": 7, "users": [BOB]}


def make_tables() -> Tables:
    deletion = {"deletion": {"by": ADA, "at": "later"}, "thread": 4}
    return Tables(
        heads={ROOM: len(LOG)},
        logs={ROOM: list(LOG)},
        times={ROOM: {entry.seq: float(entry.seq) for entry in LOG}},
        messages={
            ROOM: [
                StoredMessage(4, ADA, "n4", "hi", {"thread_summary": dict(SUMMARY)}),
                StoredMessage(
                    *(5, BOB, "n5", "hi", {"thread": 4, "mentions": [EVE]}),
                    mentioned=[EVE],
                    in_timeline=False,
                ),
                StoredMessage(7, BOB, "n7", "hi", {"thread": 4, "also_in_room": True}),
                StoredMessage(9, ADA, "n9", "", deletion, is_deleted=True, in_timeline=False),
            ]
        },
        members={(ROOM, ADA): 4, (ROOM, BOB): 7, (ROOM, EVE): 7},
        roles={(ROOM, ADA): "owner", (ROOM, BOB): "member", (ROOM, EVE): "member"},
        details={ROOM: RoomDetails("private", "A room", "", False, None)},
        mentions={(ROOM, EVE): [5]},
        user_logs={user: [UserLogEntry(1, "room.joined", ROOM)] for user in (ADA, BOB, EVE)},
        user_heads={ADA: 1, BOB: 1, EVE: 1},
        replies={(ROOM, 4): {5: False, 7: False, 9: True}},
        last_replies={(ROOM, 4): 7},
        followers={
            (ROOM, 4, ADA): StoredFollower(9, True),
            (ROOM, 4, BOB): StoredFollower(7, False),
            (ROOM, 4, EVE): StoredFollower(4, True),
        },
    )


def make_history() -> History:
    messages = MessageReplica(ADA)
    shown: dict[str, Any] = {"reply_to": None, "at": ""}
    for stored_message in make_tables().messages[ROOM]:
        fields = {name: getattr(stored_message, name) for name in ("seq", "sender", "nonce")}
        messages.messages[stored_message.seq] = (
            shown | fields | {"text": stored_message.text} | stored_message.details
        )
    return History(
        sends=[
            Send(ROOM, ADA, "n4", "hi", 0.0, acked=4.0, seq=4),
            Send(ROOM, BOB, "n5", "hi", 0.0, thread=4, acked=5.0, seq=5),
            Send(ROOM, BOB, "n7", "hi", 0.0, thread=4, also_in_room=True, acked=7.0, seq=7),
            Send(ROOM, ADA, "n9", "hi", 0.0, thread=4, acked=9.0, seq=9),
            Send(ROOM, BOB, "n0", "hi", 11.0, thread=9, refused=11.5),
        ],
        changes=[
            Following(ROOM, BOB, 4, present=False, acked=8.0),
            ThreadMarker(ROOM, EVE, 4, 4, acked=6.5),
        ],
        fresh=[FreshRoom(ADA, ROOM, "", messages, [4, 7], {4: [7, 9, 5]})],
        followed=[
            FollowedThread(ADA, ROOM, 4, 9, 0, 0),
            FollowedThread(EVE, ROOM, 4, 4, 2, 1),
        ],
    )


def kinds(change: Break) -> set[str]:
    history, tables = make_history(), make_tables()
    change(history, tables)
    return {violation.kind for violation in check(history, tables)}


def stored(tables: Tables, seq: int) -> StoredMessage:
    return next(message for message in tables.messages[ROOM] if message.seq == seq)


def summarize(tables: Tables, **fields: object) -> None:
    stored(tables, 4).details["thread_summary"] = SUMMARY | fields


def put(things: Any, key: Any, value: Any) -> None:
    things[key] = value


BREAKS: dict[str, tuple[str, Break]] = {
    "a reply that is not in its thread": (
        "partial change",
        lambda e, t: t.replies[ROOM, 4].pop(5),
    ),
    "a message in a thread that is no reply": (
        "partial change",
        lambda e, t: put(t.replies[ROOM, 4], 4, False),
    ),
    "a deleted reply that its thread still counts": (
        "partial change",
        lambda e, t: put(t.replies[ROOM, 4], 9, False),
    ),
    "a last reply that was deleted": (
        "partial change",
        lambda e, t: put(t.last_replies, (ROOM, 4), 9),
    ),
    "a reply that is only in its thread, and in the timeline": (
        "partial change",
        lambda e, t: setattr(stored(t, 5), "in_timeline", True),
    ),
    "a root that counts a reply too many": ("wrong thread", lambda e, t: summarize(t, replies=3)),
    "a root with an old last reply": ("wrong thread", lambda e, t: summarize(t, last_seq=5)),
    "a root that names another user": ("wrong thread", lambda e, t: summarize(t, users=[ADA])),
    "a root that names a user twice": (
        "wrong thread",
        lambda e, t: summarize(t, users=[BOB, BOB]),
    ),
    "a root that counts nothing": (
        "wrong thread",
        lambda e, t: stored(t, 4).details.pop("thread_summary"),
    ),
    "a reply without the event of its root": (
        "wrong log",
        lambda e, t: put(t.logs[ROOM], 5, Entry(6, "room.changed", BOB, "")),
    ),
    "a deletion without the event of its root": (
        "wrong log",
        lambda e, t: put(t.logs[ROOM], 11, Entry(12, "room.changed", ADA, "")),
    ),
    "an acked reply in another thread": ("lost", lambda e, t: setattr(e.sends[1], "thread", 3)),
    "an acked reply that is not in the room": (
        "lost",
        lambda e, t: setattr(e.sends[1], "also_in_room", True),
    ),
    "a reply that was refused, and its root is there": (
        "false refusal",
        lambda e, t: setattr(e.sends[4], "thread", 4),
    ),
    "a reply that was refused, and is there": (
        "false refusal",
        lambda e, t: setattr(e.sends[4], "nonce", "n7"),
    ),
    "a follower who has said that they are none": (
        "lost",
        lambda e, t: put(t.followers, (ROOM, 4, BOB), StoredFollower(7, True)),
    ),
    "the sender of a root who does not follow": (
        "lost",
        lambda e, t: t.followers.pop((ROOM, 4, ADA)),
    ),
    "a member who was named and does not follow": (
        "lost",
        lambda e, t: put(t.followers, (ROOM, 4, EVE), StoredFollower(4, False)),
    ),
    "a marker before an own reply": (
        "lost",
        lambda e, t: put(t.followers, (ROOM, 4, BOB), StoredFollower(6, False)),
    ),
    "a marker that moved back": ("lost", lambda e, t: setattr(e.changes[1], "seq", 5)),
    "a page with a reply twice": (
        "wrong page",
        lambda e, t: put(e.fresh[0].threads, 4, [7, 9, 5, 5]),
    ),
    "a timeline with a reply that is only in its thread": (
        "wrong page",
        lambda e, t: e.fresh[0].timeline.append(5),
    ),
    "a wrong count in the list of threads": (
        "wrong list",
        lambda e, t: setattr(e.followed[1], "unread", 1),
    ),
    "a wrong count of mentions in the list of threads": (
        "wrong list",
        lambda e, t: setattr(e.followed[1], "mentions", 0),
    ),
    "a followed thread that is not listed": ("wrong list", lambda e, t: e.followed.pop()),
    "a thread that is listed and not followed": (
        "wrong list",
        lambda e, t: e.followed.append(FollowedThread(BOB, ROOM, 4, 7, 0, 0)),
    ),
}


@pytest.mark.parametrize("what", BREAKS)
def test_each_violation_is_detected(what: str) -> None:
    kind, change = BREAKS[what]
    assert kind in kinds(change)


def restore_without_replies(history: History, tables: Tables) -> None:
    """A backup from before the first reply, after whose restore nothing has happened."""
    history.restores.append(Restore(4.5, 20.0, make_tables(), Tables()))
    tables.logs[ROOM], tables.heads[ROOM] = LOG[:4], 4
    tables.messages[ROOM] = [StoredMessage(4, ADA, "n4", "hi")]
    tables.replies, tables.last_replies, tables.followers = {}, {}, {}
    history.fresh, history.followed = [], []


def refuse_an_earlier_reply(history: History, tables: Tables) -> None:
    """A restore has lost its root, and another message has the seq now."""
    history.sends[4].thread, history.sends[4].began = 4, 3.5


ALLOWED: dict[str, Break] = {
    "a correct history": lambda e, t: None,
    "a reply that was refused before there was such a root": refuse_an_earlier_reply,
    "a follower who may have said that they are none": lambda e, t: e.changes.append(
        Following(ROOM, EVE, 4, present=False)
    ),
    "a marker without an ack": lambda e, t: e.changes.append(ThreadMarker(ROOM, EVE, 4, 9)),
    "a restore that lost a thread": restore_without_replies,
}


@pytest.mark.parametrize("what", ALLOWED)
def test_what_may_happen_is_no_violation(what: str) -> None:
    assert kinds(ALLOWED[what]) == set()


def test_only_replies_in_the_room_are_unread_there_and_threads_count_for_their_followers() -> None:
    tables = make_tables()
    assert {user: tables.listed(ROOM, user).unread for user in (ADA, BOB, EVE)} == {
        ADA: 1,
        BOB: 0,
        EVE: 0,
    }
    assert [tables.listed(ROOM, user).unread_threads for user in (ADA, BOB, EVE)] == [0, 0, 1]
