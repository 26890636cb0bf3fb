"""Dependencies of HTTP endpoints: the only reader of request state."""

from typing import Annotated, cast

from fastapi import Depends, Query, Request
from fastapi.requests import HTTPConnection
from fastapi.security import OAuth2PasswordBearer
from pydantic import Field

from app.core.actor import Actor
from app.core.errors import Unauthenticated
from app.core.fields import IN_DIGITS
from app.web.context import Context


def context_of(connection: HTTPConnection) -> Context:
    return cast(Context, connection.state.context)


# Dependencies are coroutines: FastAPI would run a plain function in a thread.
async def get_context(connection: HTTPConnection) -> Context:
    return context_of(connection)


ContextDep = Annotated[Context, Depends(get_context)]


class Authentication(OAuth2PasswordBearer):
    """The dependency for the caller. FastAPI reads and parses a body before it asks any dependency;
    `StrictRoute` calls `authenticate` before that, so that a stranger's body costs nothing."""

    async def authenticate(self, request: Request) -> None:
        """Raises Unauthenticated without a living session behind a valid access token."""
        token = await super().__call__(request)
        if not token:
            raise Unauthenticated(
                "This needs an access token: send `Authorization: Bearer …` with one from "
                "POST /api/v1/auth/token."
            )
        context = context_of(request)
        request.state.actor, _ = await context.actors.ask(context.tokens.verify(token))

    async def __call__(self, request: Request) -> Actor:  # type: ignore[override]
        return cast(Actor, request.state.actor)


authentication = Authentication(
    tokenUrl="/api/v1/auth/token",
    refreshUrl="/api/v1/auth/token",
    scheme_name="OAuth2PasswordBearer",
    auto_error=False,
    description="Username and password, or a refresh token, for a short-lived access token.",
)
ActorDep = Annotated[Actor, Depends(authentication)]


def client_address(connection: HTTPConnection) -> str:
    return connection.client.host if connection.client else "unknown"


async def throttled(context: ContextDep, request: Request) -> None:
    """Bounds how often one address may try to log in or register."""
    context.attempts.spend(client_address(request))


Cursor = Annotated[
    str | None, Query(max_length=400, description="`next` of the page before; absent: the first.")
]
Limit = Annotated[
    int, Field(ge=1, le=100), IN_DIGITS, Query(description="Items on a page, at most.")
]
Search = Annotated[
    str, Query(max_length=100, description="Part of the name, without regard to case; empty: all.")
]
