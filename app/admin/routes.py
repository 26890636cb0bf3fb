"""/admin: for administrators of the server."""

from datetime import date
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query

from app.admin import service
from app.core.ids import parse_id
from app.core.paging import decode_cursor, encode_cursor, split_page
from app.http.dependencies import ActorDep, ContextDep, Cursor, Limit100
from app.http.problems import problem_responses
from app.http.rates import READ
from app.http.strict_json import StrictRoute
from app.wire.errors import ErrorCode, Invalid
from app.wire.schemas.pages import Page
from app.wire.schemas.statistics import MessageCountOut

router = APIRouter(prefix="/admin", tags=["admin"], route_class=StrictRoute)

DAY_CHARS = len("2026-03-01")

First = Annotated[
    date | None, Query(alias="from", description="The first day; absent: the first of all.")
]
Last = Annotated[
    date | None, Query(alias="to", description="The last day; absent: the last of all.")
]


@router.get(
    "/statistics/messages",
    operation_id="list_message_counts",
    summary="Count messages per room and day",
    responses=problem_responses(ErrorCode.FORBIDDEN),
    dependencies=[Depends(READ)],
)
async def message_counts(
    actor: ActorDep,
    context: ContextDep,
    limit: Limit100,
    first: First = None,
    last: Last = None,
    cursor: Cursor = None,
) -> Page[MessageCountOut]:
    """The messages of each room on each day (UTC) on which there were any, by day, for
    administrators of the server. They are counted in the background: the newest are there after
    some seconds."""
    after = _read_cursor(decode_cursor(cursor))
    rows = await context.database.read(service.message_counts, actor, first, last, after, limit + 1)
    counts, more = split_page(rows, limit)
    return Page(
        items=[MessageCountOut.model_validate(count, from_attributes=True) for count in counts],
        next=encode_cursor(f"{counts[-1].day}{counts[-1].room}") if more else None,
    )


def _read_cursor(key: str | None) -> tuple[date, UUID] | None:
    if key is None:
        return None
    day, room = key[:DAY_CHARS], parse_id(key[DAY_CHARS:])
    try:
        if room is not None:
            return date.fromisoformat(day), room
    except ValueError:
        pass
    raise Invalid("`cursor` is not one that this server gave. Start without it.")
