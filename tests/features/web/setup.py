"""Servers that are not set up, and their code."""

from typing import Any

from sqlalchemy import delete

from app.core.setup_code import create_setup_code
from app.persistence.tables import ServerSettings
from app.persistence.uow import UnitOfWork
from testkit.server import PASSWORD, TestServer, unique_username


async def forget_setup(server: TestServer) -> None:
    """From now on the server can be set up, whatever accounts there are."""

    async def delete_settings(uow: UnitOfWork) -> None:
        await uow._session.execute(delete(ServerSettings))

    await server.context.database.transact(delete_settings)


async def get_setup_code(server: TestServer) -> str:
    state = await server.context.server_state.get()
    return create_setup_code(server.settings.auth.keys[0], state.epoch)


def setup_body(code: str, **fields: Any) -> dict[str, Any]:
    return {
        "code": code,
        "username": unique_username("first"),
        "password": PASSWORD,
        "server_name": "Analytical",
        "room_name": "General",
    } | fields
