"""What users want to be notified of."""

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple, cast
from uuid import UUID

import orjson
from sqlalchemy import Table, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.persistence.message_tables import Mention, RoomMentionRow
from app.persistence.repositories.item_query import KEY, ItemQuery, ItemValue
from app.persistence.sql.upsert import upsert
from app.persistence.tables import (
    NotificationSettings,
    RoomNotificationSettings,
    columns,
)
from app.wire.domain import MentionKind, NotificationLevel

_settings, _room_settings = columns(NotificationSettings), columns(RoomNotificationSettings)
_mention, _room_mention = columns(Mention), columns(RoomMentionRow)


def _decode_documents(value: ItemValue) -> ItemValue:
    schedule = value["schedule"]
    documents = {
        "keywords": orjson.loads(value["keywords"]),
        "schedule": None if schedule is None else orjson.loads(schedule),
    }
    return value | documents


NOTIFICATIONS = ItemQuery(
    _settings.user_id == KEY.user,
    {name: _settings[name] for name in ("level", "keywords", "quiet_until", "schedule")},
    complete=_decode_documents,
)


class UserSettings(NamedTuple):
    level: NotificationLevel | None = None
    keywords: tuple[str, ...] = ()
    quiet_until: datetime | None = None
    schedule: str | None = None  # JSON


class RoomSettings(NamedTuple):
    level: NotificationLevel | None = None
    muted: bool = False
    muted_until: datetime | None = None  # None: for ever

    def is_muted(self, at: datetime) -> bool:
        return self.muted and (self.muted_until is None or self.muted_until > at)


class GroupMention(NamedTuple):
    kind: MentionKind
    group: UUID | None
    users: frozenset[UUID]


class NotificationReads:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def get(self, user_id: UUID) -> UserSettings:
        rows = await self._session.execute(
            select(
                _settings.level, _settings.keywords, _settings.quiet_until, _settings.schedule
            ).where(_settings.user_id == user_id)
        )
        for level, keywords, quiet_until, schedule in rows:
            return UserSettings(
                _to_level(level), tuple(orjson.loads(keywords)), quiet_until, schedule
            )
        return UserSettings()

    async def list_quiet(self, users: Iterable[UUID]) -> dict[UUID, UserSettings]:
        """When users do not want to be disturbed, of those who have set it; nothing else."""
        rows = await self._session.execute(
            select(_settings.user_id, _settings.quiet_until, _settings.schedule).where(
                _settings.user_id.in_(list(users)),
                or_(_settings.quiet_until.is_not(None), _settings.schedule.is_not(None)),
            )
        )
        return {
            user: UserSettings(quiet_until=quiet_until, schedule=schedule)
            for user, quiet_until, schedule in rows
        }

    async def get_for_room(self, user_id: UUID, room_id: UUID) -> RoomSettings:
        rows = await self._session.execute(
            select(_room_settings.level, _room_settings.muted, _room_settings.muted_until).where(
                _room_settings.user_id == user_id, _room_settings.room_id == room_id
            )
        )
        for level, muted, until in rows:
            return RoomSettings(_to_level(level), bool(muted), until)
        return RoomSettings()

    async def is_mentioned(self, user_id: UUID, room_id: UUID, seq: int) -> bool:
        """By name."""
        row = await self._session.scalar(
            select(_mention.seq).where(
                _mention.user_id == user_id, _mention.room_id == room_id, _mention.seq == seq
            )
        )
        return row is not None

    async def room_mentions(self, room_id: UUID, seq: int) -> list[GroupMention]:
        """How the message mentions several users at once."""
        rows = await self._session.execute(
            select(_room_mention.kind, _room_mention.group_id, _room_mention.users).where(
                _room_mention.room_id == room_id, _room_mention.seq == seq
            )
        )
        return [
            GroupMention(
                MentionKind(kind), group, frozenset(map(UUID, orjson.loads(users or "[]")))
            )
            for kind, group, users in rows
        ]


class Notifications(NotificationReads):
    async def set(self, user_id: UUID, settings: UserSettings) -> None:
        await self._upsert(
            NotificationSettings,
            user_id=user_id,
            level=settings.level,
            keywords=orjson.dumps(settings.keywords).decode(),
            quiet_until=settings.quiet_until,
            schedule=settings.schedule,
        )

    async def set_for_room(self, user_id: UUID, room_id: UUID, settings: RoomSettings) -> None:
        await self._upsert(
            RoomNotificationSettings, user_id=user_id, room_id=room_id, **settings._asdict()
        )

    async def _upsert(
        self, model: type[NotificationSettings] | type[RoomNotificationSettings], **row: object
    ) -> None:
        table = cast(Table, model.__table__)
        changed = [column.name for column in table.c if not column.primary_key]
        await self._session.execute(upsert(self._session, table, replace=changed), [row])


def _to_level(stored: str | None) -> NotificationLevel | None:
    return None if stored is None else NotificationLevel(stored)
