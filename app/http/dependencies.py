"""Dependencies of HTTP endpoints. Only this module reads the state of a request."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Annotated, Any, cast

from fastapi import Depends, Query, Request
from fastapi.exceptions import HTTPException
from fastapi.requests import HTTPConnection
from fastapi.security import OAuth2PasswordBearer
from pydantic import Field

from app.application.app_context import AppContext
from app.application.session_lookup import identify
from app.core.actor import Actor
from app.core.cancellation import cancel_and_wait
from app.core.paging import page_size
from app.core.tokens import Claims
from app.wire.errors import TokenMissing
from app.wire.seq import INT64, MAX_SEQ
from app.wire.validation import MAX_ITEMS, DecimalDigits

oauth2 = OAuth2PasswordBearer(
    tokenUrl="/api/v1/auth/token",
    refreshUrl="/api/v1/auth/token",
    auto_error=False,
    description="Username and password, or a refresh token, for a short-lived access token.",
)


def get_context(connection: HTTPConnection) -> AppContext:
    return cast(AppContext, connection.state.context)


# Dependencies are coroutines: FastAPI would run a plain function in a thread.
async def provide_context(connection: HTTPConnection) -> AppContext:
    return get_context(connection)


ContextDep = Annotated[AppContext, Depends(provide_context)]


async def require_bearer_token(token: Annotated[str | None, Depends(oauth2)]) -> str:
    """Raises TokenMissing."""
    if not token:
        raise TokenMissing(
            "This needs an access token: send `Authorization: Bearer …` with one from "
            "POST /api/v1/auth/token."
        )
    return token


BearerToken = Annotated[str, Depends(require_bearer_token)]


async def authenticate(request: Request) -> None:
    """Finds the caller. Raises Unauthenticated, TokenExpired, SessionEnded.

    `StrictRoute` calls this before the body is read, so that unauthenticated bodies cost nothing.
    FastAPI would read and parse the body before any dependency.
    """
    token = await require_bearer_token(await oauth2(request))
    request.state.actor, _ = await identify(get_context(request), token)


async def get_actor(request: Request, _: Annotated[str | None, Depends(oauth2)]) -> Actor:
    """The caller that `authenticate` has found. The second parameter documents the scheme."""
    return cast(Actor, request.state.actor)


async def verify_claims(context: ContextDep, token: BearerToken) -> Claims:
    """The claims of an access token that may have expired, for a logout."""
    return context.tokens.verify(token, accept_expired=True)


ActorDep = Annotated[Actor, Depends(get_actor)]
ClaimsDep = Annotated[Claims, Depends(verify_claims)]


def get_client_address(connection: HTTPConnection) -> str:
    return connection.client.host if connection.client else "unknown"


@asynccontextmanager
async def watch_disconnect(request: Request) -> AsyncIterator["asyncio.Task[None]"]:
    """A task that is done when the client has disconnected. Use it after the body was read."""

    async def wait() -> None:
        with suppress(HTTPException):  # of BodyLimitMiddleware
            while (await request.receive())["type"] != "http.disconnect":
                pass

    task = asyncio.create_task(wait())
    try:
        yield task
    finally:
        await cancel_and_wait(task)


Cursor = Annotated[
    str | None, Query(max_length=400, description="`next` of the page before; absent: the first.")
]


def create_page_limit(default: int) -> Any:
    """The parameter `limit`. A default above the setting is lowered to it."""

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
        is_default = "limit" not in request.query_params
        max_size = context.settings.limits.max_page_size
        return page_size(limit, max_size, ("query", "limit"), is_default=is_default)

    return Depends(read_limit)


Limit20 = Annotated[int, create_page_limit(20)]
Limit50 = Annotated[int, create_page_limit(50)]
Limit100 = Annotated[int, create_page_limit(100)]
# A position in a log, in a path or a query.
Seq = Annotated[int, Field(ge=0, le=MAX_SEQ, json_schema_extra=INT64), DecimalDigits]
Search = Annotated[
    str, Query(max_length=100, description="Part of the name, without regard to case; empty: all.")
]
