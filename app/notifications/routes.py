"""What notifies the caller: settings, and why."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Response

from app.core.clock import now
from app.core.paging import decode_cursor
from app.http.dependencies import ActorDep, ContextDep, Cursor, Limit50, Seq
from app.http.problems import problem_responses
from app.http.rates import READ, WRITE
from app.http.strict_json import StrictRoute
from app.notifications import mentions, settings
from app.notifications.decide import Count
from app.notifications.explain import explain
from app.persistence.repositories.notifications import UserSettings
from app.wire.errors import ErrorCode
from app.wire.schemas.notifications import (
    DecisionOut,
    MentionPage,
    NotificationsOut,
    QuietSchedule,
    RoomNotificationsOut,
    SetNotifications,
    SetRoomNotifications,
)
from app.wire.validation import CanonicalUuid, invalid_from_pydantic

router = APIRouter(tags=["notifications"], route_class=StrictRoute)

ROOM_ERRORS = problem_responses(ErrorCode.NOT_FOUND, ErrorCode.FORBIDDEN)


@router.get(
    "/users/me/notifications",
    operation_id="get_notifications",
    summary="Get what notifies the caller",
    dependencies=[Depends(READ)],
)
async def get(actor: ActorDep, context: ContextDep) -> NotificationsOut:
    """The caller's settings for all rooms."""
    return _settings_out(await context.database.read(settings.get, actor.user))


@router.put(
    "/users/me/notifications",
    operation_id="set_notifications",
    summary="Set what notifies the caller",
    dependencies=[Depends(WRITE)],
)
async def update(body: SetNotifications, actor: ActorDep, context: ContextDep) -> NotificationsOut:
    """Replace the caller's settings for all rooms."""
    max_keywords = context.settings.limits.keywords_per_user
    if len(body.keywords) > max_keywords:
        message = f"List should have at most {max_keywords} items, not {len(body.keywords)}"
        raise invalid_from_pydantic([{"loc": ("keywords",), "msg": message}])
    return _settings_out(await context.database.transact(settings.update, actor, body))


@router.get(
    "/rooms/{room_id}/notifications",
    operation_id="get_room_notifications",
    summary="Get what of a room notifies the caller",
    responses=ROOM_ERRORS,
    dependencies=[Depends(READ)],
)
async def get_for_room(
    room_id: CanonicalUuid, actor: ActorDep, context: ContextDep
) -> RoomNotificationsOut:
    """The caller's settings for one room."""
    return _room_out(await context.database.read(settings.get_for_room, actor, room_id))


@router.put(
    "/rooms/{room_id}/notifications",
    operation_id="set_room_notifications",
    summary="Set what of a room notifies the caller",
    responses=ROOM_ERRORS,
    dependencies=[Depends(WRITE)],
)
async def update_for_room(
    room_id: CanonicalUuid, body: SetRoomNotifications, actor: ActorDep, context: ContextDep
) -> RoomNotificationsOut:
    """Replace the caller's settings for one room."""
    return _room_out(
        await context.database.transact(settings.update_for_room, actor, room_id, body)
    )


@router.get(
    "/users/me/mentions",
    operation_id="list_my_mentions",
    summary="List mentions of the caller",
    response_model=MentionPage,
    dependencies=[Depends(READ)],
)
async def list_my_mentions(
    actor: ActorDep, context: ContextDep, limit: Limit50, cursor: Cursor = None
) -> Response:
    """The messages of others that mention the caller, newest first, in rooms that the caller is a
    member of; each with the message before and after it. Besides mentions by name these are
    `@room`, `@here` if the caller was online, and groups that the caller is in now, whatever the
    settings of the caller. A page may have fewer items than `limit`; `next` tells whether there
    are more."""
    before = mentions.parse_key(decode_cursor(cursor))
    window = await context.database.read_directly(mentions.list_mentions, actor.user, before, limit)
    return Response(mentions.encode_mentions(window), media_type="application/json")


@router.get(
    "/rooms/{room_id}/messages/{seq}/notification",
    operation_id="explain_notification",
    summary="Explain whether a message notifies",
    responses=ROOM_ERRORS,
    dependencies=[Depends(READ)],
)
async def explain_notification(
    room_id: CanonicalUuid,
    seq: Annotated[Seq, Path()],
    actor: ActorDep,
    context: ContextDep,
    user: Annotated[
        CanonicalUuid | None,
        Query(
            description="Absent: the caller. Owners and admins of the room and administrators of "
            "the server may ask about others."
        ),
    ] = None,
) -> DecisionOut:
    """Why a message does or does not count and notify: by the settings as they are now."""
    decision, kinds = await context.database.read(explain, actor, room_id, seq, user, now())
    return DecisionOut(
        unread=decision.count is not Count.NOTHING,
        mention=decision.count is Count.MENTION,
        notify=decision.notify,
        reason=decision.reason,
        mentions=sorted(kinds),
    )


def _settings_out(stored: UserSettings) -> NotificationsOut:
    schedule = stored.schedule
    return NotificationsOut(
        level=stored.level,
        keywords=list(stored.keywords),
        quiet_until=stored.quiet_until,
        schedule=QuietSchedule.model_validate_json(schedule) if schedule else None,
    )


def _room_out(view: settings.RoomView) -> RoomNotificationsOut:
    muted = view.settings.is_muted(now())
    return RoomNotificationsOut(
        level=view.settings.level,
        effective_level=view.level,
        muted=muted,
        muted_until=view.settings.muted_until if muted else None,
    )
