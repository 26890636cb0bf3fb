"""What keeps some sends of a batch from being recorded. Most batches have nothing of the kind, and
then no row comes back.

MariaDB takes a list of tuples apart in quadratic time: 90 ms for 256 sends. It gets one JSON
document instead, which becomes a table there and is joined in two.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import orjson
from sqlalchemy import BINARY, BigInteger, Boolean, Integer, bindparam, select, text, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from app.core.send_request import First, Key, Send
from app.persistence.repositories.messages import wire
from app.persistence.tables import Member, Message
from app.persistence.types import LongText, Utc


class Oddities(NamedTuple):
    strangers: set[tuple[UUID, UUID]]  # (room, user) that is no membership
    first: dict[Key, First]  # what there is already
    missing: set[tuple[UUID, int]]  # (room, seq) that is replied to and is no message


async def oddities(connection: AsyncConnection, sends: Sequence[Send]) -> Oddities:
    if connection.dialect.name == "sqlite":
        return await _by_tuples(connection, sends)
    return await _by_json(connection, sends)


_JSON = text(
    """
    SELECT s.n, m.user_id IS NULL AS stranger, s.reply_to IS NOT NULL AND r.seq IS NULL AS missing,
      f.seq AS first_seq, f.at, f.text, f.reply_to, f.fingerprint
    FROM JSON_TABLE(:sends, '$[*]' COLUMNS (
        n FOR ORDINALITY,
        room CHAR(32) CHARACTER SET ascii PATH '$[0]',
        sender CHAR(32) CHARACTER SET ascii PATH '$[1]',
        nonce VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin PATH '$[2]',
        reply_to BIGINT PATH '$[3]')) AS s
      LEFT JOIN members m ON m.room_id = UNHEX(s.room) AND m.user_id = UNHEX(s.sender)
      LEFT JOIN messages f ON f.room_id = UNHEX(s.room) AND f.sender_id = UNHEX(s.sender)
        AND f.nonce = s.nonce
      LEFT JOIN messages r ON r.room_id = UNHEX(s.room) AND r.seq = s.reply_to
    WHERE m.user_id IS NULL OR f.seq IS NOT NULL OR (s.reply_to IS NOT NULL AND r.seq IS NULL)
    """
).columns(
    n=Integer,
    stranger=Boolean,
    missing=Boolean,
    first_seq=BigInteger,
    at=Utc,
    text=LongText,
    reply_to=BigInteger,
    fingerprint=BINARY,
)


async def _by_json(connection: AsyncConnection, sends: Sequence[Send]) -> Oddities:
    document = orjson.dumps(
        [(send.room.hex, send.actor.user.hex, send.nonce, send.reply_to) for send in sends]
    ).decode()
    found = Oddities(set(), {}, set())
    for n, stranger, missing, *first in await connection.execute(_JSON, {"sends": document}):
        send = sends[n - 1]
        if stranger:
            found.strangers.add((send.room, send.actor.user))
        if missing and send.reply_to is not None:
            found.missing.add((send.room, send.reply_to))
        if first[0] is not None:
            found.first[send.key] = _first(send.actor.user, send.nonce, *first)
    return found


_MEMBERS = select(Member.room_id, Member.user_id).where(
    tuple_(Member.room_id, Member.user_id).in_(bindparam("pairs", expanding=True))
)
_FIRST = select(
    Message.room_id,
    Message.sender_id,
    Message.nonce,
    Message.seq,
    Message.at,
    Message.text,
    Message.reply_to,
    Message.fingerprint,
).where(
    tuple_(Message.room_id, Message.sender_id, Message.nonce).in_(bindparam("keys", expanding=True))
)
_PLACES = select(Message.room_id, Message.seq).where(
    tuple_(Message.room_id, Message.seq).in_(bindparam("places", expanding=True))
)


async def _by_tuples(connection: AsyncConnection, sends: Sequence[Send]) -> Oddities:
    pairs = {(send.room, send.actor.user) for send in sends}
    members = await connection.execute(_MEMBERS, {"pairs": list(pairs)})
    first = await connection.execute(_FIRST, {"keys": list({send.key for send in sends})})
    places = {(send.room, send.reply_to) for send in sends if send.reply_to is not None}
    there = await connection.execute(_PLACES, {"places": list(places)}) if places else ()
    return Oddities(
        pairs.difference(map(tuple, members)),
        {(row.room_id, row.sender_id, row.nonce): _first(*row[1:]) for row in first},
        places.difference(map(tuple, there)),
    )


def _first(
    sender: UUID,
    nonce: str,
    seq: int,
    at: datetime,
    text: str,
    reply_to: int | None,
    fingerprint: bytes | None,
) -> First:
    return First(wire(seq, sender, at, text, nonce, reply_to), fingerprint)
