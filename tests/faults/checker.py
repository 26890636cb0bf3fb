"""Compares the history of the clients with the tables. No I/O; every rule is one function.

It knows of no fault but restores of backups: each begins an epoch, whose logs are others. All other
guarantees hold under all faults, within each epoch.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict

from tests.faults.history import History, Page, RoomReplica, Subscription
from tests.faults.message_checker import MAX_FINDINGS, check_messages
from tests.faults.scheduled_checker import check_scheduled, scheduled_nonces
from tests.faults.tables import Entry, MembershipInterval, Tables, Violation
from tests.faults.thread_checker import check_threads

NOT_ALWAYS_KNOWN = ("mentions", "unread_threads")  # fields of a listed room


def check(history: History, tables: Tables) -> list[Violation]:
    """All violations of the guarantees in docs/protocol.md."""
    return [
        *_observed(history),
        *_logs(history, tables),
        *_epochs(history, tables),
        *_kept(history, tables),
        *_acks(history, tables),
        *_readers(history, tables),
        *_subscriptions(history, tables),
        *_pages(history, tables),
        *_markers(history, tables),
        *_listings(history, tables),
        *check_messages(history, tables),
        *check_threads(history, tables),
        *check_scheduled(history, tables),
    ]


def _observed(history: History) -> Iterator[Violation]:
    for kind, text in history.observed_violations:
        yield Violation(kind, text)


def _logs(history: History, tables: Tables) -> Iterator[Violation]:
    for each in history.epochs(tables):
        yield from _dense(each)
        yield from _nonces(history, each)
        yield from _senders(each)
        yield from _user_logs(each)


def _epochs(history: History, tables: Tables) -> Iterator[Violation]:
    """Every epoch that the servers named is one that the database had."""
    subscriptions = [each for replica in history.replicas for each in replica.subscriptions]
    labelled: list[RoomReplica | Subscription | Page] = [
        *history.replicas,
        *subscriptions,
        *history.pages,
    ]
    named = {each.epoch for each in labelled}
    for epoch in sorted(named - {each.epoch for each in history.epochs(tables)}):
        yield Violation("wrong epoch", f"the database never had the epoch {epoch}")


def _kept(history: History, tables: Tables) -> Iterator[Violation]:
    """What a backup contains is the beginning of the logs before and after it was restored."""
    epochs = history.epochs(tables)
    for number, restore in enumerate(history.restores):
        for room, log in restore.kept.logs.items():
            if epochs[number].logs.get(room, [])[: len(log)] != log:
                yield Violation("wrong backup", f"of {room}: not the beginning of its log")
            if epochs[number + 1].logs.get(room, [])[: len(log)] != log:
                yield Violation("lost", f"restored events of {room}, restore {number + 1}")


def _dense(tables: Tables) -> Iterator[Violation]:
    """The log of a room is 1, 2, … up to its head."""
    for room, head in tables.heads.items():
        found = [entry.seq for entry in tables.logs.get(room, ())]
        if found != list(range(1, head + 1)):
            yield Violation("gap in the log", f"room {room}: head {head}, log {_runs(found)}")


def _nonces(history: History, tables: Tables) -> Iterator[Violation]:
    """There is one message and one event per room, sender and nonce, and each was sent."""
    for room, messages in tables.messages.items():
        counts = Counter((message.sender, message.nonce) for message in messages)
        for (sender, nonce), count in counts.items():
            if count > 1:
                yield Violation("duplicated", f"{count} rows of {nonce} by {sender} in {room}")
        logged = Counter(e.what for e in _messages(tables, room))
        for nonce, count in logged.items():
            if count > 1:
                yield Violation("duplicated", f"{count} events of {nonce} in {room}")
    known = {(send.room, send.user, send.nonce) for send in history.sends}
    known |= scheduled_nonces(history, tables)
    for room, messages in tables.messages.items():
        for message in messages:
            if (room, message.sender, message.nonce) not in known:
                name = f"{message.nonce} at {message.seq} in {room}"
                yield Violation("never sent", f"{name} was never sent")


def _acks(history: History, tables: Tables) -> Iterator[Violation]:
    """Every acked message is in the log at the seq of its ack, and every message was acked. A
    restore may lose what was acked after its backup began."""
    epochs = [
        {room: {e.seq: e for e in log} for room, log in each.logs.items()}
        for each in history.epochs(tables)
    ]
    for send in history.sends:
        name = f"{send.nonce} by {send.user} in {send.room}"
        if send.seq is None:
            if send.is_member and send.refused is None:
                yield Violation(
                    "never acked", f"{name} after {send.attempts} attempts since {send.began:.1f}"
                )
            continue
        wanted = Entry(send.seq, "message.created", send.user, send.nonce, send.seq)
        for number in history.epochs_with(send.acked or 0.0):
            entry = epochs[number].get(send.room, {}).get(send.seq)
            if entry != wanted:
                where = f"after restore {number}" if number else "there"
                text = f"{name} was acked at {send.seq}; {where} is {_short(entry)}"
                yield Violation("lost", text)


def _senders(tables: Tables) -> Iterator[Violation]:
    """Every message was sent, and every one changed, during a membership of who did it."""
    for room in tables.logs:
        membership_intervals = {
            actor: tables.membership_intervals(room, actor)
            for actor in {e.actor for e in tables.logs[room]}
        }
        for entry in tables.logs[room]:
            is_change = entry.message is not None or entry.type == "messages.deleted"
            if is_change and not any(
                _covers(interval, entry.seq) for interval in membership_intervals[entry.actor]
            ):
                yield Violation(
                    "not allowed", f"{entry.actor} is not a member at {entry.seq}: {room}"
                )


def _readers(history: History, tables: Tables) -> Iterator[Violation]:
    """The state of a device equals the log from its first position; for members up to the head.
    What was dropped equals the log of its epoch, as far as it goes."""
    for replica in history.replicas:
        own = history.tables_of(replica.epoch, tables)
        name = f"reader {replica.user} in {replica.room}"
        yield from _events(name, replica, own)
        if not replica.dropped:
            yield from _state(name, replica, tables)
            if own is not tables:
                yield Violation("not reset", f"{name}: has {replica.position} of a lost epoch")


def _events(name: str, replica: RoomReplica, tables: Tables) -> Iterator[Violation]:
    """What a device has is a part of the log, in order, and of a membership."""
    log = tables.logs.get(replica.room, [])
    taken = [entry.seq for entry in replica.taken]
    expected = list(range(replica.start + 1, replica.start + 1 + len(taken)))
    if taken != expected:
        yield from _disorder(name, taken)
    by_seq = {entry.seq: entry for entry in log}
    wrong = [e for e in replica.taken if by_seq.get(e.seq) != e]
    for entry in wrong[:MAX_FINDINGS]:
        yield Violation(
            "different event", f"{name}: {_short(entry)}, not {_short(by_seq.get(entry.seq))}"
        )
    membership_intervals = tables.membership_intervals(replica.room, replica.user)
    if (replica.room, replica.user) in tables.members:
        last = tables.heads.get(replica.room, 0)
    else:
        last = max((interval.gone or 0 for interval in membership_intervals), default=0)
    if replica.position > last:
        yield Violation("leaked", f"{name}: has {replica.position}, may have {last}")


def _state(name: str, replica: RoomReplica, tables: Tables) -> Iterator[Violation]:
    """At the end the rooms of a member are open and complete, and no others are."""
    is_member = (replica.room, replica.user) in tables.members
    head = tables.heads.get(replica.room, 0)
    if is_member and not replica.is_open:
        yield Violation("not notified", f"{name}: a member, and the room is not open")
    elif is_member and replica.position < head:
        yield Violation("lost", f"{name}: ends at {replica.position} of {head}")
    elif not is_member and replica.is_open:
        yield Violation("not notified", f"{name}: not a member, and the room is still open")


def _disorder(name: str, taken: list[int]) -> Iterator[Violation]:
    """Names the events that are missing, duplicated or reordered."""
    counts = Counter(taken)
    if doubled := [seq for seq, count in counts.items() if count > 1]:
        yield Violation("duplicated", f"{name}: applied twice {_runs(sorted(doubled))}")
    if taken and (missing := sorted(set(range(min(taken), max(taken) + 1)) - set(taken))):
        yield Violation("lost", f"{name}: a gap at {_runs(missing)}")
    if not doubled and taken != sorted(taken):
        yield Violation("reordered", f"{name}: {_runs(taken)}")
    if taken == sorted(set(taken)) and not missing:
        yield Violation("lost", f"{name}: began with {taken[0]}")


def _subscriptions(history: History, tables: Tables) -> Iterator[Violation]:
    """Sockets receive events of a room during a membership only, up to its last event."""
    for replica in history.replicas:
        for subscription in replica.subscriptions:
            own = history.tables_of(subscription.epoch, tables)
            membership_intervals = own.membership_intervals(replica.room, replica.user)
            yield from _check_subscription(replica, subscription, membership_intervals)


def _check_subscription(
    replica: RoomReplica, subscription: Subscription, membership_intervals: list[MembershipInterval]
) -> Iterator[Violation]:
    name = f"reader {replica.user} in {replica.room}, opened at {subscription.head}"
    # The server reads the room before the membership: a membership that began in between counts.
    # A user who was removed while disconnected may read from an earlier position up to the removal.
    interval = next(
        (
            s
            for s in membership_intervals
            if s.gone is None
            or s.gone > subscription.head
            or (s.gone == subscription.head and subscription.since < s.gone)
        ),
        None,
    )
    if interval is None or interval.at > subscription.at:
        yield Violation("leaked", f"{name}: was not a member then; {membership_intervals}")
    elif interval.gone is not None:
        after = [seq for seq in subscription.received if seq > interval.gone]
        if after:
            yield Violation("leaked", f"{name}: removed at {interval.gone}, got {_runs(after)}")
    if subscription.last_seq is not None and subscription.last_seq not in (
        s.gone for s in membership_intervals
    ):
        yield Violation(
            "false removal",
            f"{name}: room.closed at {subscription.last_seq}; {membership_intervals}",
        )


def _pages(history: History, tables: Tables) -> Iterator[Violation]:
    for page in history.pages:
        own = history.tables_of(page.epoch, tables)
        membership_intervals = own.membership_intervals(page.room, page.user)
        if not any(
            interval.at <= page.at and (interval.gone is None or interval.gone >= page.last)
            for interval in membership_intervals
        ):
            yield Violation(
                "leaked",
                f"{page.user} read up to {page.last} of {page.room}; {membership_intervals}",
            )


def _markers(history: History, tables: Tables) -> Iterator[Violation]:
    """An acked read marker never moves back during a membership, except by a restore of a backup
    that began before the ack."""
    epochs = history.epochs(tables)
    for marker in history.markers:
        for each in (epochs[number] for number in history.epochs_with(marker.at)):
            membership_intervals = each.membership_intervals(marker.room, marker.user)
            kept = each.members.get((marker.room, marker.user))
            if len(membership_intervals) == 1 and kept is not None and kept < marker.seq:
                name = f"marker of {marker.user} in {marker.room}"
                yield Violation("lost", f"{name}: acked at {marker.seq}, is {kept}")


def _listings(history: History, tables: Tables) -> Iterator[Violation]:
    """Everybody's list of rooms equals the tables, in every field that is known there."""
    for listing in history.listings:
        name = f"list of {listing.user} {listing.where}"
        members = {room for room, user in tables.members if user == listing.user}
        for room in sorted(members ^ listing.rooms.keys()):
            verb = "lacks" if room in members else "still has"
            yield Violation("wrong list", f"{name}: {verb} room {room}")
        for room in sorted(members & listing.rooms.keys()):
            shown, true = asdict(listing.rooms[room]), asdict(tables.listed(room, listing.user))
            for key in [key for key in NOT_ALWAYS_KNOWN if shown[key] is None]:
                del shown[key]
            wrong = {key: (shown[key], true[key]) for key in shown if shown[key] != true[key]}
            if wrong:
                yield Violation("wrong list", f"{name}: (shown, true) of {room}: {wrong}")


