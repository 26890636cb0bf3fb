"""Counts the mentions of many users at once, as `app/notifications/decide.py` decides: they do not
count for their sender, for members who have blocked the sender, muted the room or chosen the level
`nothing`, and once where the message also mentions the member by name."""

from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    BindParameter,
    ColumnElement,
    and_,
    bindparam,
    exists,
    func,
    or_,
    select,
)

from app.persistence.message_tables import Mention, RoomMentionRow
from app.persistence.repositories.blocks import has_blocked
from app.persistence.sql.statement import Statement
from app.persistence.tables import (
    NotificationSettings,
    RoomNotificationSettings,
    UserGroupMember,
    columns,
)
from app.wire.domain import MentionKind, NotificationLevel

_stored, _direct, _in_group = columns(RoomMentionRow), columns(Mention), columns(UserGroupMember)
_settings, _room_settings = columns(NotificationSettings), columns(RoomNotificationSettings)
_NOTHING = NotificationLevel.NOTHING.value


def capped_room_mentions(
    *,
    user: BindParameter[UUID],
    room: BindParameter[UUID],
    after: BindParameter[int],
    until: BindParameter[int],
) -> Statement:
    """Of the newest `max_rows`, those that mention the user; `user_hex` is the id as text."""
    newest = (
        select(_stored.seq, _stored.sender_id, _stored.kind, _stored.group_id, _stored.users)
        .where(_stored.room_id == room, _stored.seq > after, _stored.seq <= until)
        .order_by(_stored.room_id.desc(), _stored.seq.desc())
        .limit(bindparam("max_rows"))
        .subquery("newest")
        .c
    )
    is_direct = exists().where(
        _direct.user_id == user, _direct.room_id == room, _direct.seq == newest.seq
    )
    seqs = (
        select(newest.seq)
        .distinct()
        .where(
            newest.sender_id != user,
            mentions_user(newest, user),
            ~is_direct,
            ~has_blocked(user, newest.sender_id),
            ~_is_suppressed(user, room),
        )
        .subquery("seqs")
    )
    count = select(func.count()).select_from(seqs).scalar_subquery()
    return Statement(select(bindparam("n", type_=BigInteger), count))


def mentions_user(mention: Any, user: BindParameter[UUID]) -> ColumnElement[bool]:
    """Of the columns of a mention of many; `user_hex` is the id as text."""
    is_here = func.instr(mention.users, bindparam("user_hex")) > 0
    is_in_group = exists().where(_in_group.group_id == mention.group_id, _in_group.user_id == user)
    return or_(
        mention.kind == MentionKind.ROOM.value,
        and_(mention.kind == MentionKind.HERE.value, is_here),
        and_(mention.kind == MentionKind.GROUP.value, is_in_group),
    )


def _is_suppressed(user: BindParameter[UUID], room: BindParameter[UUID]) -> ColumnElement[bool]:
    """The room is muted at the time `at`, or its level is `nothing`."""
    of_room = and_(_room_settings.user_id == user, _room_settings.room_id == room)
    is_muted = and_(
        _room_settings.muted.is_(True),
        or_(_room_settings.muted_until.is_(None), _room_settings.muted_until > bindparam("at")),
    )
    in_room = exists().where(of_room, or_(is_muted, _room_settings.level == _NOTHING))
    has_level = exists().where(of_room, _room_settings.level.is_not(None))
    in_all_rooms = exists().where(_settings.user_id == user, _settings.level == _NOTHING)
    return or_(in_room, and_(in_all_rooms, ~has_level))
