"""Correct histories, with their tables, for the tests of the checker."""

from tests.faults.history import (
    History,
    Marker,
    Page,
    Restore,
    RoomListing,
    RoomReplica,
    Send,
    Subscription,
)
from tests.faults.tables import Entry, RoomDetails, StoredMessage, Tables, UserLogEntry

ROOM, ADA, BOB, EVE = "room", "ada", "bob", "eve"
LOG = [
    Entry(1, "room.created", ADA, ""),
    Entry(2, "member.joined", ADA, ADA),
    Entry(3, "member.joined", ADA, BOB),
    Entry(4, "message.created", ADA, "n4", 4),
    Entry(5, "member.joined", ADA, EVE),
    Entry(6, "message.created", BOB, "n6", 6),
    Entry(7, "member.removed", ADA, EVE),
    Entry(8, "message.created", ADA, "n8", 8),
    Entry(9, "message.created", BOB, "n9", 9),
]
STEP_S = 10.0  # between two events; the first is at 10 s

Recording = tuple[History, Tables]

# A backup with the first six events is restored at 100 s. What was acked after 65 s may be lost.
BACKUP_S, RESTORED_S = 65.0, 100.0
KEPT = LOG[:6]
NEW_LOG = [
    *KEPT,
    Entry(7, "message.created", BOB, "m7", 7),
    Entry(8, "member.removed", ADA, EVE),
    Entry(9, "message.created", ADA, "m9", 9),
]
OLD, NEW = "old", "new"


def correct_recording() -> Recording:
    """Ada and Bob send messages; Eve is added at seq 5 and removed at seq 7."""
    tables = tables_with(LOG, {entry.seq: STEP_S * entry.seq for entry in LOG})
    history = History(
        sends=sends(LOG, dict.fromkeys(range(10), 1.0)),
        replicas=[replica(ADA, 9, is_open=True), replica(BOB, 9, is_open=True), replica(EVE, 7)],
        pages=[Page(BOB, ROOM, 6, 65.0)],
        listings=lists_of(tables),
        markers=[Marker(ADA, ROOM, 9, 95.0)],
    )
    history.replicas[2].subscriptions = [
        Subscription(5, 55.0, 0, last_seq=7, received=dict.fromkeys((5, 6, 7), 75.0))
    ]
    return history, tables


def tables_with(log: list[Entry], times: dict[int, float], epoch: str = "") -> Tables:
    messages = [e for e in log if e.type == "message.created"]
    return Tables(
        heads={ROOM: len(log)},
        logs={ROOM: list(log)},
        times={ROOM: times},
        messages={ROOM: [StoredMessage(e.seq, e.actor, e.what, "hi") for e in messages]},
        members={(ROOM, ADA): 9, (ROOM, BOB): 6},
        roles={(ROOM, ADA): "owner", (ROOM, BOB): "member"},
        details={ROOM: RoomDetails("private", "A room", "", False, None)},
        mentions={(ROOM, BOB): [8]},
        user_logs={
            ADA: [UserLogEntry(1, "room.joined", ROOM), UserLogEntry(2, "room.read", ROOM)],
            BOB: [UserLogEntry(1, "room.joined", ROOM)],
            EVE: [UserLogEntry(1, "room.joined", ROOM), UserLogEntry(2, "room.removed", ROOM)],
        },
        user_heads={ADA: 2, BOB: 1, EVE: 2},
        epoch=epoch,
    )


def sends(log: list[Entry], acked: dict[int, float]) -> list[Send]:
    """One for each message of the log, acked at these times by seq."""
    return [
        Send(ROOM, e.actor, e.what, "hi", 0.0, acked=acked[e.seq], seq=e.seq, attempts=1)
        for e in log
        if e.type == "message.created" and e.seq in acked
    ]


def lists_of(tables: Tables) -> list[RoomListing]:
    return [RoomListing(user, "here", {ROOM: tables.listed(ROOM, user)}) for user in (ADA, BOB)]


def replica(user: str, last: int, *, is_open: bool = False) -> RoomReplica:
    subscription = Subscription(3, 35.0, 0, received={entry.seq: 100.0 for entry in LOG[:last]})
    return RoomReplica(user, ROOM, 0, LOG[:last], [subscription], is_open)


def restored_recording() -> Recording:
    """Everybody had events of the lost epoch, and dropped them."""
    lost = tables_with(LOG, {entry.seq: STEP_S * entry.seq for entry in LOG}, OLD)
    kept = tables_with(KEPT, {}, OLD)
    times = {entry.seq: STEP_S * entry.seq for entry in KEPT} | {7: 110.0, 8: 120.0, 9: 130.0}
    tables = tables_with(NEW_LOG, times, NEW)
    history, _ = correct_recording()
    for each in history.replicas:
        each.epoch, each.dropped, each.is_open = OLD, True, False
        each.subscriptions[0].epoch = OLD
    history.pages[0].epoch = OLD
    for user, last in ((ADA, 9), (BOB, 9), (EVE, 8)):
        received = dict.fromkeys(range(7, last + 1), 140.0)
        subscription = Subscription(6, 105.0, 6, received=received, epoch=NEW)
        subscription.last_seq = 8 if user == EVE else None
        history.replicas.append(
            RoomReplica(user, ROOM, 0, NEW_LOG[:last], [subscription], user != EVE, NEW)
        )
    history.sends = [
        *sends(LOG, {4: 45.0, 6: 64.0, 8: 85.0, 9: 95.0}),
        *sends(NEW_LOG, {7: 111.0, 9: 131.0}),
    ]
    history.markers.append(Marker(BOB, ROOM, 6, 64.0))
    history.listings = lists_of(tables)
    history.restores = [Restore(BACKUP_S, RESTORED_S, lost, kept)]
    return history, tables
