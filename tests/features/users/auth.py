"""The token endpoint as clients call it, and its rows."""

from typing import Any
from uuid import UUID

import httpx
from sqlalchemy import Update, update

from app.core.tokens import digest
from app.persistence.tables import RefreshToken, Session
from app.persistence.uow import UnitOfWork
from testkit.people import API
from testkit.server import PASSWORD, TestServer

TOKEN = f"{API}/auth/token"


async def log_in(
    http: httpx.AsyncClient, username: str, password: str = PASSWORD, **headers: str
) -> httpx.Response:
    form = {"grant_type": "password", "username": username, "password": password}
    return await http.post(TOKEN, data=form, headers=headers)


async def renew(http: httpx.AsyncClient, refresh_token: str) -> httpx.Response:
    form = {"grant_type": "refresh_token", "refresh_token": refresh_token}
    return await http.post(TOKEN, data=form)


async def whoami(http: httpx.AsyncClient, access_token: str) -> httpx.Response:
    bearer = {"Authorization": f"Bearer {access_token}"}
    return await http.get(f"{API}/users/me", headers=bearer)


async def set_token_times(server: TestServer, refresh_token: str, **times: Any) -> None:
    """Change the times of a refresh token instead of waiting."""
    row = RefreshToken.digest == digest(refresh_token)
    await _alter(server, update(RefreshToken).where(row).values(times))


async def set_session_times(server: TestServer, session: str, **times: Any) -> None:
    await _alter(server, update(Session).where(Session.id == UUID(session)).values(times))


async def _alter(server: TestServer, statement: Update) -> None:
    async def alter(uow: UnitOfWork) -> int:
        found: Any = await uow._session.execute(statement)
        return int(found.rowcount)

    assert await server.context.database.transact(alter) == 1
