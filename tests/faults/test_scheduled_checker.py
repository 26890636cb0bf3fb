"""Tests of the checker of scheduled messages: each changes one thing in a correct history."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.faults.checker import check
from tests.faults.history import History, Restore, Scheduled
from tests.faults.recordings import ADA, ROOM
from tests.faults.tables import (
    Entry,
    RoomDetails,
    StoredMessage,
    StoredScheduled,
    Tables,
    UserLogEntry,
)

Break = Callable[[History, Tables], object]
SENT, CANCELLED, LATE = "sent", "cancelled", "late"  # ids


def make_tables() -> Tables:
    """Two were sent at 12 and 13 s, 2 s after they were due."""
    log = [
        Entry(1, "member.joined", ADA, ADA),
        Entry(2, "message.created", ADA, f"scheduled:{SENT}", 2),
        Entry(3, "message.created", ADA, f"scheduled:{LATE}", 3),
    ]
    return Tables(
        heads={ROOM: 3},
        logs={ROOM: log},
        times={ROOM: {1: 1.0, 2: 12.0, 3: 13.0}},
        messages={ROOM: [StoredMessage(e.seq, ADA, e.what, f"text {e.seq}") for e in log[1:]]},
        members={(ROOM, ADA): 3},
        roles={(ROOM, ADA): "owner"},
        details={ROOM: RoomDetails("private", "A room", "", False, None)},
        user_logs={ADA: [UserLogEntry(1, "room.joined", ROOM)]},
        user_heads={ADA: 1},
        scheduled={
            SENT: StoredScheduled(ADA, ROOM, "n2", 10.0, "sent", 2),
            LATE: StoredScheduled(ADA, ROOM, "n3", 11.0, "sent", 3),
        },
    )


def make_history() -> History:
    return History(
        scheduled=[
            Scheduled(ROOM, ADA, "n2", "text 2", 10.0, SENT, acked=5.0),
            Scheduled(
                *(ROOM, ADA, "n3", "text 3", 11.0, LATE),
                acked=5.0,
                cancelling=True,
                too_late=13.5,
            ),
            Scheduled(
                *(ROOM, ADA, "n4", "text 4", 12.0, CANCELLED),
                acked=5.0,
                cancelling=True,
                cancelled=6.0,
            ),
        ]
    )


def kinds(change: Break) -> set[str]:
    history, tables = make_history(), make_tables()
    change(history, tables)
    return {violation.kind for violation in check(history, tables)}


def rewrite(tables: Tables, id_: str, **fields: Any) -> None:
    tables.scheduled[id_] = tables.scheduled[id_]._replace(**fields)


def lose(tables: Tables) -> None:
    """As if the last one was neither sent nor known."""
    tables.logs[ROOM].pop()
    tables.messages[ROOM].pop()
    tables.heads[ROOM] = 2
    del tables.scheduled[LATE]


def send_again(tables: Tables) -> None:
    tables.logs[ROOM].append(Entry(4, "message.created", ADA, f"scheduled:{SENT}", 4))
    tables.messages[ROOM].append(StoredMessage(4, ADA, f"scheduled:{SENT}", "text 2"))
    tables.times[ROOM][4] = 14.0
    tables.heads[ROOM] = 4


BREAKS: dict[str, tuple[str, Break]] = {
    "a message that was not sent": (
        "lost",
        lambda e, t: setattr(e.scheduled[0], "id", "another"),
    ),
    "a message that was sent twice": ("duplicated", lambda e, t: send_again(t)),
    "a message that is due later": (
        "too early",
        lambda e, t: setattr(e.scheduled[0], "due_at", 12.1),
    ),
    "a message whose row is due later": (
        "too early",
        lambda e, t: rewrite(t, SENT, due_at=12.1),
    ),
    "a message with another text": ("lost", lambda e, t: setattr(e.scheduled[0], "text", "?")),
    "a message without the mark": (
        "partial change",
        lambda e, t: rewrite(t, SENT, state="pending", message_seq=None),
    ),
    "a mark without the message": (
        "partial change",
        lambda e, t: rewrite(t, SENT, message_seq=9),
    ),
    "a message without its row": ("partial change", lambda e, t: t.scheduled.pop(SENT)),
    "two rows of one nonce": (
        "duplicated",
        lambda e, t: t.scheduled.update(
            another=StoredScheduled(ADA, ROOM, "n2", 10.0, "pending", None)
        ),
    ),
    "a message that was never scheduled": ("never sent", lambda e, t: e.scheduled.pop(0)),
    "a message that was refused": (
        "false refusal",
        lambda e, t: rewrite(t, SENT, state="failed"),
    ),
    "a cancelled message that was sent": (
        "not cancelled",
        lambda e, t: setattr(e.scheduled[0], "cancelled", 6.0),
    ),
    "a cancellation that was refused, and nothing was sent": ("lost", lambda e, t: lose(t)),
    "a message that was never acked": (
        "never acked",
        lambda e, t: setattr(e.scheduled[0], "acked", None),
    ),
}


@pytest.mark.parametrize("what", BREAKS)
def test_each_violation_is_detected(what: str) -> None:
    kind, change = BREAKS[what]
    assert kind in kinds(change)


def restore_an_earlier_backup(history: History, tables: Tables) -> None:
    """From before anything was scheduled: it does not come back."""
    history.restores.append(Restore(4.0, 20.0, make_tables(), Tables()))
    tables.logs[ROOM], tables.heads[ROOM] = tables.logs[ROOM][:1], 1
    tables.messages[ROOM], tables.scheduled = [], {}


def restore_the_cancelled(history: History, tables: Tables) -> None:
    """From before a cancellation: it is sent."""
    history.restores.append(Restore(5.5, 20.0, make_tables(), Tables()))
    tables.logs[ROOM].append(Entry(4, "message.created", ADA, f"scheduled:{CANCELLED}", 4))
    tables.messages[ROOM].append(StoredMessage(4, ADA, f"scheduled:{CANCELLED}", "text 4"))
    tables.times[ROOM][4] = 21.0
    tables.heads[ROOM] = 4
    tables.scheduled[CANCELLED] = StoredScheduled(ADA, ROOM, "n4", 12.0, "sent", 4)


ALLOWED: dict[str, Break] = {
    "a correct history": lambda e, t: None,
    "a cancellation without an answer that came too late": lambda e, t: setattr(
        e.scheduled[1], "too_late", None
    ),
    "a restore that lost everything": restore_an_earlier_backup,
    "a restore that lost a cancellation": restore_the_cancelled,
}


@pytest.mark.parametrize("what", ALLOWED)
def test_what_may_happen_is_no_violation(what: str) -> None:
    assert kinds(ALLOWED[what]) == set()
