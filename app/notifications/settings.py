"""Use cases of notification settings. Each change is an event of the user's log."""

from datetime import datetime
from functools import lru_cache
from typing import NamedTuple
from uuid import UUID

from app.core.actor import Actor
from app.notifications.decide import LEVELS_BY_KIND
from app.notifications.quiet_hours import QuietHours, quiet_hours
from app.persistence.repositories.notifications import RoomSettings, UserSettings
from app.persistence.uow import ReadSession, UnitOfWork
from app.rooms.access import get_member_room
from app.wire.domain import NotificationLevel
from app.wire.errors import Invalid
from app.wire.items import ItemKey, ItemKind
from app.wire.schemas.notifications import (
    QuietSchedule,
    SetNotifications,
    SetRoomNotifications,
    parse_time,
)
from app.wire.user_events import UserEventType


class RoomView(NamedTuple):
    """The settings for a room, and the level that applies."""

    settings: RoomSettings
    level: NotificationLevel


async def get(reads: ReadSession, user_id: UUID) -> UserSettings:
    return await reads.notifications.get(user_id)


async def update(uow: UnitOfWork, actor: Actor, spec: SetNotifications) -> UserSettings:
    """Raises Invalid for a time or a time zone that does not exist."""
    settings = UserSettings(
        spec.level,
        tuple(dict.fromkeys(spec.keywords)),
        _parse_time(spec.quiet_until),
        _check_schedule(spec.schedule),
    )
    if settings != await uow.notifications.get(actor.user):
        await uow.notifications.set(actor.user, settings)
        uow.user_logs.add_item(actor.user, ItemKey(ItemKind.NOTIFICATIONS, actor.user))
    return settings


async def get_for_room(reads: ReadSession, actor: Actor, room_id: UUID) -> RoomView:
    """Raises NotFound, or Forbidden for a public room that the actor has not joined."""
    room, _ = await get_member_room(reads, actor, room_id)
    settings = await reads.notifications.get_for_room(actor.user, room_id)
    default = None if settings.level else (await reads.notifications.get(actor.user)).level
    return RoomView(settings, settings.level or default or LEVELS_BY_KIND[room.kind])


async def update_for_room(
    uow: UnitOfWork, actor: Actor, room_id: UUID, spec: SetRoomNotifications
) -> RoomView:
    """Raises what `get_for_room` does, and Invalid for a time that does not exist."""
    await get_member_room(uow, actor, room_id)
    until = _parse_time(spec.muted_until)
    settings = RoomSettings(spec.level, spec.muted, until if spec.muted else None)
    if settings != await uow.notifications.get_for_room(actor.user, room_id):
        await uow.notifications.set_for_room(actor.user, room_id, settings)
        uow.user_logs.add(actor.user, UserEventType.NOTIFICATIONS_CHANGED, room_id)
    return await get_for_room(uow, actor, room_id)


def is_quiet(settings: UserSettings, at: datetime) -> bool:
    """The user does not want to be disturbed at this time."""
    if settings.quiet_until is not None and at < settings.quiet_until:
        return True
    if settings.schedule is None:
        return False
    return _stored_hours(settings.schedule).contain(at)


@lru_cache(maxsize=10_000)
def _stored_hours(schedule: str) -> QuietHours:
    """Presence asks every few seconds, of all who are connected."""
    return _hours(QuietSchedule.model_validate_json(schedule))


def _hours(schedule: QuietSchedule) -> QuietHours:
    return quiet_hours(schedule.days, schedule.start, schedule.end, schedule.time_zone)


def _check_schedule(schedule: QuietSchedule | None) -> str | None:
    if schedule is None:
        return None
    try:
        _hours(schedule)
    except ValueError as error:
        raise Invalid(f"Not acceptable: schedule: {error}.") from None
    return schedule.model_dump_json()


def _parse_time(text: str | None) -> datetime | None:
    try:
        return None if text is None else parse_time(text)
    except ValueError as error:
        raise Invalid(f"Not acceptable: {error}.") from None
