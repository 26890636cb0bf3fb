"""/users/me/reminders."""

from uuid import UUID

from fastapi import APIRouter, Depends, Response

from app.core.json_encoding import encode_json
from app.core.paging import decode_key, encode_key, split_page
from app.http.dependencies import ActorDep, ContextDep, Cursor, Limit50
from app.http.problems import problem_responses
from app.http.rates import LIGHT_WRITE, READ
from app.http.strict_json import StrictRoute
from app.persistence.item_tables import Reminder
from app.scheduling import reminders
from app.scheduling.due_times import check_due
from app.wire.errors import ErrorCode
from app.wire.schemas.items import AddReminder, ReminderOut, UpdateReminder
from app.wire.schemas.pages import Page
from app.wire.validation import CanonicalUuid

router = APIRouter(prefix="/users/me/reminders", tags=["items"], route_class=StrictRoute)


@router.post(
    "",
    status_code=201,
    operation_id="add_reminder",
    summary="Add a reminder",
    responses=problem_responses(ErrorCode.NOT_FOUND, ErrorCode.FORBIDDEN, ErrorCode.TOO_MANY),
    dependencies=[Depends(LIGHT_WRITE)],
)
async def add(body: AddReminder, actor: ActorDep, context: ContextDep) -> ReminderOut:
    """Be reminded of a room, or of a message in it, at a time."""
    limits = context.settings.limits
    return _out(
        await context.database.transact(
            reminders.add_reminder,
            actor,
            body.room,
            body.seq,
            body.note,
            check_due(body.due_at, limits.max_schedule_days),
            limits.max_reminders,
        )
    )


@router.get(
    "",
    operation_id="list_reminders",
    summary="List the caller's reminders",
    response_model=Page[ReminderOut],
    dependencies=[Depends(READ)],
)
async def list_reminders(
    actor: ActorDep, context: ContextDep, limit: Limit50, cursor: Cursor = None
) -> Response:
    """The caller's reminders, also those that have fired, in the order in which they were made."""
    key = decode_key(cursor, UUID)
    rows = await context.database.read_directly(
        reminders.list_reminders, actor.user, key[0] if key else None, limit + 1
    )
    items, more = split_page(rows, limit)
    page = {"items": items, "next": encode_key(UUID(bytes=items[-1]["id"])) if more else None}
    return Response(encode_json(page), media_type="application/json")


@router.patch(
    "/{reminder_id}",
    operation_id="update_reminder",
    summary="Update a reminder",
    responses=problem_responses(ErrorCode.NOT_FOUND),
    dependencies=[Depends(LIGHT_WRITE)],
)
async def update(
    reminder_id: CanonicalUuid, body: UpdateReminder, actor: ActorDep, context: ContextDep
) -> ReminderOut:
    """Change the note or the time. Another time makes a reminder that has fired pending again."""
    if body.due_at is not None:
        due_at = check_due(body.due_at, context.settings.limits.max_schedule_days)
        body = body.model_copy(update={"due_at": due_at})
    return _out(
        await context.database.transact(reminders.update_reminder, actor, reminder_id, body)
    )


@router.delete(
    "/{reminder_id}",
    operation_id="delete_reminder",
    summary="Delete a reminder",
    status_code=204,
    responses=problem_responses(ErrorCode.NOT_FOUND),
    dependencies=[Depends(LIGHT_WRITE)],
)
async def delete(reminder_id: CanonicalUuid, actor: ActorDep, context: ContextDep) -> Response:
    """Delete a reminder, whether or not it has fired."""
    await context.database.transact(reminders.delete_reminder, actor, reminder_id)
    return Response(status_code=204)


def _out(reminder: Reminder) -> ReminderOut:
    return ReminderOut(
        id=reminder.id,
        room=reminder.room_id,
        seq=reminder.seq,
        note=reminder.note,
        due_at=reminder.due_at,
        fired_at=reminder.fired_at,
    )
