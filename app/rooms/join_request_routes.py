"""/rooms/{id}/join-requests."""

from uuid import UUID

from fastapi import APIRouter, Depends, Response

from app.core.paging import decode_key, encode_key, split_page
from app.http.audit import audited
from app.http.dependencies import ActorDep, ContextDep, Cursor, Limit50
from app.http.problems import problem_responses
from app.http.rates import HEAVY_WRITE, READ, WRITE
from app.http.strict_json import StrictRoute
from app.persistence.room_tables import JoinRequest
from app.rooms import join_requests
from app.rooms.views import member_out
from app.wire.audit import AuditAction
from app.wire.errors import ErrorCode
from app.wire.schemas.join_requests import AskToJoin, JoinRequestOut
from app.wire.schemas.pages import Page
from app.wire.schemas.rooms import MemberOut
from app.wire.validation import CanonicalUuid

router = APIRouter(prefix="/rooms/{room_id}/join-requests", tags=["rooms"], route_class=StrictRoute)

ERRORS = problem_responses(ErrorCode.NOT_FOUND, ErrorCode.FORBIDDEN)


@router.post(
    "",
    status_code=201,
    operation_id="ask_to_join",
    summary="Ask to join a private room",
    responses=ERRORS | problem_responses(ErrorCode.TOO_MANY, ErrorCode.ROOM_ARCHIVED),
    dependencies=[Depends(HEAVY_WRITE)],
)
async def ask(
    room_id: CanonicalUuid, body: AskToJoin, actor: ActorDep, context: ContextDep
) -> JoinRequestOut:
    """Of rooms whose setting `join_requests` is true. Asking again replaces the note."""
    max_pending = context.settings.limits.max_join_requests
    return _out(
        await context.database.transact(
            join_requests.ask_to_join, actor, room_id, body.note, max_pending
        )
    )


@router.get(
    "",
    operation_id="list_join_requests",
    summary="List requests to join a room",
    responses=ERRORS,
    dependencies=[Depends(READ)],
)
async def list_requests(
    room_id: CanonicalUuid,
    actor: ActorDep,
    context: ContextDep,
    limit: Limit50,
    cursor: Cursor = None,
) -> Page[JoinRequestOut]:
    """Those that wait for an answer, by the ids of the users, for those who may add members."""
    after = decode_key(cursor, UUID)
    rows = await context.database.read(
        join_requests.list_join_requests, actor, room_id, after[0] if after else None, limit + 1
    )
    page, more = split_page(list(rows), limit)
    return Page(items=list(map(_out, page)), next=encode_key(page[-1].user_id) if more else None)


@router.post(
    "/{user_id}/approve",
    operation_id="approve_join_request",
    summary="Approve a request to join",
    responses=ERRORS | problem_responses(ErrorCode.ROOM_ARCHIVED),
    openapi_extra=audited(AuditAction.JOIN_REQUEST_APPROVED),
    dependencies=[Depends(WRITE)],
)
async def approve(
    room_id: CanonicalUuid, user_id: CanonicalUuid, actor: ActorDep, context: ContextDep
) -> MemberOut:
    """The user becomes a member."""
    return member_out(
        await context.database.transact(join_requests.approve_join_request, actor, room_id, user_id)
    )


@router.delete(
    "/{user_id}",
    status_code=204,
    operation_id="delete_join_request",
    summary="Decline or cancel a request to join",
    responses=ERRORS,
    openapi_extra=audited(AuditAction.JOIN_REQUEST_DECLINED),
    dependencies=[Depends(WRITE)],
)
async def delete(
    room_id: CanonicalUuid, user_id: CanonicalUuid, actor: ActorDep, context: ContextDep
) -> Response:
    """An own one, or with the permission to add members."""
    await context.database.transact(join_requests.delete_join_request, actor, room_id, user_id)
    return Response(status_code=204)


def _out(request: JoinRequest) -> JoinRequestOut:
    return JoinRequestOut(user=request.user_id, note=request.note, at=request.at)
