"""What users have chosen others to see of their presence."""

from collections.abc import Collection
from typing import NamedTuple, cast
from uuid import UUID

from sqlalchemy import Table, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.persistence.item_tables import PresenceSettings
from app.persistence.repositories.item_query import KEY, ItemQuery
from app.persistence.sql.upsert import upsert
from app.persistence.tables import columns
from app.wire.domain import PresenceAudience, PresenceChoice

_TABLE = cast(Table, PresenceSettings.__table__)
_settings = columns(PresenceSettings)
PRESENCE = ItemQuery(
    _settings.user_id == KEY.user,
    {"choice": _settings.choice, "visible_to": _settings.visible_to},
)


class ChosenPresence(NamedTuple):
    choice: PresenceChoice = PresenceChoice.AUTOMATIC
    visible_to: PresenceAudience = PresenceAudience.SHARED_ROOMS


class PresenceSettingsReads:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def get(self, user_id: UUID) -> ChosenPresence:
        return (await self.list_chosen([user_id])).get(user_id, ChosenPresence())

    async def list_chosen(self, users: Collection[UUID]) -> dict[UUID, ChosenPresence]:
        """Of those users who have chosen something."""
        rows = await self._session.execute(
            select(_settings.user_id, _settings.choice, _settings.visible_to).where(
                _settings.user_id.in_(list(users))
            )
        )
        return {
            user: ChosenPresence(PresenceChoice(choice), PresenceAudience(visible_to))
            for user, choice, visible_to in rows
        }

    async def filter_hidden(self, users: Collection[UUID]) -> set[UUID]:
        """Those of `users` whose presence nobody sees."""
        query = select(_settings.user_id).where(
            _settings.user_id.in_(list(users)), _settings.visible_to == PresenceAudience.NOBODY
        )
        return set(await self._session.scalars(query))


class AllPresenceSettings(PresenceSettingsReads):
    async def set(self, user_id: UUID, chosen: ChosenPresence) -> None:
        row = {"user_id": user_id, "choice": chosen.choice, "visible_to": chosen.visible_to}
        insert = upsert(self._session, _TABLE, replace=("choice", "visible_to"))
        await self._session.execute(insert, [row])
