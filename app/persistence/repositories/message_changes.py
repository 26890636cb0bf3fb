"""Reads and writes for the changes of messages in a batch: one statement each, however many changes
there are."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import BigInteger, and_, case, func, insert, select

from app.core.message_commands import MessageChange, ReactionRequest
from app.core.search_terms import make_document
from app.persistence.message_tables import (
    Mention,
    MessageVersion,
    ReactionRow,
    RoomMentionRow,
)
from app.persistence.repositories.member_filter import is_present, visible_after
from app.persistence.repositories.message_columns import (
    MESSAGE_COLUMNS,
    encode_details,
    from_row,
)
from app.persistence.search.index import SearchIndex
from app.persistence.search.writes import replace_documents
from app.persistence.sql.join_order import join_in_order
from app.persistence.sql.joined_updates import DeleteByRows, UpdateByRows
from app.persistence.sql.json_rows import json_rows, to_json
from app.persistence.sql.statement import Bound, Row, Statement
from app.persistence.sql.types import EMOJI, Id, LongJson, LongText
from app.persistence.tables import Member, MessageRow, Room, columns
from app.wire.domain import Role, RoomKind
from app.wire.events import Message

MessageKey = tuple[UUID, int]  # room and seq
ReactionKey = tuple[UUID, int, str, UUID]  # room, seq, emoji, user
MentionKey = tuple[UUID, UUID, int]  # user, room, seq


class ChangeTarget(NamedTuple):
    """What the rules need to know of a change."""

    role: Role | None
    timed_out_until: datetime | None
    kind: RoomKind | None
    message: Message | None  # None: there is none, or the user may not read it
    has_reacted: bool


_message, _member, _room = columns(MessageRow), columns(Member), columns(Room)
_reaction, _mention = columns(ReactionRow), columns(Mention)
_room_mention = columns(RoomMentionRow)
_TARGETS = json_rows("targets", room=Id(), user=Id(), seq=BigInteger(), emoji=EMOJI)
_target = _TARGETS.c
_READ_TARGETS = Statement(
    join_in_order(
        select(
            *(_target.n, _member.role, _member.timed_out_until, _room.kind, _reaction.seq),
            *MESSAGE_COLUMNS,
        ).select_from(
            _TARGETS.outerjoin(_room.kind.table, is_present(_room, _target.room))
            .outerjoin(
                _member.role.table,
                and_(_member.room_id == _room.id, _member.user_id == _target.user),
            )
            .outerjoin(
                _message.seq.table,
                and_(
                    _message.room_id == _target.room,
                    _message.seq == _target.seq,
                    _message.seq > visible_after(_member, _room),
                ),
            )
            .outerjoin(
                _reaction.seq.table,
                and_(
                    _reaction.room_id == _target.room,
                    _reaction.seq == _target.seq,
                    _reaction.emoji == _target.emoji,
                    _reaction.user_id == _target.user,
                ),
            )
        )
    )
)
_CHANGED = json_rows("changed", room=Id(), seq=BigInteger(), text=LongText(), details=LongJson)
_UPDATE_MESSAGES = Statement(
    UpdateByRows(
        _CHANGED,
        and_(_message.room_id == _CHANGED.c.room, _message.seq == _CHANGED.c.seq),
        {
            _message.text: func.coalesce(_CHANGED.c.text, _message.text),
            # Only a deletion changes it.
            _message.reply_to: case((_CHANGED.c.text == "", None), else_=_message.reply_to),
            _message.details: _CHANGED.c.details,
        },
    )
)
_INSERT_VERSIONS = Statement(insert(columns(MessageVersion).seq.table))
_INSERT_REACTIONS = Statement(insert(_reaction.seq.table))
_REMOVED = json_rows("removed", room=Id(), seq=BigInteger(), emoji=EMOJI, user=Id())
_DELETE_REACTIONS = Statement(
    DeleteByRows(
        _REMOVED,
        (
            (_reaction.room_id, _REMOVED.c.room),
            (_reaction.seq, _REMOVED.c.seq),
            (_reaction.emoji, _REMOVED.c.emoji),
            (_reaction.user_id, _REMOVED.c.user),
        ),
    )
)
_REPLACED = json_rows("replaced", user=Id(), room=Id(), seq=BigInteger())
_DELETE_MENTIONS = Statement(
    DeleteByRows(
        _REPLACED,
        (
            (_mention.user_id, _REPLACED.c.user),
            (_mention.room_id, _REPLACED.c.room),
            (_mention.seq, _REPLACED.c.seq),
        ),
    )
)


_UNMENTIONED = json_rows("unmentioned", room=Id(), seq=BigInteger())
_DELETE_ROOM_MENTIONS = Statement(
    DeleteByRows(
        _UNMENTIONED,
        (
            (_room_mention.room_id, _UNMENTIONED.c.room),
            (_room_mention.seq, _UNMENTIONED.c.seq),
        ),
    )
)


def bind_targets(changes: Sequence[MessageChange]) -> Bound:
    return _READ_TARGETS.bind(
        targets=to_json(
            (
                change.room,
                change.actor.user,
                change.seq,
                change.emoji if isinstance(change, ReactionRequest) else None,
            )
            for change in changes
        )
    )


def read_targets(rows: Iterable[Row]) -> dict[int, ChangeTarget]:
    """By the number of the change, from the rows of `bind_targets`."""
    return {
        number - 1: ChangeTarget(
            role,
            timed_out_until,
            kind,
            from_row(message) if message[0] is not None else None,
            reacted is not None,
        )
        for number, role, timed_out_until, kind, reacted, *message in rows
    }


@dataclass(slots=True)
class MessageChanges:
    """What a batch changes of messages that exist."""

    messages: dict[MessageKey, tuple[Message, bool]] = field(default_factory=dict)
    """As they are afterwards, and whether the content is another one."""
    versions: list[tuple[UUID, Message]] = field(default_factory=list)
    """Rooms, and messages as they were before an edit."""
    reactions: dict[ReactionKey, tuple[bool, bool]] = field(default_factory=dict)
    """Whether the reaction was there, and whether it is."""
    replaced_mentions: set[MentionKey] = field(default_factory=set)
    """Deleted; those that are there afterwards are inserted."""
    replaced_room_mentions: set[MessageKey] = field(default_factory=set)
    """The messages whose mentions of several users are deleted, and inserted if there are any."""
    reindexed: set[MessageKey] = field(default_factory=set)
    """The messages that are found by other terms afterwards, besides those with another content."""

    def writes(self, index: SearchIndex) -> list[Bound]:
        writes = []
        if self.messages:
            writes.append(_UPDATE_MESSAGES.bind(changed=to_json(map(_to_changed, self._rows()))))
        if self.versions:
            writes.append(_INSERT_VERSIONS.bind_rows([*map(_to_version, self.versions)]))
        added = [key for key, change in self.reactions.items() if change == (False, True)]
        removed = [key for key, change in self.reactions.items() if change == (True, False)]
        if added:
            writes.append(_INSERT_REACTIONS.bind_rows([*map(_to_reaction, added)]))
        if removed:
            writes.append(_DELETE_REACTIONS.bind(removed=to_json(removed)))
        if self.replaced_mentions:
            writes.append(_DELETE_MENTIONS.bind(replaced=to_json(self.replaced_mentions)))
        if self.replaced_room_mentions:
            keys = to_json(self.replaced_room_mentions)
            writes.append(_DELETE_ROOM_MENTIONS.bind(unmentioned=keys))
        return writes + replace_documents(index, self._documents())

    def _documents(self) -> dict[MessageKey, str]:
        return {
            key: make_document(message.sender, message.text, encode_details(message))
            for key, (message, edited) in self.messages.items()
            if edited or key in self.reindexed
        }

    def _rows(self) -> Iterable[tuple[MessageKey, Message, bool]]:
        return ((key, message, edited) for key, (message, edited) in self.messages.items())


def _to_changed(
    changed: tuple[MessageKey, Message, bool],
) -> tuple[UUID, int, str | None, str | None]:
    (room, seq), message, edited = changed
    return room, seq, message.text if edited else None, encode_details(message)


def _to_version(replaced: tuple[UUID, Message]) -> dict[str, object]:
    room, message = replaced
    at: datetime = message.edit.at if message.edit else message.at
    return {
        "room_id": room,
        "seq": message.seq,
        "version": message.version,
        "text": message.text,
        "at": at,
    }


def _to_reaction(key: ReactionKey) -> dict[str, object]:
    return dict(zip(("room_id", "seq", "emoji", "user_id"), key, strict=True))
