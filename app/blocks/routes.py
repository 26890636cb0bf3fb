"""/users/me/blocks."""

from datetime import UTC
from uuid import UUID

from fastapi import APIRouter, Depends, Response

from app.blocks import service
from app.core.clock import EPOCH, MICROSECOND, microseconds
from app.core.json_encoding import encode_json
from app.core.paging import decode_key, encode_key, split_page
from app.http.dependencies import ActorDep, ContextDep, Cursor, Limit50
from app.http.problems import problem_responses
from app.http.rates import HEAVY_WRITE, READ
from app.http.strict_json import StrictRoute
from app.persistence.direct_reads import DirectReads
from app.persistence.repositories.blocks import BlockPosition
from app.persistence.repositories.item_query import ItemValue
from app.wire.errors import ErrorCode
from app.wire.schemas.blocks import BlockOut
from app.wire.schemas.pages import Page
from app.wire.validation import CanonicalUuid

router = APIRouter(prefix="/users/me/blocks", tags=["users"], route_class=StrictRoute)


@router.get(
    "",
    operation_id="list_blocks",
    summary="List the users that the caller has blocked",
    response_model=Page[BlockOut],
    dependencies=[Depends(READ)],
)
async def list_blocks(
    actor: ActorDep, context: ContextDep, limit: Limit50, cursor: Cursor = None
) -> Response:
    """The users that the caller has blocked, the newest block first."""
    key = decode_key(cursor, int, UUID)
    after = None if key is None else BlockPosition(EPOCH + key[0] * MICROSECOND, key[1])
    rows = await context.database.read_directly(_read_page, actor.user, after, limit + 1)
    blocks, more = split_page(rows, limit)
    body = {"items": blocks, "next": _encode_cursor(blocks[-1]) if more else None}
    return Response(encode_json(body), media_type="application/json")


@router.put(
    "/{user_id}",
    operation_id="block_user",
    summary="Block a user",
    responses=problem_responses(ErrorCode.NOT_FOUND, ErrorCode.TOO_MANY),
    dependencies=[Depends(HEAVY_WRITE)],
)
async def block(user_id: CanonicalUuid, actor: ActorDep, context: ContextDep) -> BlockOut:
    """Block a user; again changes nothing. The user cannot write to the caller directly, does not
    see the caller's presence, and mentions of the caller by the user neither notify nor count.
    Clients hide the user's messages."""
    settings = context.settings
    stored = await context.database.transact(
        service.block_user, actor, user_id, settings.limits.max_blocks, settings.users.directory
    )
    return BlockOut(user=stored.blocked_id, at=stored.at)


@router.delete(
    "/{user_id}",
    operation_id="unblock_user",
    summary="Unblock a user",
    status_code=204,
    dependencies=[Depends(HEAVY_WRITE)],
)
async def unblock(user_id: CanonicalUuid, actor: ActorDep, context: ContextDep) -> Response:
    """Unblock a user; one who is not blocked, or does not exist, stays so."""
    await context.database.transact(service.unblock_user, actor, user_id)
    return Response(status_code=204)


async def _read_page(
    reads: DirectReads, user_id: UUID, after: BlockPosition | None, limit: int
) -> list[ItemValue]:
    return await reads.blocks.page(user_id, after, limit)


def _encode_cursor(block: ItemValue) -> str:
    return encode_key(microseconds(block["at"].replace(tzinfo=UTC)), UUID(bytes=block["user"]))
