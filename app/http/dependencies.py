"""Dependencies of HTTP endpoints: the only reader of request state."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Annotated, Any, cast

from fastapi import Depends, Query, Request
from fastapi.exceptions import HTTPException
from fastapi.requests import HTTPConnection
from fastapi.security import OAuth2PasswordBearer
from pydantic import Field

from app.application.app_context import Context
from app.application.session_lookup import identify
from app.core.actor import Actor
from app.core.cancellation import end
from app.core.tokens import Claims
from app.wire.errors import TokenMissing
from app.wire.validation import MAX_ITEMS, DecimalDigits, invalid_from_pydantic

oauth2 = OAuth2PasswordBearer(
    tokenUrl="/api/v1/auth/token",
    refreshUrl="/api/v1/auth/token",
    auto_error=False,
    description="Username and password, or a refresh token, for a short-lived access token.",
)


def context_of(connection: HTTPConnection) -> Context:
    return cast(Context, connection.state.context)


# Dependencies are coroutines: FastAPI would run a plain function in a thread.
async def get_context(connection: HTTPConnection) -> Context:
    return context_of(connection)


ContextDep = Annotated[Context, Depends(get_context)]


async def bearer_token(token: Annotated[str | None, Depends(oauth2)]) -> str:
    """Raises TokenMissing."""
    if not token:
        raise TokenMissing(
            "This needs an access token: send `Authorization: Bearer …` with one from "
            "POST /api/v1/auth/token."
        )
    return token


BearerToken = Annotated[str, Depends(bearer_token)]


async def authenticate(request: Request) -> None:
    """Find the caller. Raises Unauthenticated without a living session behind a valid access token.

    FastAPI reads and parses a body before it asks any dependency. `StrictRoute` calls this before
    that, so that a stranger's body costs nothing.
    """
    token = await bearer_token(await oauth2(request))
    request.state.actor, _ = await identify(context_of(request), token)


async def current_actor(request: Request, _: Annotated[str | None, Depends(oauth2)]) -> Actor:
    """The caller, whom `authenticate` has found. The scheme is for the OpenAPI document."""
    return cast(Actor, request.state.actor)


async def signed_claims(context: ContextDep, token: BearerToken) -> Claims:
    """What a token of ours says, which may have expired, as its session may: good for a logout."""
    return context.tokens.verify(token, accept_expired=True)


ActorDep = Annotated[Actor, Depends(current_actor)]
ClaimsDep = Annotated[Claims, Depends(signed_claims)]


def client_address(connection: HTTPConnection) -> str:
    return connection.client.host if connection.client else "unknown"


@asynccontextmanager
async def disconnection(request: Request) -> AsyncIterator["asyncio.Task[None]"]:
    """Done when the client has gone; for what it would have to wait for. After the body only."""

    async def wait() -> None:
        with suppress(HTTPException):  # `BodyLimitMiddleware` raises it
            while (await request.receive())["type"] != "http.disconnect":
                pass

    task = asyncio.create_task(wait())
    try:
        yield task
    finally:
        await end(task)


Cursor = Annotated[
    str | None, Query(max_length=400, description="`next` of the page before; absent: the first.")
]


def page_limit(default: int) -> Any:
    """`limit`, up to the setting. A default that is above the setting is lowered to it."""

    async def read_limit(
        request: Request,
        context: ContextDep,
        limit: Annotated[
            int,
            Field(ge=1, le=MAX_ITEMS),
            DecimalDigits,
            Query(description="Items on a page, at most."),
        ] = default,
    ) -> int:
        page = context.settings.limits.max_page_size
        if limit > page and "limit" in request.query_params:
            message = f"Input should be less than or equal to {page}"
            raise invalid_from_pydantic([{"loc": ("query", "limit"), "msg": message}])
        return min(limit, page)

    return Depends(read_limit)


Limit20 = Annotated[int, page_limit(20)]
Limit50 = Annotated[int, page_limit(50)]
Limit100 = Annotated[int, page_limit(100)]
Search = Annotated[
    str, Query(max_length=100, description="Part of the name, without regard to case; empty: all.")
]
