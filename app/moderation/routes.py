"""/users/{id}/ban."""

from fastapi import APIRouter, Depends, Response

from app.http.audit import audited
from app.http.dependencies import ActorDep, ContextDep
from app.http.problems import problem_responses
from app.http.rates import WRITE
from app.http.strict_json import StrictRoute
from app.moderation import service
from app.wire.audit import AuditAction
from app.wire.errors import ErrorCode
from app.wire.schemas.moderation import BanOut
from app.wire.validation import CanonicalUuid

router = APIRouter(prefix="/users/{user_id}/ban", tags=["moderation"], route_class=StrictRoute)

REFUSED = problem_responses(ErrorCode.FORBIDDEN, ErrorCode.NOT_FOUND)


@router.put(
    "",
    operation_id="ban_user",
    summary="Ban a user",
    responses=REFUSED,
    openapi_extra=audited(AuditAction.USER_BANNED),
    dependencies=[Depends(WRITE)],
)
async def ban(user_id: CanonicalUuid, actor: ActorDep, context: ContextDep) -> BanOut:
    """Ban a user, for administrators of the server: all sessions end at once, their sockets are
    closed, and no login succeeds until the ban is lifted.

    Repeating it changes nothing. You cannot ban yourself.
    """
    at = await context.database.transact(service.ban, actor, user_id)
    return BanOut(user=user_id, at=at)


@router.delete(
    "",
    operation_id="unban_user",
    summary="Lift the ban of a user",
    status_code=204,
    responses=REFUSED,
    openapi_extra=audited(AuditAction.USER_UNBANNED),
    dependencies=[Depends(WRITE)],
)
async def unban(user_id: CanonicalUuid, actor: ActorDep, context: ContextDep) -> Response:
    """Lift a ban, for administrators of the server; what has ended stays ended."""
    await context.database.transact(service.unban, actor, user_id)
    return Response(status_code=204)
