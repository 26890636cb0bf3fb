"""Compares scheduled messages in a history with the tables. No I/O; every rule is one function."""

from collections.abc import Iterator

from tests.faults.history import History, Scheduled
from tests.faults.message_checker import index_messages
from tests.faults.tables import StoredMessage, Tables, Violation

ROUNDING_S = 1e-5  # of times as floating point numbers
NonceKey = tuple[str, str, str]  # room, user, nonce


def check_scheduled(history: History, tables: Tables) -> Iterator[Violation]:
    epochs = history.epochs(tables)
    known = {(each.room, each.user, each.nonce): each for each in history.scheduled}
    for each in epochs:
        yield from _rows(each, known)
        yield from _times(each, known)
    sent = [_sent(each) for each in epochs]
    for scheduled in history.scheduled:
        yield from _done(history, scheduled, tables, sent[-1])
        yield from _cancelled(history, scheduled, sent)


def scheduled_nonces(history: History, tables: Tables) -> set[NonceKey]:
    """Those under which scheduled messages may have been sent."""
    known = {(each.room, each.user, each.nonce) for each in history.scheduled}
    return {
        (row.room, row.user, _sent_nonce(id_))
        for id_, row in tables.scheduled.items()
        if (row.room, row.user, row.nonce) in known
    }


def _rows(tables: Tables, known: dict[NonceKey, Scheduled]) -> Iterator[Violation]:
    """Message and mark are one change, and one nonce has one row. Nothing is refused: the users
    are members."""
    messages, sent = index_messages(tables), _sent(tables)
    seen: set[NonceKey] = set()
    for id_, row in tables.scheduled.items():
        key = row.room, row.user, row.nonce
        if key in seen:
            yield Violation("duplicated", f"scheduled messages of {key}")
        seen.add(key)
        if key not in known:
            yield Violation("never sent", f"{id_} was never scheduled: {row}")
        if row.state == "failed":
            yield Violation("false refusal", f"scheduled message {id_}: {row}")
        message = sent.get((row.room, id_))
        if (message.seq if message else None) != row.message_seq:
            yield Violation("partial change", f"{id_} is {row}, its message {message}")
        if (row.state == "sent") != (message is not None):
            yield Violation("partial change", f"{id_} is {row.state}, its message {message}")
    for (room, id_), message in sent.items():
        if id_ not in tables.scheduled:
            yield Violation("partial change", f"{messages[room, message.seq]} of {room}: no row")


def _times(tables: Tables, known: dict[NonceKey, Scheduled]) -> Iterator[Violation]:
    """Nothing is sent before it is due, and what is sent has its text."""
    messages = index_messages(tables)
    for id_, row in tables.scheduled.items():
        message = messages.get((row.room, row.message_seq or 0))
        scheduled = known.get((row.room, row.user, row.nonce))
        if message is None or scheduled is None:
            continue
        at = tables.times[row.room][message.seq]
        early = max(row.due_at, scheduled.due_at) - at
        if early > ROUNDING_S:
            yield Violation("too early", f"scheduled message {id_}: by {early:.6f} s")
        if not message.is_deleted and message.text_of(1) != scheduled.text:
            yield Violation("lost", f"text of {id_}: {message.text_of(1)!r:.60}")


def _done(
    history: History,
    scheduled: Scheduled,
    tables: Tables,
    sent: dict[tuple[str, str], StoredMessage],
) -> Iterator[Violation]:
    """At the end everything is sent that had to survive and was not cancelled."""
    if scheduled.acked is None:
        yield Violation("never acked", f"{scheduled}")
    elif len(history.restores) in history.epochs_with(scheduled.acked):
        assert scheduled.id is not None
        row = tables.scheduled.get(scheduled.id)
        if not scheduled.cancelling and (scheduled.room, scheduled.id) not in sent:
            yield Violation("lost", f"was not sent: {scheduled}, {row}")


def _cancelled(
    history: History, scheduled: Scheduled, sent: list[dict[tuple[str, str], StoredMessage]]
) -> Iterator[Violation]:
    """What was cancelled is not sent; what was sent before, was so when the answer said it."""
    key = scheduled.room, scheduled.id or ""
    if scheduled.cancelled is not None:
        for number in history.epochs_with(scheduled.cancelled):
            if key in sent[number]:
                yield Violation("not cancelled", f"{scheduled}: {sent[number][key]}")
    if scheduled.too_late is not None:
        number = next(history.epochs_with(scheduled.too_late))
        if key not in sent[number]:
            yield Violation("lost", f"the answer was that it was sent: {scheduled}")


def _sent(tables: Tables) -> dict[tuple[str, str], StoredMessage]:
    """The messages that were scheduled, by room and id."""
    return {
        (room, message.nonce.removeprefix(_sent_nonce(""))): message
        for room, messages in tables.messages.items()
        for message in messages
        if message.nonce.startswith(_sent_nonce(""))
    }


def _sent_nonce(id_: str) -> str:
    return f"scheduled:{id_}"
