"""The checker finds what it is for: each test breaks one thing of a story that is in order."""

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

Story = tuple[History, Tables]
Break = Callable[[History, Tables], object]


def story() -> Story:
    """Ada and Bob talk; Eve is let in at 5 and put out at 7."""
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
    history, tables = deepcopy(story())
    change(history, tables)
    return {violation.kind for violation in check(history, tables)}


def test_a_correct_history_has_no_violations() -> None:
    assert kinds(lambda history, tables: None) == set()


def swap(entries: list[Entry]) -> None:
    entries[5], entries[6] = entries[6], entries[5]


def put_on(subscription: Subscription, seq: int) -> None:
    subscription.received[seq] = 200.0


BREAKS: dict[str, tuple[str, Break]] = {
    "a message that was acked and is not there": (
        "lost",
        lambda e, t: e.sends.append(Send(ROOM, ADA, "n10", "hi", 0.0, acked=1.0, seq=10)),
    ),
    "a message that was acked at another place": (
        "lost",
        lambda e, t: setattr(e.sends[0], "seq", 5),
    ),
    "a message whose text is another": ("lost", lambda e, t: setattr(e.sends[0], "text", "ho")),
    "a message that nobody sent": ("invented", lambda e, t: e.sends.pop()),
    "a message that was never acked": (
        "never acked",
        lambda e, t: setattr(e.sends[0], "seq", None),
    ),
    "two rows of one nonce": ("doubled", lambda e, t: t.messages[ROOM].append((9, BOB, "n6"))),
    "two events of one nonce": (
        "doubled",
        lambda e, t: t.logs[ROOM].__setitem__(8, Entry(9, "message.created", BOB, "n6 hi")),
    ),
    "a hole in the log": ("not dense", lambda e, t: t.logs[ROOM].pop(7)),
    "a head beyond the log": ("not dense", lambda e, t: t.heads.update({ROOM: 10})),
    "a reader with a hole": ("lost", lambda e, t: e.replicas[0].taken.pop(5)),
    "a reader without the beginning": ("lost", lambda e, t: e.replicas[0].taken.pop(0)),
    "a reader without the end": ("lost", lambda e, t: e.replicas[0].taken.pop()),
    "a reader that took one twice": (
        "doubled",
        lambda e, t: e.replicas[0].taken.insert(5, e.replicas[0].taken[5]),
    ),
    "a reader that took two swapped": ("swapped", lambda e, t: swap(e.replicas[0].taken)),
    "a reader that took another text": (
        "differs",
        lambda e, t: e.replicas[0].taken.__setitem__(3, LOG[3]._replace(what="n4 ho")),
    ),
    "a member whose room is closed": (
        "not told",
        lambda e, t: setattr(e.replicas[0], "is_open", False),
    ),
    "one who went, and whose room is open": (
        "not told",
        lambda e, t: setattr(e.replicas[2], "is_open", True),
    ),
    "one who went, and has what came then": (
        "leaked",
        lambda e, t: e.replicas[2].taken.append(LOG[7]),
    ),
    "one who went, and got what came then": (
        "leaked",
        lambda e, t: put_on(e.replicas[2].subscriptions[0], 8),
    ),
    "one who opened before coming": (
        "leaked",
        lambda e, t: setattr(e.replicas[2].subscriptions[0], "at", 45.0),
    ),
    "one who opened after going": (
        "leaked",
        lambda e, t: e.replicas[2].subscriptions.append(Subscription(8, 85.0, 7)),
    ),
    "one who opened after going, with everything up to there": (
        "leaked",
        lambda e, t: e.replicas[2].subscriptions.append(Subscription(7, 85.0, 7)),
    ),
    "one who paged after going": ("leaked", lambda e, t: e.pages.append(Page(EVE, ROOM, 8, 85.0))),
    "one who spoke after going": (
        "not allowed",
        lambda e, t: t.logs[ROOM].__setitem__(8, Entry(9, "message.created", EVE, "n9 hi")),
    ),
    "a farewell to somebody who stays": (
        "false farewell",
        lambda e, t: setattr(e.replicas[0].subscriptions[0], "last_seq", 8),
    ),
    "a marker that went back": ("lost", lambda e, t: t.members.update({(ROOM, ADA): 8})),
    "a wrong count": ("miscounted", lambda e, t: setattr(e.badges[0], "unread", 2)),
    "a count of long ago": ("miscounted", lambda e, t: setattr(e.badges[0], "seq", 8)),
    "a false failure": (
        "false failure",
        lambda e, t: e.observed_violations.append(("false failure", "forbidden")),
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
    def return_(history: History, tables: Tables) -> None:
        back = Entry(10, "member.joined", ADA, EVE)
        tables.logs[ROOM].append(back)
        tables.times[ROOM][10] = 105.0
        tables.heads[ROOM] = 10
        tables.members[ROOM, EVE] = 10
        for one in history.replicas:
            one.taken = [*tables.logs[ROOM]]
            one.is_open = True
        history.replicas[2].subscriptions.append(
            Subscription(10, 110.0, 7, received={8: 111.0, 9: 111.0})
        )

    assert kinds(return_) == set()
