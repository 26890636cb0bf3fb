"""/rooms/{id}/messages, /events and /read."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Response

from app.core.json_encoding import encode_json
from app.http.conditional import CONDITIONAL_RESPONSES, IfNoneMatch, conditional_response
from app.http.dependencies import ActorDep, ContextDep, Limit50, Limit100, Seq
from app.http.problems import problem_responses
from app.http.rates import LIGHT_WRITE, READ, SEND
from app.http.strict_json import StrictRoute
from app.messages import pages, read_by
from app.messages.pages import PagePosition
from app.messages.send.submit import submit_message
from app.persistence.repositories.room_lists import RoomListRow
from app.wire.errors import ErrorCode
from app.wire.events import Message
from app.wire.schemas.messages import (
    EventPage,
    MessagePage,
    ReadBy,
    ReadOut,
    SendMessageRequest,
    SetRead,
    SetUnread,
)
from app.wire.seq import MAX_SEQ
from app.wire.validation import CanonicalUuid

router = APIRouter(prefix="/rooms/{room_id}", tags=["messages"], route_class=StrictRoute)

ROOM_READ_ERRORS = problem_responses(ErrorCode.NOT_FOUND, ErrorCode.FORBIDDEN)
DUPLICATE_RESPONSE: dict[int | str, dict[str, Any]] = {
    200: {"description": "This nonce was sent before: the first message.", "model": Message}
}
Before = Annotated[Seq | None, Query(description="The newest ones that are older than this `seq`.")]
After = Annotated[Seq | None, Query(description="The oldest ones that are newer than this `seq`.")]
Around = Annotated[Seq | None, Query(description="This `seq` and what is on both sides of it.")]


@router.get(
    "/messages",
    operation_id="list_messages",
    summary="List messages of a room",
    response_model=MessagePage,
    responses=ROOM_READ_ERRORS | CONDITIONAL_RESPONSES,
    dependencies=[Depends(READ)],
)
async def page(
    room_id: CanonicalUuid,
    actor: ActorDep,
    context: ContextDep,
    limit: Limit50,
    before: Before = None,
    after: After = None,
    around: Around = None,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """A page of messages by `seq`: the newest, or those before, after or around one."""
    position = PagePosition(before, after, around)
    window = await context.database.read_directly(
        pages.get_page, actor.user, room_id, position, limit
    )
    return conditional_response(pages.encode_messages(window), if_none_match)


@router.post(
    "/messages",
    status_code=201,
    operation_id="send_message",
    summary="Send a message",
    responses=DUPLICATE_RESPONSE
    | ROOM_READ_ERRORS
    | problem_responses(ErrorCode.NONCE_CONFLICT, ErrorCode.ROOM_ARCHIVED),
    dependencies=[Depends(SEND)],
)
async def send(
    room_id: CanonicalUuid,
    body: SendMessageRequest,
    actor: ActorDep,
    context: ContextDep,
    response: Response,
) -> Message:
    """Send a message. 201 means that it is committed; the same nonce again is a 200."""
    message, duplicate = await submit_message(context, actor, room_id, body.nonce, body)
    if duplicate:
        response.status_code = 200
    return message


@router.get(
    "/messages/{seq}",
    operation_id="get_message",
    summary="Get a message",
    response_model=Message,
    responses=ROOM_READ_ERRORS | CONDITIONAL_RESPONSES,
    dependencies=[Depends(READ)],
)
async def get(
    room_id: CanonicalUuid,
    seq: Annotated[Seq, Path()],
    actor: ActorDep,
    context: ContextDep,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """One message."""
    message = await context.database.read_directly(pages.get, actor.user, room_id, seq)
    return conditional_response(encode_json(message), if_none_match)


@router.get(
    "/messages/{seq}/read-by",
    operation_id="list_readers",
    summary="List who has read a message",
    responses=ROOM_READ_ERRORS,
    dependencies=[Depends(READ)],
)
async def list_readers(
    room_id: CanonicalUuid,
    seq: Annotated[Seq, Path()],
    actor: ActorDep,
    context: ContextDep,
) -> ReadBy:
    """The members whose read marker is at the message or after it. `forbidden` in a large room,
    and in one that does not show it."""
    max_members = context.settings.limits.max_read_by_members
    return ReadBy(
        users=await context.database.read(read_by.list_readers, actor, room_id, seq, max_members)
    )


@router.get(
    "/events",
    operation_id="list_events",
    summary="List events of a room",
    response_model=EventPage,
    responses=ROOM_READ_ERRORS | CONDITIONAL_RESPONSES,
    dependencies=[Depends(READ)],
)
async def list_events(
    room_id: CanonicalUuid,
    actor: ActorDep,
    context: ContextDep,
    limit: Limit100,
    after: Annotated[Seq, Query(description="The last `seq` that the caller has.")] = 0,
    until: Annotated[Seq, Query(description="The last `seq` that is wanted.")] = MAX_SEQ,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """The room's log: every event after `after`, in order, without a hole."""
    window = await context.database.read_directly(
        pages.list_events, actor.user, room_id, after, until, limit
    )
    return conditional_response(pages.encode_events(window), if_none_match)


@router.put(
    "/read",
    operation_id="mark_read",
    summary="Move the caller's read marker",
    responses=ROOM_READ_ERRORS,
    dependencies=[Depends(LIGHT_WRITE)],
)
async def mark_read(
    room_id: CanonicalUuid, body: SetRead, actor: ActorDep, context: ContextDep
) -> ReadOut:
    """Move the caller's read marker forward; a lower `seq` changes nothing. Of several calls for a
    room within a second, those after the first have one answer, when the second is over."""
    return _read_out(await context.mark_read(actor, room_id, body.seq))


@router.post(
    "/unread",
    operation_id="mark_unread",
    summary="Mark messages as unread",
    responses=ROOM_READ_ERRORS,
    dependencies=[Depends(LIGHT_WRITE)],
)
async def mark_unread(
    room_id: CanonicalUuid, body: SetUnread, actor: ActorDep, context: ContextDep
) -> ReadOut:
    """Mark the messages of others from `seq` on as unread: the caller's read marker is right
    before it, wherever it was."""
    return _read_out(await context.mark_unread(actor, room_id, body.seq))


def _read_out(row: RoomListRow) -> ReadOut:
    return ReadOut(seq=row.read_seq, unread=row.unread, mentions=row.mentions)
