"""/rooms/{id}/draft and /users/me/drafts."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response

from app.core.drafts import DraftContent, DraftKey
from app.core.json_encoding import encode_json
from app.core.paging import decode_key, encode_key, split_page
from app.drafts import service
from app.http.dependencies import ActorDep, ContextDep, Cursor, Limit50, Seq
from app.http.problems import problem_responses
from app.http.rates import LIGHT_WRITE, READ
from app.http.strict_json import StrictRoute
from app.messages.send.submit import check_length
from app.wire.errors import ErrorCode
from app.wire.schemas.items import THREAD, DraftOut, SaveDraft
from app.wire.schemas.pages import Page
from app.wire.validation import CanonicalUuid

router = APIRouter(tags=["items"], route_class=StrictRoute)

ERRORS = problem_responses(ErrorCode.NOT_FOUND, ErrorCode.FORBIDDEN)


@router.put(
    "/rooms/{room_id}/draft",
    operation_id="save_draft",
    summary="Save a draft",
    status_code=204,
    responses=ERRORS | problem_responses(ErrorCode.TOO_MANY),
    dependencies=[Depends(LIGHT_WRITE)],
)
async def save(
    room_id: CanonicalUuid, body: SaveDraft, actor: ActorDep, context: ContextDep
) -> Response:
    """Save the caller's draft in a room or thread, for all of their devices. Sending a message does
    not delete it. Of several calls within a second, those after the first have one answer, when the
    second is over, and only the last draft is saved."""
    check_length(body.text, context.settings.limits.text_chars)
    content = DraftContent(body.text, body.reply_to)
    await context.save_draft(actor, DraftKey(room_id, body.thread), content)
    return Response(status_code=204)


@router.delete(
    "/rooms/{room_id}/draft",
    operation_id="delete_draft",
    summary="Delete a draft",
    status_code=204,
    responses=ERRORS,
    dependencies=[Depends(LIGHT_WRITE)],
)
async def delete(
    room_id: CanonicalUuid,
    actor: ActorDep,
    context: ContextDep,
    thread: Annotated[Seq, Query(description=THREAD)] = 0,
) -> Response:
    """Delete the caller's draft in a room or thread; also if there is none."""
    await context.save_draft(actor, DraftKey(room_id, thread), DraftContent(""))
    return Response(status_code=204)


@router.get(
    "/users/me/drafts",
    operation_id="list_drafts",
    summary="List the caller's drafts",
    response_model=Page[DraftOut],
    dependencies=[Depends(READ)],
)
async def list_drafts(
    actor: ActorDep, context: ContextDep, limit: Limit50, cursor: Cursor = None
) -> Response:
    """The caller's drafts, by room and thread."""
    key = decode_key(cursor, UUID, int)
    rows = await context.database.read_directly(
        service.list_drafts, actor.user, DraftKey(*key) if key else None, limit + 1
    )
    drafts, more = split_page(rows, limit)
    last = drafts[-1] if more else None
    page = {
        "items": drafts,
        "next": encode_key(UUID(bytes=last["room"]), last["thread"]) if last else None,
    }
    return Response(encode_json(page), media_type="application/json")
