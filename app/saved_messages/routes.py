"""/rooms/{id}/messages/{seq}/saved and /users/me/saved."""

from datetime import UTC
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Response

from app.core.clock import EPOCH, MICROSECOND, microseconds
from app.core.json_encoding import encode_json
from app.core.paging import decode_key, encode_key, split_page
from app.http.dependencies import ActorDep, ContextDep, Cursor, Limit50, Seq
from app.http.problems import problem_responses
from app.http.rates import LIGHT_WRITE, READ
from app.http.strict_json import StrictRoute
from app.persistence.repositories.saved_messages import SavedPosition
from app.saved_messages import service
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
    dependencies=[Depends(READ)],
)
async def list_saved(
    actor: ActorDep, context: ContextDep, limit: Limit50, cursor: Cursor = None
) -> Response:
    """What the caller has saved in the rooms that they are in, the newest first, with each message
    as it is now."""
    key = decode_key(cursor, int, UUID, int)
    after = None if key is None else SavedPosition(EPOCH + key[0] * MICROSECOND, *key[1:])
    rows = await context.database.read_directly(service.list_saved, actor.user, after, limit + 1)
    saved, more = split_page(rows, limit)
    page = {"items": saved, "next": _cursor(saved[-1]) if more else None}
    return Response(encode_json(page), media_type="application/json")


def _cursor(saved: dict[str, Any]) -> str:
    at = microseconds(saved["saved_at"].replace(tzinfo=UTC))
    return encode_key(at, UUID(bytes=saved["room"]), saved["seq"])
