"""What the rules of sending need to know about the sends of a batch, in one query."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import BigInteger, and_, or_, select

from app.core.send_request import IdempotencyKey, SendRequest, StoredMessage
from app.persistence.repositories.member_filter import is_present, visible_after
from app.persistence.repositories.message_columns import MESSAGE_COLUMNS, from_row
from app.persistence.sql.join_order import join_in_order
from app.persistence.sql.json_rows import json_rows, to_json
from app.persistence.sql.statement import Bound, Row, Statement
from app.persistence.sql.types import Id, ascii_key
from app.persistence.tables import NONCE_CHARS, Member, MessageRow, Room, columns
from app.wire.domain import Role, RoomKind


class SendPreflight(NamedTuple):
    """What sets some sends apart. Most are in none of these: they are new, from a plain member, and
    reply to nothing or to a message that exists."""

    roles: dict[tuple[UUID, UUID], Role | None]  # by (room, user); None: not a member
    time_outs: dict[tuple[UUID, UUID], datetime | None]  # also past ones
    kinds: dict[UUID, RoomKind]  # of the rooms in `roles` that exist
    duplicates: dict[IdempotencyKey, StoredMessage]
    missing_replies: set[tuple[UUID, int]]  # (room, seq) that is no message
    hidden_up_to: dict[tuple[UUID, UUID], int]  # by (room, user); those who may not read everything


_SENDS = json_rows(
    "sends", room=Id(), sender=Id(), nonce=ascii_key(NONCE_CHARS), reply_to=BigInteger()
)
_send, _member, _room = _SENDS.c, columns(Member), columns(Room)
_DUPLICATE, _REPLY = (columns(MessageRow).seq.table.alias(name) for name in ("duplicate", "reply"))
_duplicate, _reply = _DUPLICATE.c, _REPLY.c
_REPLY_IS_MISSING = and_(_send.reply_to.is_not(None), _reply.seq.is_(None))
_PREFLIGHT = Statement(
    join_in_order(
        select(
            *(_send.n, _member.role, _member.timed_out_until, _room.kind, _REPLY_IS_MISSING),
            visible_after(_member, _room),
            _duplicate.fingerprint,
            *(_duplicate[column.key] for column in MESSAGE_COLUMNS),
        )
        .select_from(
            _SENDS.outerjoin(_room.kind.table, is_present(_room, _send.room))
            .outerjoin(
                _member.role.table,
                and_(_member.room_id == _room.id, _member.user_id == _send.sender),
            )
            .outerjoin(
                _DUPLICATE,
                and_(
                    _duplicate.room_id == _room.id,
                    _duplicate.sender_id == _send.sender,
                    _duplicate.nonce == _send.nonce,
                ),
            )
            .outerjoin(_REPLY, and_(_reply.room_id == _send.room, _reply.seq == _send.reply_to))
        )
        .where(
            or_(
                _member.role.is_(None),
                _member.role != Role.MEMBER,
                _member.timed_out_until.is_not(None),
                _member.visible_after_seq.is_not(None),
                _duplicate.seq.is_not(None),
                _REPLY_IS_MISSING,
            )
        )
    )
)


def bind_preflight(sends: Sequence[SendRequest]) -> Bound:
    rows = ((send.room, send.actor.user, send.nonce, send.content.reply_to) for send in sends)
    return _PREFLIGHT.bind(sends=to_json(rows))


def read_preflight(rows: Iterable[Row], sends: Sequence[SendRequest]) -> SendPreflight:
    """From the rows of `bind_preflight`."""
    preflight = SendPreflight({}, {}, {}, {}, set(), {})
    for number, role, timed_out_until, kind, reply_is_missing, *rest in rows:
        hidden_up_to, fingerprint, *message = rest
        send = sends[number - 1]
        sender = send.room, send.actor.user
        preflight.roles[sender], preflight.time_outs[sender] = role, timed_out_until
        if hidden_up_to:
            preflight.hidden_up_to[sender] = hidden_up_to
        if kind is not None:
            preflight.kinds[send.room] = kind
        if reply_is_missing and send.content.reply_to is not None:
            preflight.missing_replies.add((send.room, send.content.reply_to))
        if message[0] is not None:
            preflight.duplicates[send.key] = StoredMessage(from_row(message), fingerprint)
    return preflight
