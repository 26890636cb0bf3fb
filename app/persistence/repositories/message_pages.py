"""Pages of messages, for members only."""

from collections.abc import Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import BindParameter, ColumnElement, and_, bindparam, func, select

from app.persistence.message_tables import PollVote, ReactionRow
from app.persistence.repositories.member_filter import (
    ROOM,
    USER,
    is_visible,
    is_visible_after,
)
from app.persistence.repositories.message_columns import MESSAGE_JSON_COLUMNS, to_fields
from app.persistence.repositories.messages import IS_DELETED
from app.persistence.sql.executor import Reader, Rows
from app.persistence.sql.statement import Statement
from app.persistence.sql.types import json_column
from app.persistence.tables import MessageRow, columns

_message = columns(MessageRow)
_reaction, _vote = columns(ReactionRow), columns(PollVote)
_SEQ: BindParameter[int] = bindparam("seq")
_IN_SEQS = _message.seq.in_(bindparam("seqs", expanding=True))
PREVIEW_CHARS = 200


def _page(
    in_page: ColumnElement[bool],
    page_order: Any,
    has_more_on_other_side: ColumnElement[bool],
    opposite_order: Any,
) -> Statement:
    """Messages of the timeline, and after their fields the seq of one on the side that is not paged
    to."""
    row_beyond = (
        select(_message.seq)
        .where(_message.room_id == ROOM, has_more_on_other_side, _message.in_timeline)
        .order_by(opposite_order)
        .limit(1)
    )
    return Statement(
        select(*MESSAGE_JSON_COLUMNS, row_beyond.scalar_subquery())
        .where(_message.room_id == ROOM, in_page, _message.in_timeline)
        .order_by(page_order)
        .limit(bindparam("max_rows"))
    )


_BEFORE = _page(
    and_(_message.seq < _SEQ, is_visible(_message.seq)),
    _message.seq.desc(),
    _message.seq >= _SEQ,
    _message.seq,
)
_AFTER = _page(
    is_visible_after(_message.seq, _SEQ),
    _message.seq,
    and_(_message.seq <= _SEQ, is_visible(_message.seq)),
    _message.seq.desc(),
)
_GET = Statement(
    select(*MESSAGE_JSON_COLUMNS).where(
        _message.room_id == ROOM, _message.seq == _SEQ, is_visible(_message.seq)
    )
)

_QUOTES = Statement(
    select(
        _message.seq,
        json_column(_message.sender_id),
        func.substr(_message.text, 1, PREVIEW_CHARS),
        IS_DELETED,
    )
    .where(_message.room_id == ROOM, _IN_SEQS, is_visible(_message.seq))
    .order_by(_message.seq)
)
_OWN_REACTIONS = Statement(
    select(_reaction.seq, _reaction.emoji)
    .where(
        _reaction.user_id == USER,
        _reaction.room_id == ROOM,
        _reaction.seq.in_(bindparam("seqs", expanding=True)),
    )
    .order_by(_reaction.seq, _reaction.emoji)
)
_OWN_VOTES = Statement(
    select(_vote.seq, _vote.option)
    .where(
        _vote.user_id == USER,
        _vote.room_id == ROOM,
        _vote.seq.in_(bindparam("seqs", expanding=True)),
    )
    .order_by(_vote.seq, _vote.option)
)

MessageFields = dict[str, Any]


class Page(NamedTuple):
    """Ascending. There may be more beyond the seq that the page starts from."""

    messages: list[MessageFields]
    has_more_on_other_side: bool


class PageContext(NamedTuple):
    """What belongs to the messages of a page, for `encode_json`."""

    quoted: list[dict[str, Any]]
    reacted: list[dict[str, Any]]
    voted: list[dict[str, Any]]


NO_CONTEXT = PageContext([], [], [])


class MessagePages:
    """Messages of the timeline as their fields, for `encode_json`. A non-member finds nothing, and
    nobody what is hidden from them."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    async def before(self, room_id: UUID, user_id: UUID, seq: int, limit: int) -> Page:
        """The newest messages below `seq`."""
        bound = _BEFORE.bind(room=room_id, user=user_id, seq=seq, max_rows=limit)
        [rows] = await self._reader.read(bound)
        return to_page(rows[::-1])

    async def after(self, room_id: UUID, user_id: UUID, seq: int, limit: int) -> Page:
        """The oldest messages above `seq`."""
        bound = _AFTER.bind(room=room_id, user=user_id, seq=seq, max_rows=limit)
        [rows] = await self._reader.read(bound)
        return to_page(rows)

    async def around(
        self, room_id: UUID, user_id: UUID, seq: int, limit: int
    ) -> tuple[list[MessageFields], list[MessageFields]]:
        """The newest messages below `seq`, and the oldest ones from `seq` on."""
        values = {"room": room_id, "user": user_id, "max_rows": limit}
        older, newer = await self._reader.read(
            _BEFORE.bind(seq=seq, **values), _AFTER.bind(seq=seq - 1, **values)
        )
        return to_page(older[::-1]).messages, to_page(newer).messages

    async def get(self, room_id: UUID, user_id: UUID, seq: int) -> MessageFields | None:
        [rows] = await self._reader.read(_GET.bind(room=room_id, user=user_id, seq=seq))
        return to_fields(rows[0]) if rows else None

    async def read_context(
        self, room_id: UUID, user_id: UUID, messages: Sequence[MessageFields]
    ) -> PageContext:
        """The messages that these reply to, and the user's reactions to these and votes in them: a
        statement for each that there is, and none for most pages."""
        shown = {message["seq"] for message in messages}
        replies = {seq for m in messages if (seq := m["reply_to"]) is not None} - shown
        with_reactions = [message["seq"] for message in messages if "reactions" in message]
        quoted: Rows = []
        reacted: Rows = []
        if replies:
            bound = _QUOTES.bind(room=room_id, user=user_id, seqs=sorted(replies))
            [quoted] = await self._reader.read(bound)
        if with_reactions:
            bound = _OWN_REACTIONS.bind(room=room_id, user=user_id, seqs=with_reactions)
            [reacted] = await self._reader.read(bound)
        voted = await self._read_votes(room_id, user_id, messages)
        return PageContext(
            [
                {"seq": seq, "sender": sender, "text": text, "deleted": bool(deleted)}
                for seq, sender, text, deleted in quoted
            ],
            [{"seq": seq, "emoji": emoji} for seq, emoji in reacted],
            [
                {"seq": seq, "options": [option for _, option in votes]}
                for seq, votes in groupby(voted, key=itemgetter(0))
            ],
        )

    async def _read_votes(
        self, room_id: UUID, user_id: UUID, messages: Sequence[MessageFields]
    ) -> Rows:
        polls = [message["seq"] for message in messages if "poll" in message]
        if not polls:
            return []
        [voted] = await self._reader.read(_OWN_VOTES.bind(room=room_id, user=user_id, seqs=polls))
        return voted


def to_page(rows: Rows) -> Page:
    return Page(list(map(to_fields, rows)), bool(rows) and rows[0][-1] is not None)
