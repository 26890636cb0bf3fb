"""The changes of messages in a batch: decided one after the other, written as their sum."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from app.core.message_commands import (
    ChangeResult,
    EditRequest,
    MessageChange,
    ReactionRequest,
)
from app.core.text_filter import FilterBudget
from app.messages.send.change_rules import ChangeFacts, MessageLimits, decide_change
from app.messages.send.filtering import check_texts, filter_report
from app.messages.send.mentions import BatchMentions
from app.messages.send.standing import member_standing
from app.persistence.repositories.batch_writes import (
    CountedEvent,
)
from app.persistence.repositories.event_columns import MessageTotals
from app.persistence.repositories.message_batch import (
    LockedRoomState,
)
from app.persistence.repositories.message_changes import (
    ChangeTarget,
    MessageChanges,
    MessageKey,
)
from app.persistence.repositories.reports import FilterReport
from app.rooms.standing import Standing
from app.wire.events import (
    Message,
    MessageEdited,
    MessageEvent,
    ReactionAdded,
    ReactionRemoved,
)


class ChangeBatch:
    """`targets` are by the number of the change, in the order of the calls of `apply`."""

    def __init__(
        self,
        targets: Mapping[int, ChangeTarget],
        limits: MessageLimits,
        at: datetime,
        mentions: BatchMentions,
        reports: list[FilterReport],
        budget: FilterBudget,
    ) -> None:
        self._targets, self._limits, self._at = targets, limits, at
        self._mentions, self._reports, self._budget = mentions, reports, budget
        self._count = 0
        self.created: dict[MessageKey, Message] = {}  # by the batch, so far
        self.changes = MessageChanges()

    def apply(
        self, change: MessageChange, room: LockedRoomState | None
    ) -> tuple[ChangeResult, CountedEvent | None] | None:
        """The result and its event; None: another transaction holds the room. Raises ChatError,
        BatchOutOfTime."""
        target = self._targets[self._count]
        self._count += 1
        key = change.room, change.seq
        before, edited = target.message or self.created.get(key), False
        if before is not None:  # else it may be one that the actor may not read
            before, edited = self.changes.messages.get(key, (before, False))
        has_reacted = self._has_reacted(change, target)
        standing = member_standing(
            change.actor, room, target.role, target.timed_out_until, self._at
        )
        facts = ChangeFacts(
            room, standing, target.role is not None, target.kind, before, has_reacted
        )
        after = decide_change(change, facts, self._limits, self._at)
        if after is None or room is None or before is None or standing is None:
            return None
        if after is before:
            return ChangeResult(after, changed=False), None
        if isinstance(change, EditRequest):
            rule = check_texts(room.filters, standing, [change.text], self._budget)
            after, edited = self._edit(change, before, after, standing), True
            if rule:
                self._reports.append(filter_report(change.room, after, rule, self._at))
        else:
            self.changes.reactions[_reaction_key(change)] = target.has_reacted, change.present
        self.changes.messages[key] = after, edited
        room.seq += 1
        event = _to_event(change, room.seq, self._at, after)
        totals = MessageTotals(room.message_count, room.last_message_seq)
        return ChangeResult(after, changed=True), CountedEvent(event, totals)

    def _has_reacted(self, change: MessageChange, target: ChangeTarget) -> bool:
        if isinstance(change, EditRequest):
            return False
        _, has_reacted = self.changes.reactions.get(
            _reaction_key(change), (False, target.has_reacted)
        )
        return has_reacted

    def _edit(
        self, edit: EditRequest, before: Message, after: Message, standing: Standing
    ) -> Message:
        """Note the replaced version, and the mentions of the new one."""
        key = edit.room, edit.seq
        self.changes.versions.append((edit.room, before))
        stored = frozenset() if key in self.created else frozenset(before.mentions or ())
        mentions = self._mentions.add(edit, after, edit.seq, standing, stored)
        self.changes.replaced_mentions |= self._mentions.changed_users(key)
        if before.room_mentions or mentions.many:
            self.changes.replaced_room_mentions.add(key)
        return after.model_copy(update=mentions.fields())


def _reaction_key(change: ReactionRequest) -> tuple[UUID, int, str, UUID]:
    return change.room, change.seq, change.emoji, change.actor.user


def _to_event(change: MessageChange, seq: int, at: datetime, message: Message) -> MessageEvent:
    room, user = change.room, change.actor.user
    if isinstance(change, EditRequest):
        return MessageEdited(room=room, seq=seq, actor=user, at=at, message=message)
    cls = ReactionAdded if change.present else ReactionRemoved
    return cls(room=room, seq=seq, actor=user, at=at, message=message, emoji=change.emoji)
