"""/search."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from app.application.app_context import AppContext
from app.core.json_encoding import encode_json
from app.http.dependencies import ActorDep, ContextDep, Cursor, Limit20, create_page_limit
from app.http.rates import SEARCH
from app.http.strict_json import StrictRoute
from app.search.everything import NamesFound, find_names
from app.search.messages import find_messages, hit_items
from app.search.query import Query as SearchQuery
from app.search.query import is_plain, parse_query
from app.users.views import user_out
from app.wire.domain import SearchOrder
from app.wire.schemas.search import MAX_QUERY_CHARS, FoundRoom, SearchPage, SearchResults
from app.wire.validation import invalid_from_pydantic

router = APIRouter(tags=["search"], route_class=StrictRoute)

QueryText = Annotated[
    str,
    Query(
        max_length=MAX_QUERY_CHARS,
        description='Words, which all have to be there; "phrases"; `-` before what must not be '
        "there; `from:` `in:` `before:` `after:` `on:` `has:link` `has:poll` `is:pinned` "
        "`is:thread` `is:saved` `mentions:me`. A word at the end may be the beginning of one.",
        examples=["release from:ada"],
    ),
]
Limit5 = Annotated[int, create_page_limit(5)]


@router.get(
    "/search/messages",
    operation_id="search_messages",
    summary="Search messages",
    response_model=SearchPage,
    dependencies=[Depends(SEARCH)],
)
async def search_messages(
    actor: ActorDep,
    context: ContextDep,
    q: QueryText,
    limit: Limit20,
    order: Annotated[
        SearchOrder, Query(description="`relevance`: among the newest matches.")
    ] = SearchOrder.TIME,
    cursor: Cursor = None,
) -> Response:
    """Messages of rooms that the caller is a member of now, replies in threads among them. A new
    message may be found a second later. To show a hit among its neighbours, get the room's messages
    `around` its `seq`."""
    query = _parse(context, q)
    page = await context.database.read_directly(
        find_messages, actor.user, query, order, cursor, limit
    )
    items = await hit_items(page.hits, query)
    body = encode_json({"items": items, "next": page.cursor})
    return Response(body, media_type="application/json")


@router.get(
    "/search",
    operation_id="search",
    summary="Search people, rooms and messages",
    response_model=SearchResults,
    dependencies=[Depends(SEARCH)],
)
async def search(actor: ActorDep, context: ContextDep, q: QueryText, limit: Limit5) -> Response:
    """For one box: up to `limit` users, rooms and messages. Names are completed as they are typed;
    a search with filters or phrases finds messages only."""
    query = _parse(context, q)
    names = NamesFound()
    if is_plain(q):
        setting = context.settings.users.directory
        names = await context.database.read(find_names, actor, q, limit, setting)
    page = await context.database.read_directly(
        find_messages, actor.user, query, SearchOrder.TIME, None, limit
    )
    body = {
        "people": [user_out(user).model_dump(mode="json") for user in names.people],
        "rooms": [
            FoundRoom(
                id=room.id,
                kind=room.kind,
                name=room.name or "",
                topic=room.topic,
                is_member=is_member,
            ).model_dump()
            for room, is_member in names.rooms
        ],
        "messages": await hit_items(page.hits, query),
    }
    return Response(encode_json(body), media_type="application/json")


def _parse(context: AppContext, text: str) -> SearchQuery:
    """Raises Invalid."""
    limits = context.settings.limits
    if len(text) > limits.max_query_chars:
        message = f"String should have at most {limits.max_query_chars} characters"
        raise invalid_from_pydantic([{"loc": ("query", "q"), "msg": message}])
    return parse_query(text, limits.max_query_terms)
