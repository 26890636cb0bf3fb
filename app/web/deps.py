"""Dependencies of HTTP endpoints: the only reader of request state."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Annotated, cast

from fastapi import Depends, Query, Request
from fastapi.exceptions import HTTPException
from fastapi.requests import HTTPConnection
from fastapi.security import OAuth2PasswordBearer
from pydantic import Field

from app.core.actor import Actor
from app.core.errors import Unauthenticated
from app.core.fields import IN_DIGITS
from app.core.tasks import end
from app.web.context import Context

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


async def current_actor(
    context: ContextDep, token: Annotated[str | None, Depends(oauth2)]
) -> Actor:
    """The caller. Raises Unauthenticated without a living session behind a valid access token."""
    if not token:
        raise Unauthenticated(
            "This needs an access token: send `Authorization: Bearer …` with one from "
            "POST /api/v1/auth/token."
        )
    actor, _ = await context.actors.ask(context.tokens.verify(token))
    return actor


ActorDep = Annotated[Actor, Depends(current_actor)]


def client_address(connection: HTTPConnection) -> str:
    return connection.client.host if connection.client else "unknown"


@asynccontextmanager
async def disconnection(request: Request) -> AsyncIterator["asyncio.Task[None]"]:
    """Done when the client has gone; for what it would have to wait for. After the body only."""

    async def wait() -> None:
        with suppress(HTTPException):  # `Guard` raises it
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
Limit = Annotated[
    int, Field(ge=1, le=100), IN_DIGITS, Query(description="Items on a page, at most.")
]
Search = Annotated[
    str, Query(max_length=100, description="Part of the name, without regard to case; empty: all.")
]
