"""What the rules of sending need to know about the sends of a batch, in one query."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import BigInteger, and_, or_, select

from app.core.send_request import IdempotencyKey, SendRequest, StoredMessage
from app.persistence.repositories.member_filter import is_present, visible_after
from app.persistence.repositories.message_changes import MessageKey
from app.persistence.repositories.message_columns import MESSAGE_COLUMNS, from_row
from app.persistence.repositories.slow_mode import SenderKey
from app.persistence.sql.join_order import join_in_order
from app.persistence.sql.json_rows import json_rows, to_json
from app.persistence.sql.statement import Bound, Row, Statement
from app.persistence.sql.types import Id, ascii_key
from app.persistence.tables import NONCE_CHARS, Member, MessageRow, Room, columns
from app.wire.domain import Role, RoomKind


class SenderFacts(NamedTuple):
    """A sender in a room. The defaults are those of a plain member: the query has no row of one."""

    role: Role | None = Role.MEMBER  # None: not a member
    timed_out_until: datetime | None = None  # also a past time
    hidden_up_to: int = 0  # the seq up to which the sender may not read
    kind: RoomKind | None = None  # of the room, if it exists and the sender is not plain


_PLAIN_MEMBER = SenderFacts()


class SendPreflight(NamedTuple):
    """What sets some sends apart. Most are in none of these: they are new, from a plain member, and
    reply to nothing or to a message that exists."""

    senders: dict[SenderKey, SenderFacts]
    repeated: dict[MessageKey, IdempotencyKey]  # the messages of nonces that are known
    duplicates: dict[IdempotencyKey, StoredMessage]
    missing_replies: set[MessageKey]  # those that are no message

    def sender(self, key: SenderKey) -> SenderFacts:
        return self.senders.get(key, _PLAIN_MEMBER)


_SENDS = json_rows(
    "sends", room=Id(), sender=Id(), nonce=ascii_key(NONCE_CHARS), reply_to=BigInteger()
)
_send, _member, _room = _SENDS.c, columns(Member), columns(Room)
_DUPLICATE, _REPLY = (columns(MessageRow).seq.table.alias(name) for name in ("duplicate", "reply"))
_duplicate, _reply = _DUPLICATE.c, _REPLY.c
_KEYS = json_rows("keys", room=Id(), seq=BigInteger())
_message = columns(MessageRow)
_STORED = Statement(
    join_in_order(
        select(_message.room_id, _message.fingerprint, *MESSAGE_COLUMNS).select_from(
            _KEYS.join(
                _message.seq.table,
                and_(_message.room_id == _KEYS.c.room, _message.seq == _KEYS.c.seq),
            )
        )
    )
)
_REPLY_IS_MISSING = and_(_send.reply_to.is_not(None), _reply.seq.is_(None))
_PREFLIGHT = Statement(
    join_in_order(
        select(
            *(_send.n, _member.role, _member.timed_out_until, _room.kind, _REPLY_IS_MISSING),
            *(visible_after(_member, _room), _duplicate.seq),
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
    """From the rows of `bind_preflight`. The duplicates are not read yet."""
    preflight = SendPreflight({}, {}, {}, set())
    for number, role, timed_out_until, kind, reply_is_missing, hidden_up_to, first_seq in rows:
        send = sends[number - 1]
        facts = SenderFacts(role, timed_out_until, hidden_up_to, kind)
        preflight.senders[send.room, send.actor.user] = facts
        if reply_is_missing and send.content.reply_to is not None:
            preflight.missing_replies.add((send.room, send.content.reply_to))
        if first_seq is not None:
            preflight.repeated[send.room, first_seq] = send.key
    return preflight


def bind_stored(messages: Iterable[MessageKey]) -> Bound:
    """Reads what was sent. Few batches have a repeated send, and each column of the other query
    costs all of them."""
    return _STORED.bind(keys=to_json(messages))


def add_stored(preflight: SendPreflight, rows: Iterable[Row]) -> None:
    """From the rows of `bind_stored`."""
    for room, fingerprint, *values in rows:
        message = from_row(values)
        key = preflight.repeated[room, message.seq]
        preflight.duplicates[key] = StoredMessage(message, fingerprint)
