"""/rooms/{id}/messages/{seq}/saved and /users/me/saved."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Response

from app.http.conditional import CONDITIONAL_RESPONSES, IfNoneMatch, conditional_response
from app.http.dependencies import ActorDep, ContextDep, Cursor, Limit50, Seq
from app.http.problems import problem_responses
from app.http.rates import LIGHT_WRITE, READ
from app.http.strict_json import StrictRoute
from app.saved_messages import pages, service
from app.wire.errors import ErrorCode
from app.wire.schemas.items import SavedMessageOut, SavedMessageValue, SaveMessage
from app.wire.schemas.pages import Page
from app.wire.validation import CanonicalUuid

router = APIRouter(tags=["items"], route_class=StrictRoute)


@router.put(
    "/rooms/{room_id}/messages/{seq}/saved",
    operation_id="save_message",
    summary="Save a message for later",
    responses=problem_responses(ErrorCode.NOT_FOUND, ErrorCode.FORBIDDEN, ErrorCode.TOO_MANY),
    dependencies=[Depends(LIGHT_WRITE)],
)
async def save(
    room_id: CanonicalUuid,
    seq: Annotated[Seq, Path()],
    body: SaveMessage,
    actor: ActorDep,
    context: ContextDep,
) -> SavedMessageValue:
    """Save a message for the caller alone, with a note; again: replace the note."""
    saved = await context.database.transact(
        service.save_message, actor, room_id, seq, body.note, context.settings.limits.max_saved
    )
    return SavedMessageValue(
        room=saved.room_id, seq=saved.seq, note=saved.note, saved_at=saved.saved_at
    )


@router.delete(
    "/rooms/{room_id}/messages/{seq}/saved",
    operation_id="remove_saved_message",
    summary="Remove a saved message",
    status_code=204,
    responses=problem_responses(ErrorCode.NOT_FOUND, ErrorCode.FORBIDDEN),
    dependencies=[Depends(LIGHT_WRITE)],
)
async def remove(
    room_id: CanonicalUuid, seq: Annotated[Seq, Path()], actor: ActorDep, context: ContextDep
) -> Response:
    """Remove a message from the caller's saved ones; also if it is not there, or in a room that
    the caller has left."""
    await context.database.transact(service.remove_saved, actor, room_id, seq)
    return Response(status_code=204)


@router.get(
    "/users/me/saved",
    operation_id="list_saved_messages",
    summary="List the caller's saved messages",
    response_model=Page[SavedMessageOut],
    responses=CONDITIONAL_RESPONSES,
    dependencies=[Depends(READ)],
)
async def list_saved(
    actor: ActorDep,
    context: ContextDep,
    limit: Limit50,
    cursor: Cursor = None,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """What the caller has saved in the rooms that they are in, the newest first, with each message
    as it is now."""
    parameters = {"limit": limit, "cursor": cursor}
    body = await context.database.read_directly(pages.read_page, actor.user, parameters)
    return conditional_response(body, if_none_match)
