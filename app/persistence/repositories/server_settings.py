"""The one row of `server_settings`."""

from typing import cast

from sqlalchemy import Table, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.persistence.sql.upsert import upsert
from app.persistence.tables import ServerSettings

SERVER_SETTINGS_ID = 1
_TABLE = cast(Table, ServerSettings.__table__)


class ServerSettingsReads:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def get(self) -> ServerSettings | None:
        """None: nothing was chosen yet, and the server is not set up."""
        return await self._session.get(ServerSettings, SERVER_SETTINGS_ID)


class AllServerSettings(ServerSettingsReads):
    async def lock(self) -> ServerSettings:
        """The row, which is made if there is none. Others wait until this transaction ends."""
        insert = upsert(self._session, _TABLE, replace=("id",)).values(id=SERVER_SETTINGS_ID)
        await self._session.execute(insert)
        query = (
            select(ServerSettings).where(ServerSettings.id == SERVER_SETTINGS_ID).with_for_update()
        )
        return (await self._session.scalars(query)).one()