# What a user's log says of an event in the log of a room.
_IN_USER_LOG = {
    "member.joined": "room.joined",
    "member.left": "room.left",
    "member.removed": "room.removed",
}


def _user_logs(tables: Tables) -> Iterator[Violation]:
    """The log of a user is 1, 2, … up to its head, and has all of the user's comings and
    goings."""
    for user in tables.user_heads.keys() | tables.user_logs.keys():
        head = tables.user_heads.get(user, 0)
        log = tables.user_logs.get(user, [])
        seqs = [entry.seq for entry in log]
        if seqs != list(range(1, head + 1)):
            yield Violation("gap in the log", f"of user {user}: head {head}, log {_runs(seqs)}")
    shown = Counter(
        (user, entry.type, entry.room)
        for user, log in tables.user_logs.items()
        for entry in log
        if entry.type in _IN_USER_LOG.values()
    )
    true = Counter(
        (entry.what, _IN_USER_LOG[entry.type], room)
        for room, log in tables.logs.items()
        for entry in log
        if entry.type in _IN_USER_LOG
    )
    for what in sorted((shown - true) + (true - shown)):
        yield Violation("wrong log", f"of user: {what} {shown[what]} times, not {true[what]}")


def _messages(tables: Tables, room: str) -> list[Entry]:
    return [entry for entry in tables.logs.get(room, ()) if entry.type == "message.created"]


def _covers(interval: MembershipInterval, seq: int) -> bool:
    return interval.joined < seq and (interval.gone is None or seq < interval.gone)


def _short(entry: Entry | None) -> str:
    return "nothing" if entry is None else f"{entry.seq} {entry.type} {entry.what[:60]}"


def _runs(numbers: list[int]) -> str:
    """A short form of a list of numbers, such as 1-4 7 9-10."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    shown = [f"{a}-{b}" if b > a else str(a) for a, b in runs[:12]]
    return " ".join(shown) + (" …" if len(runs) > 12 else "")
