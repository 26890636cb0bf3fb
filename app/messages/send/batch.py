"""Commits commands about messages in one transaction: lock their rooms and read what the rules
need; then write.

A refused command does not affect the others.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from app.core.clock import now
from app.core.message_commands import (
    ChangeResult,
    CommandResult,
    EditRequest,
    MessageChange,
    MessageCommand,
    ReactionRequest,
)
from app.core.send_request import SendRequest, SendResult, StoredMessage
from app.messages.mentions import mentioned_keys
from app.messages.send.change_batch import ChangeBatch
from app.messages.send.change_rules import MessageLimits
from app.messages.send.rules import SendFacts, decide
from app.persistence.database import Database
from app.persistence.repositories.event_columns import MessageTotals
from app.persistence.repositories.message_batch import BatchFacts, CountedEvent, LockedRoomState
from app.persistence.repositories.message_changes import MentionKey, MessageChanges
from app.persistence.uow import BatchUnitOfWork
from app.wire.content import Content
from app.wire.domain import Role
from app.wire.errors import ChatError
from app.wire.events import Message, MessageCreated

# None: nothing was decided, because another transaction holds the room.
Outcome = CommandResult | ChatError | None


async def commit_batch(
    uow: BatchUnitOfWork,
    commands: Sequence[MessageCommand],
    limits: MessageLimits,
    *,
    wait: bool,
) -> list[Outcome]:
    """An outcome for each command, in order: the same as if each had been committed alone, in this
    order.

    With `wait` it waits for rooms that another transaction holds; without, it goes on without them.
    Everything is read after the rooms are locked, so a removal happens before or after these
    commands.
    """
    mentioned = {text: mentioned_keys(text) for text in map(_new_text, commands) if "@" in text}
    facts = await uow.message_batch.lock_and_read(
        [command for command in commands if isinstance(command, SendRequest)],
        [command for command in commands if not isinstance(command, SendRequest)],
        set().union(*mentioned.values()),
        wait=wait,
    )
    batch = _Batch(facts, limits, mentioned)
    outcomes = [batch.apply(command) for command in commands]
    if batch.counted:
        await uow.append_messages(batch.counted, batch.mentions, batch.changes)
    return outcomes


async def commit_individually(
    database: Database, limits: MessageLimits, command: MessageCommand
) -> CommandResult:
    """Commit a batch of one. Only a member waits for the lock of a room. Raises ChatError."""
    (outcome,) = await database.transact_batch(commit_batch, [command], limits, wait=False)
    if outcome is None:
        (outcome,) = await database.transact_batch(commit_batch, [command], limits, wait=True)
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
    mentions: Collection[UUID] = (),
) -> CountedEvent:
    """The event of a message at the room's next seq."""
    room.seq += 1
    room.message_count += 1
    room.last_message_seq = room.seq
    fields = content.content_fields()
    if mentions:
        fields["mentions"] = sorted(mentions)
    message = Message(seq=room.seq, sender=sender, at=at, nonce=nonce, **fields)
    event = MessageCreated(room=room_id, seq=room.seq, actor=sender, at=at, message=message)
    return CountedEvent(event, MessageTotals(room.message_count, room.seq))


class _Batch:
    """What is known of the rooms, and what the commands so far have changed."""

    def __init__(
        self, facts: BatchFacts, limits: MessageLimits, mentioned: Mapping[str, Collection[str]]
    ) -> None:
        self._rooms, self._preflight, self._members, targets = facts
        self._mentioned = mentioned
        self._at = now()
        self._sent_mentions: list[MentionKey] = []
        self._change_batch = ChangeBatch(targets, limits, self._at, self._find_members)
        self.counted: list[CountedEvent] = []

    @property
    def changes(self) -> MessageChanges:
        return self._change_batch.changes

    @property
    def mentions(self) -> list[MentionKey]:
        return self._sent_mentions + self._change_batch.mentions

    def apply(self, command: MessageCommand) -> Outcome:
        try:
            if isinstance(command, SendRequest):
                return self._send(command)
            return self._change(command)
        except ChatError as refusal:
            return refusal

    def _send(self, send: SendRequest) -> SendResult | None:
        decision = decide(send, self._facts(send))
        if isinstance(decision, LockedRoomState):
            return SendResult(self._append(send, decision), duplicate=False)
        return decision

    def _change(self, change: MessageChange) -> ChangeResult | None:
        applied = self._change_batch.apply(change, self._rooms.get(change.room))
        if applied is None:
            return None
        result, counted = applied
        if counted:
            self.counted.append(counted)
        return result

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
        room_id, sender, content = send.room, send.actor.user, send.content
        users = self._find_members(room_id, content.text) - {sender}
        counted = next_message(room_id, room, sender, send.nonce, content, self._at, users)
        message = counted.event.message
        self.counted.append(counted)
        self._sent_mentions += [(user, room_id, message.seq) for user in users]
        self._preflight.duplicates[send.key] = StoredMessage(message)
        self._preflight.missing_replies.discard((room_id, message.seq))
        self._change_batch.created[room_id, message.seq] = message
        return message

    def _find_members(self, room: UUID, text: str) -> set[UUID]:
        """Those whose names are in the text."""
        names = self._mentioned.get(text, ())
        return {self._members[room, name] for name in names if (room, name) in self._members}


def _new_text(command: MessageCommand) -> str:
    match command:
        case SendRequest():
            return command.content.text
        case EditRequest():
            return command.text
        case ReactionRequest():
            return ""
