"""The filters of rooms and of the server, as they are stored, for those who send."""

from typing import NamedTuple

from sqlalchemy import select

from app.persistence.repositories.server_settings import SERVER_SETTINGS_ID
from app.persistence.sql.statement import Statement
from app.persistence.tables import ServerSettings, columns

_settings = columns(ServerSettings)
# Not null: the server has a filter, which is read then. Most have none.
SERVER_HAS_FILTER = (
    select(_settings.id)
    .where(_settings.id == SERVER_SETTINGS_ID, _settings.filters.is_not(None))
    .scalar_subquery()
)
READ_SERVER_FILTER = Statement(select(_settings.filters).where(_settings.id == SERVER_SETTINGS_ID))


class FilterDocuments(NamedTuple):
    """None: no rules."""

    room: str | None = None
    server: str | None = None


NO_FILTERS = FilterDocuments()
