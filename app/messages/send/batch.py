"""Sends messages in one transaction: lock their rooms and read what the rules need; then write.

A refused send does not affect the others.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from app.core.clock import now
from app.core.send_request import SendRequest, SendResult, StoredMessage
from app.messages.mentions import mentioned_keys
from app.messages.send.rules import SendFacts, decide
from app.persistence.database import Database
from app.persistence.repositories.message_batch import BatchFacts, CountedMessage, LockedRoomState
from app.persistence.uow import BatchUnitOfWork
from app.wire.content import Content
from app.wire.domain import Role
from app.wire.errors import ChatError
from app.wire.events import Message, MessageCreated

# None: nothing was decided, because another transaction holds the room.
Outcome = SendResult | ChatError | None


async def send_batch(
    uow: BatchUnitOfWork, sends: Sequence[SendRequest], *, wait: bool
) -> list[Outcome]:
    """An outcome for each send, in order: the same as if each had been sent alone, in this order.

    With `wait` it waits for rooms that another transaction holds; without, it goes on without them.
    Everything is read after the rooms are locked, so a removal happens before or after these
    messages.
    """
    texts = {send.content.text for send in sends if "@" in send.content.text}
    mentioned = {text: mentioned_keys(text) for text in texts}
    names = set().union(*mentioned.values())
    facts = await uow.message_batch.lock_and_read(sends, names, wait=wait)
    batch = _Batch(facts)
    outcomes = [batch.apply(send) for send in sends]
    if batch.created:
        await uow.append_messages(batch.created, _mentions(facts, mentioned, batch.created))
    return outcomes


async def send_individually(database: Database, send: SendRequest) -> SendResult:
    """Send a batch of one. Only a member waits for the lock of a room. Raises ChatError."""
    (outcome,) = await database.transact_batch(send_batch, [send], wait=False)
    if outcome is None:
        (outcome,) = await database.transact_batch(send_batch, [send], wait=True)
    if isinstance(outcome, ChatError):
        raise outcome
    assert outcome is not None
    return outcome


def next_message(
    room_id: UUID,
    room: LockedRoomState,
    sender: UUID,
    nonce: str,
    content: Content,
    at: datetime,
) -> CountedMessage:
    """The event of a message at the room's next seq."""
    room.seq += 1
    room.message_count += 1
    message = Message(seq=room.seq, sender=sender, at=at, nonce=nonce, **content.content_fields())
    event = MessageCreated(room=room_id, seq=room.seq, actor=sender, at=at, message=message)
    return CountedMessage(event, room.message_count)


class _Batch:
    """What is known of the rooms, and what the sends so far have changed."""

    def __init__(self, facts: BatchFacts) -> None:
        self._rooms, self._preflight = facts.rooms, facts.preflight
        self._at = now()
        self.created: list[CountedMessage] = []

    def apply(self, send: SendRequest) -> Outcome:
        try:
            decision = decide(send, self._facts(send))
        except ChatError as refusal:
            return refusal
        if isinstance(decision, LockedRoomState):
            return SendResult(self._append(send, decision), duplicate=False)
        return decision

    def _facts(self, send: SendRequest) -> SendFacts:
        room, preflight = send.room, self._preflight
        return SendFacts(
            room=self._rooms.get(room),
            role=preflight.roles.get((room, send.actor.user), Role.MEMBER),
            kind=preflight.kinds.get(room),
            duplicate=preflight.duplicates.get(send.key),
            reply_exists=(room, send.content.reply_to) not in preflight.missing_replies,
        )

    def _append(self, send: SendRequest, room: LockedRoomState) -> Message:
        counted = next_message(send.room, room, send.actor.user, send.nonce, send.content, self._at)
        event = counted.event
        self.created.append(counted)
        self._preflight.duplicates[send.key] = StoredMessage(event.message)
        self._preflight.missing_replies.discard((send.room, event.seq))
        return event.message


def _mentions(
    facts: BatchFacts,
    mentioned: Mapping[str, Collection[str]],
    created: Sequence[CountedMessage],
) -> list[tuple[UUID, UUID, int]]:
    """(user, room, seq) of the members that the texts name, other than their senders; `mentioned`
    has the names by text."""
    return [
        (user, event.room, event.seq)
        for event, _ in created
        for user in _named_members(facts, event.room, mentioned.get(event.message.text, ()))
        if user != event.actor
    ]


def _named_members(facts: BatchFacts, room: UUID, names: Collection[str]) -> set[UUID]:
    return {facts.members[room, name] for name in names if (room, name) in facts.members}
