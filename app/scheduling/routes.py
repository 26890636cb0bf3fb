"""/rooms/{id}/scheduled, /users/me/scheduled and /scheduled/{id}."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter, Depends, Response

from app.core.json_encoding import encode_json
from app.core.paging import decode_key, encode_key, split_page
from app.http.dependencies import ActorDep, ContextDep, Cursor, Limit50
from app.http.problems import problem_responses
from app.http.rates import LIGHT_WRITE, READ, SEND
from app.http.strict_json import StrictRoute
from app.messages.send.submit import check_content, check_length
from app.persistence.item_tables import ScheduledMessage
from app.scheduling import service
from app.scheduling.due_times import check_due
from app.wire.errors import ErrorCode
from app.wire.items import ScheduledState
from app.wire.schemas.items import ScheduledOut, ScheduleMessage, UpdateScheduled
from app.wire.schemas.pages import Page
from app.wire.validation import CanonicalUuid

router = APIRouter(tags=["items"], route_class=StrictRoute)

CHANGE_ERRORS = problem_responses(ErrorCode.NOT_FOUND, ErrorCode.NOT_PENDING)
DUPLICATE_RESPONSE: dict[int | str, dict[str, Any]] = {
    200: {"description": "This nonce was used before: the first one.", "model": ScheduledOut}
}


@router.post(
    "/rooms/{room_id}/scheduled",
    status_code=201,
    operation_id="schedule_message",
    summary="Schedule a message",
    responses=DUPLICATE_RESPONSE
    | problem_responses(
        *(ErrorCode.NOT_FOUND, ErrorCode.FORBIDDEN, ErrorCode.NONCE_CONFLICT),
        *(ErrorCode.ROOM_ARCHIVED, ErrorCode.TOO_MANY),
    ),
    dependencies=[Depends(SEND)],
)
async def schedule(
    room_id: CanonicalUuid,
    body: ScheduleMessage,
    actor: ActorDep,
    context: ContextDep,
    response: Response,
) -> ScheduledOut:
    """Send a message at a time. What the caller may do is decided again then: a message that is
    refused stays in the list as `failed`, with the code of the error. The same nonce again is a
    200."""
    check_content(body, context.settings.limits)
    scheduled, is_new = await context.database.transact(
        service.schedule_message,
        actor,
        room_id,
        body.nonce,
        body,
        check_due(body.due_at, context.settings.limits.max_schedule_days),
        context.settings.limits.max_scheduled,
    )
    if not is_new:
        response.status_code = 200
    return _out(scheduled)


@router.get(
    "/users/me/scheduled",
    operation_id="list_scheduled_messages",
    summary="List the caller's scheduled messages",
    response_model=Page[ScheduledOut],
    dependencies=[Depends(READ)],
)
async def list_scheduled(
    actor: ActorDep, context: ContextDep, limit: Limit50, cursor: Cursor = None
) -> Response:
    """The caller's scheduled messages that are pending or have failed, in the order in which they
    were made."""
    key = decode_key(cursor, UUID)
    rows = await context.database.read_directly(
        service.list_scheduled, actor.user, key[0] if key else None, limit + 1
    )
    scheduled, more = split_page(rows, limit)
    next_ = encode_key(UUID(bytes=scheduled[-1]["id"])) if more else None
    page = {"items": scheduled, "next": next_}
    return Response(encode_json(page), media_type="application/json")


@router.patch(
    "/scheduled/{scheduled_id}",
    operation_id="update_scheduled_message",
    summary="Update a scheduled message",
    responses=CHANGE_ERRORS,
    dependencies=[Depends(LIGHT_WRITE)],
)
async def update(
    scheduled_id: CanonicalUuid, body: UpdateScheduled, actor: ActorDep, context: ContextDep
) -> ScheduledOut:
    """Change the content or the time of a message that is pending."""
    if body.text is not None:
        check_length(body.text, context.settings.limits.text_chars)
    if body.due_at is not None:
        body = body.model_copy(
            update={"due_at": check_due(body.due_at, context.settings.limits.max_schedule_days)}
        )
    return _out(
        await context.database.transact(service.update_scheduled, actor, scheduled_id, body)
    )


@router.delete(
    "/scheduled/{scheduled_id}",
    operation_id="delete_scheduled_message",
    summary="Delete a scheduled message",
    status_code=204,
    responses=CHANGE_ERRORS,
    dependencies=[Depends(LIGHT_WRITE)],
)
async def delete(scheduled_id: CanonicalUuid, actor: ActorDep, context: ContextDep) -> Response:
    """Do not send a message, or forget one that has failed."""
    await context.database.transact(service.delete_scheduled, actor, scheduled_id)
    return Response(status_code=204)


def _out(scheduled: ScheduledMessage) -> ScheduledOut:
    return ScheduledOut(
        id=scheduled.id,
        room=scheduled.room_id,
        due_at=scheduled.due_at,
        state=ScheduledState(scheduled.state),
        error=scheduled.error,
        nonce=scheduled.nonce,
        **service.decode_content(scheduled).content_fields(),
    )
