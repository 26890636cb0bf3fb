"""Commits commands about messages in one transaction: lock their rooms and read what the rules
need; then write.

A refused command does not affect the others.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from app.core.clock import now
from app.core.mentions import Mentions, parse_mentions
from app.core.message_commands import (
    ChangeResult,
    CommandResult,
    EditRequest,
    MessageChange,
    MessageCommand,
    ReactionRequest,
)
from app.core.send_request import (
    SendRequest,
    SendResult,
    StoredMessage,
    fingerprint,
    sent_texts,
)
from app.core.text_filter import BatchOutOfTime, FilterBudget
from app.messages.send.change_batch import ChangeBatch
from app.messages.send.change_rules import MessageLimits
from app.messages.send.filtering import check_texts, filter_report
from app.messages.send.mentions import BatchMentions
from app.messages.send.message_fields import message_fields
from app.messages.send.rules import SendFacts, decide
from app.messages.send.standing import member_standing
from app.messages.send.thread_batch import ThreadBatch
from app.persistence.database import Database
from app.persistence.repositories.batch_writes import (
    CountedEvent,
)
from app.persistence.repositories.event_columns import MessageTotals
from app.persistence.repositories.message_batch import (
    BatchFacts,
    LockedRoomState,
)
from app.persistence.repositories.message_changes import MessageChanges
from app.persistence.repositories.reports import FilterReport
from app.persistence.repositories.slow_mode import SenderKey
from app.persistence.repositories.thread_batch import ThreadChanges
from app.persistence.uow import BatchUnitOfWork
from app.rooms.standing import Standing
from app.wire.content import Content
from app.wire.errors import ChatError
from app.wire.events import Message, MessageCreated

# None: nothing was decided, because another transaction holds the room, or because the filters have
# taken the time that they have in a batch.
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
    mentioned = {text: parse_mentions(text) for text in map(_new_text, commands) if "@" in text}
    facts = await uow.message_batch.lock_and_read(
        [command for command in commands if isinstance(command, SendRequest)],
        [command for command in commands if not isinstance(command, SendRequest)],
        {name for mentions in mentioned.values() for name in mentions.names},
        wait=wait,
    )
    batch = _Batch(facts, limits, mentioned)
    outcomes = [batch.apply(command) for command in commands]
    if batch.counted:
        mentions = batch.mentions
        await uow.append_messages(
            batch.counted, mentions.users, mentions.many, batch.changes, batch.threads
        )
    if batch.reports:
        await uow.message_batch.add_reports(batch.reports)
    if batch.slow_senders:
        await uow.message_batch.note_sends(batch.slow_senders)
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
    **fields: Any,
) -> CountedEvent:
    """The event of a message at the room's next seq; `fields` are those that are no content."""
    room.seq += 1
    if content.in_timeline:
        room.message_count += 1
        room.last_message_seq = room.seq
    fields |= message_fields(content, at)
    message = Message(seq=room.seq, sender=sender, at=at, nonce=nonce, **fields)
    event = MessageCreated(room=room_id, seq=room.seq, actor=sender, at=at, message=message)
    totals = MessageTotals(room.message_count, room.last_message_seq)
    return CountedEvent(event, totals, fingerprint(content))


class _Batch:
    """What is known of the rooms, and what the commands so far have changed."""

    def __init__(
        self, facts: BatchFacts, limits: MessageLimits, mentioned: Mapping[str, Mentions]
    ) -> None:
        self._rooms, self._preflight = dict(facts.rooms), facts.preflight
        self._at = now()
        self.mentions = BatchMentions(facts, mentioned)
        self.reports: list[FilterReport] = []
        self._budget = FilterBudget()
        self._change_batch = ChangeBatch(
            facts.targets, limits, self._at, self.mentions, self.reports, self._budget
        )
        self._thread_batch = ThreadBatch(facts.roots, self.changes)
        self.counted: list[CountedEvent] = []
        self._last_sends = dict(facts.last_sends)
        self.slow_senders: set[SenderKey] = set()

    @property
    def threads(self) -> ThreadChanges:
        return self._thread_batch.changes

    @property
    def changes(self) -> MessageChanges:
        return self._change_batch.changes

    def apply(self, command: MessageCommand) -> Outcome:
        try:
            if isinstance(command, SendRequest):
                return self._send(command)
            return self._change(command)
        except ChatError as refusal:
            return refusal
        except BatchOutOfTime:
            del self._rooms[command.room]  # so that nothing of this room overtakes it
            return None

    def _send(self, send: SendRequest) -> SendResult | None:
        facts = self._facts(send)
        decision = decide(send, facts)
        if isinstance(decision, LockedRoomState) and facts.standing:
            texts = sent_texts(send.content)
            rule = check_texts(decision.filters, facts.standing, texts, self._budget)
            message = self._append(send, decision, facts.standing)
            if rule:
                self.reports.append(filter_report(send.room, message, rule, self._at))
            return SendResult(message, duplicate=False)
        assert not isinstance(decision, LockedRoomState)
        return decision

    def _change(self, change: MessageChange) -> ChangeResult | None:
        applied = self._change_batch.apply(change, self._rooms.get(change.room))
        if applied is None:
            return None
        result, counted = applied
        if counted:
            self.counted.append(counted)
            if isinstance(change, EditRequest) and result.message.thread is not None:
                self._thread_batch.follow_mentions(change.room, result.message)
        return result

    def _facts(self, send: SendRequest) -> SendFacts:
        room, content, preflight = send.room, send.content, self._preflight
        key, state = (room, send.actor.user), self._rooms.get(room)
        role, timed_out_until, hidden_up_to, kind = preflight.sender(key)
        reply_to, thread = content.reply_to, content.thread
        return SendFacts(
            room=state,
            standing=member_standing(send.actor, state, role, timed_out_until, self._at),
            is_member=role is not None,
            kind=kind,
            duplicate=self._find_duplicate(send),
            reply_exists=reply_to is None
            or ((room, reply_to) not in preflight.missing_replies and reply_to > hidden_up_to),
            root=None if thread is None else self._thread_batch.find(room, thread),
            waited_s=self._last_sends.get(key) if self._last_sends else None,
            at=self._at,
        )

    def _find_duplicate(self, send: SendRequest) -> StoredMessage | None:
        stored = self._preflight.duplicates.get(send.key)
        if stored and (changed := self.changes.messages.get((send.room, stored.message.seq))):
            return stored._replace(message=changed[0])
        return stored

    def _append(self, send: SendRequest, room: LockedRoomState, standing: Standing) -> Message:
        fields = {}
        if "@" in send.content.text:
            mentions = self.mentions.add(send, send.content, room.seq + 1, standing)
            fields = mentions.fields()
        counted = next_message(
            send.room, room, send.actor.user, send.nonce, send.content, self._at, **fields
        )
        message = counted.event.message
        self.counted.append(counted)
        if room.slow_mode_s:
            self.slow_senders.add((send.room, send.actor.user))
            self._last_sends[send.room, send.actor.user] = 0.0
        self._preflight.duplicates[send.key] = StoredMessage(message, counted.fingerprint)
        self._preflight.missing_replies.discard((send.room, message.seq))
        self._change_batch.created[send.room, message.seq] = message
        self._thread_batch.note_created(send.room, message)
        if send.content.thread is not None:
            self.counted.append(self._thread_batch.add_reply(send.room, room, message))
        return message


def _new_text(command: MessageCommand) -> str:
    match command:
        case SendRequest():
            return command.content.text
        case EditRequest():
            return command.text
        case ReactionRequest():
            return ""
