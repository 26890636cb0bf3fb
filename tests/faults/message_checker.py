"""Compares the changes of messages in a history with the tables. No I/O; every rule is one
function.

A change without an ack may be done or not, but never in part.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from testkit.message_replica import differences
from tests.faults.history import (
    Deletion,
    Edit,
    Following,
    FreshRoom,
    History,
    Reaction,
    RoomReplica,
)
from tests.faults.tables import Entry, StoredMessage, Tables, Violation

MAX_FINDINGS = 5  # of one kind, for one room on one device
MAX_REACTION_USERS = 5
# What the details of a deleted message may have: it keeps its place in threads.
TOMBSTONE_FIELDS = {"deletion", "thread", "also_in_room", "thread_summary"}
ReactionKey = tuple[str, int, str, str]  # room, seq, emoji, user


def check_messages(history: History, tables: Tables) -> Iterator[Violation]:
    epochs = history.epochs(tables)
    for each in epochs:
        yield from _whole(each)
        yield from _asked(history, each)
    yield from _texts(history, epochs)
    yield from _edits(history, epochs)
    yield from _conflicts(history)
    yield from _deletions(history, epochs)
    yield from _reactions(history, epochs)
    yield from _clients(history, tables)
    yield from _pages(history, tables)


def _whole(tables: Tables) -> Iterator[Violation]:
    """All rows of a change are there: the message, its version, reaction and mention rows, and the
    event."""
    for room, messages in tables.messages.items():
        changes = _Changes(tables.logs.get(room, []))
        for message in messages:
            for what in _parts(message, changes):
                yield Violation("partial change", f"{message.seq} of {room}: {what}")
        for seq in changes.deleted.keys() - {message.seq for message in messages}:
            yield Violation("partial change", f"{seq} of {room}: deleted, and no message")


class _Changes:
    """What the log of a room says of its messages."""

    def __init__(self, log: list[Entry]) -> None:
        self.edits = Counter(e.message for e in log if e.type == "message.edited")
        self.deleted = Counter(
            int(seq) for e in log if e.type == "messages.deleted" for seq in e.what.split()
        )
        self.reactions: dict[int, list[tuple[str, str]]] = defaultdict(list)  # emoji and user
        self.repeated: list[Entry] = []  # reactions that were there already, or not there
        for entry in log:
            if entry.message and entry.type in ("reaction.added", "reaction.removed"):
                self._react(entry, self.reactions[entry.message])

    def _react(self, entry: Entry, reactions: list[tuple[str, str]]) -> None:
        own, is_added = (entry.what, entry.actor), entry.type == "reaction.added"
        if (own in reactions) == is_added:
            self.repeated.append(entry)
        elif is_added:
            reactions.append(own)
        else:
            reactions.remove(own)


def _parts(message: StoredMessage, changes: _Changes) -> Iterator[str]:
    """What does not agree."""
    is_deleted = message.is_deleted
    if (changes.deleted[message.seq], "deletion" in message.details) != (is_deleted, is_deleted):
        yield f"deleted: {is_deleted}, {changes.deleted[message.seq]} events, {message.details}"
    if any(entry.message == message.seq for entry in changes.repeated):
        yield "a reaction is logged that changes nothing"
    if is_deleted:
        rows = message.versions, message.reactions, message.mentioned
        if message.text or any(rows) or message.details.keys() - TOMBSTONE_FIELDS:
            yield f"deleted, with {message.text!r:.60} {rows} {message.details}"
        return
    replaced = list(range(1, message.version))
    if sorted(message.versions) != replaced or changes.edits[message.seq] != len(replaced):
        edits = f"{changes.edits[message.seq]} edits"
        yield f"version {message.version}, {edits}, replaced {sorted(message.versions)}"
    if sorted(message.reactions) != sorted(changes.reactions[message.seq]):
        yield f"reactions {message.reactions}, logged {changes.reactions[message.seq]}"
    if sorted(message.mentioned) != sorted(message.details.get("mentions", [])):
        yield f"mentions {message.mentioned}, in the message {message.details.get('mentions')}"
    yield from _counts(message)


def _counts(message: StoredMessage) -> Iterator[str]:
    """A reaction is counted once per user and emoji."""
    shown: list[dict[str, Any]] = message.details.get("reactions", [])
    true = Counter(emoji for emoji, _ in message.reactions)
    if [each["emoji"] for each in shown if each["count"] == true[each["emoji"]]] != [
        each["emoji"] for each in shown
    ] or len(shown) != len(true):
        yield f"counts {shown} of {message.reactions}"
    for each in shown:
        users = {user for emoji, user in message.reactions if emoji == each["emoji"]}
        if not users.issuperset(each["users"]) or len(each["users"]) > MAX_REACTION_USERS:
            yield f"users {each} of {message.reactions}"


def _asked(history: History, tables: Tables) -> Iterator[Violation]:
    """Every version is that of an edit by the sender, and every event of an edit is by the
    sender."""
    edits = {
        (change.room, change.user, change.seq, change.version + 1, change.text)
        for change in history.changes
        if isinstance(change, Edit)
    }
    for room, messages in tables.messages.items():
        senders = {message.seq: message.sender for message in messages}
        for message in messages:
            numbers = (
                range(2, message.version + 1)
                if not message.is_deleted
                else (n for n in message.versions if n > 1)
            )
            for number in numbers:
                key = (room, message.sender, message.seq, number, message.text_of(number))
                if key not in edits:
                    yield Violation("never sent", f"version {number} of {message.seq} in {room}")
        for entry in tables.logs.get(room, ()):
            if entry.type == "message.edited" and senders.get(entry.message or 0) != entry.actor:
                yield Violation("not allowed", f"{entry} in {room} is not by the sender")


def _texts(history: History, epochs: list[Tables]) -> Iterator[Violation]:
    """The first version of an acked message has the text that was sent."""
    by_seq = [index_messages(each) for each in epochs]
    for send in history.sends:
        if send.seq is None:
            continue
        for number in history.epochs_with(send.acked or 0.0):
            message = by_seq[number].get((send.room, send.seq))
            if message and not message.is_deleted and message.text_of(1) != send.text:
                yield Violation(
                    "lost", f"text of {send.nonce} in {send.room}: {message.text_of(1)!r:.60}"
                )


def _edits(history: History, epochs: list[Tables]) -> Iterator[Violation]:
    """An acked edit is the text of its version, and the newest one if no other replaced it."""
    by_seq = [index_messages(each) for each in epochs]
    for change in history.changes:
        if not isinstance(change, Edit) or change.acked is None:
            continue
        for number in history.epochs_with(change.acked):
            message = by_seq[number].get((change.room, change.seq))
            if message and message.is_deleted:
                continue
            if message is None or message.text_of(change.version + 1) != change.text:
                yield Violation("lost", f"edit of {change.seq} in {change.room}: {change}")


def _conflicts(history: History) -> Iterator[Violation]:
    """Two edits of one version are never both acked in one epoch."""
    acked: dict[tuple[int, str, int, int], set[str]] = defaultdict(set)
    for change in history.changes:
        if isinstance(change, Edit) and change.acked is not None:
            number = next(history.epochs_with(change.acked))
            acked[number, change.room, change.seq, change.version].add(change.text)
    for key, texts in acked.items():
        if len(texts) > 1:
            yield Violation("duplicated", f"edits of one version were acked: {key} {texts}")


def _deletions(history: History, epochs: list[Tables]) -> Iterator[Violation]:
    by_seq = [index_messages(each) for each in epochs]
    for change in history.changes:
        if not isinstance(change, Deletion) or change.acked is None:
            continue
        for number in history.epochs_with(change.acked):
            for seq in change.seqs:
                message = by_seq[number].get((change.room, seq))
                if message is None or not message.is_deleted:
                    yield Violation("lost", f"deletion of {seq} in {change.room}, was acked")


def _reactions(history: History, epochs: list[Tables]) -> Iterator[Violation]:
    """The last acked reaction of a user, of those that a change without an ack cannot have
    reverted, is there or not, as it says."""
    changes: dict[ReactionKey, list[Reaction]] = defaultdict(list)
    for change in history.changes:
        if isinstance(change, Reaction):
            changes[change.room, change.seq, change.emoji, change.user].append(change)
    by_seq = [index_messages(each) for each in epochs]
    for (room, seq, emoji, user), own in changes.items():
        for number in range(len(epochs)):
            expected = expected_presence(history, own, number)
            message = by_seq[number].get((room, seq))
            if expected is None or (message and message.is_deleted):
                continue
            if message is None or ((emoji, user) in message.reactions) != expected:
                yield Violation("lost", f"{emoji} of {user} at {seq} in {room}: not {expected}")


def expected_presence(
    history: History, changes: Sequence[Reaction | Following], number: int
) -> bool | None:
    """Whether what these changes added or removed has to be in this epoch. None: it is not
    known."""
    certain = [
        change.acked is not None and number in history.epochs_with(change.acked)
        for change in changes
    ]
    last = changes[-1].present
    is_known = certain[-1] and all(
        change.present == last
        for change, is_certain in zip(changes, certain, strict=True)
        if not is_certain
    )
    return last if is_known else None


def _clients(history: History, tables: Tables) -> Iterator[Violation]:
    """The messages that a client made of events equal those that it reads anew."""
    fresh = {(each.user, each.room): each for each in history.fresh}
    for replica in history.replicas:
        truth = fresh.get((replica.user, replica.room))
        if truth and replica.is_open and not replica.dropped and replica.epoch == tables.epoch:
            yield from _compare(replica, truth)


def _compare(replica: RoomReplica, truth: FreshRoom) -> Iterator[Violation]:
    for line in differences(replica.messages, truth.messages)[:MAX_FINDINGS]:
        yield Violation("different message", f"{replica.user} in {replica.room}: {line}")


def _pages(history: History, tables: Tables) -> Iterator[Violation]:
    """Pages show what the tables have, and so does every event of a replay."""
    for fresh in history.fresh:
        if fresh.epoch != tables.epoch:
            continue
        name = f"{fresh.room}, read by {fresh.user}"
        stored = {message.seq: message for message in tables.messages.get(fresh.room, ())}
        shown = fresh.messages.messages
        if shown.keys() != stored.keys():
            yield Violation("wrong page", f"{name}: {sorted(shown.keys() ^ stored.keys())}")
        if sorted(fresh.timeline) != [m.seq for m in stored.values() if m.in_timeline]:
            yield Violation("wrong page", f"{name}: the timeline has {fresh.timeline}")
        for seq in shown.keys() & stored.keys():
            yield from _shown(name, shown[seq], stored[seq], fresh)
        for event in fresh.replay:
            message = event.get("message")
            if message and message != shown.get(message["seq"]):
                yield Violation("different event", f"{name}: replay of {event['seq']}")


def _shown(
    name: str, shown: dict[str, Any], stored: StoredMessage, fresh: FreshRoom
) -> Iterator[Violation]:
    details = {field: shown[field] for field in stored.details if field in shown}
    true = (stored.sender, stored.nonce, stored.text, stored.details)
    if (shown["sender"], shown["nonce"], shown["text"], details) != true:
        yield Violation("wrong page", f"{name}: {shown}, not {true}")
    own = {emoji for seq, emoji in fresh.messages.reacted if seq == stored.seq}
    rows = {emoji for emoji, user in stored.reactions if user == fresh.user}
    if own != rows:
        yield Violation("wrong page", f"{name}: reacted to {stored.seq} with {own}, not {rows}")


def index_messages(tables: Tables) -> dict[tuple[str, int], StoredMessage]:
    return {
        (room, message.seq): message
        for room, messages in tables.messages.items()
        for message in messages
    }
