"""The values of items of all kinds, many in one statement for each kind."""

from collections import defaultdict
from collections.abc import Iterable, Mapping

from app.core.json_encoding import encode_json
from app.persistence.repositories.blocks import BLOCKS
from app.persistence.repositories.drafts import DRAFTS
from app.persistence.repositories.item_query import ItemQuery, UserItem
from app.persistence.repositories.notifications import NOTIFICATIONS
from app.persistence.repositories.presence_settings import PRESENCE
from app.persistence.repositories.reminders import REMINDERS
from app.persistence.repositories.saved_messages import SAVED_MESSAGES
from app.persistence.repositories.scheduled_messages import SCHEDULED_MESSAGES
from app.persistence.sql.executor import Reader
from app.wire.items import ItemKind

ITEM_QUERIES: Mapping[str, ItemQuery] = {
    ItemKind.DRAFT: DRAFTS,
    ItemKind.SAVED_MESSAGE: SAVED_MESSAGES,
    ItemKind.SCHEDULED_MESSAGE: SCHEDULED_MESSAGES,
    ItemKind.REMINDER: REMINDERS,
    ItemKind.NOTIFICATIONS: NOTIFICATIONS,
    ItemKind.PRESENCE: PRESENCE,
    ItemKind.BLOCK: BLOCKS,
}


class ItemValues:
    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    async def read(self, items: Iterable[UserItem]) -> dict[UserItem, bytes | None]:
        """The JSON of each item as it is now; None: there is none. Kinds that only a newer release
        knows are left out: it does not accept our snapshots (`core/sync_tokens.py`)."""
        by_kind: dict[str, list[UserItem]] = defaultdict(list)
        for user, item in items:
            if item.kind in ITEM_QUERIES:
                by_kind[item.kind].append((user, item))
        encoded: dict[UserItem, bytes | None] = {}
        for kind, keys in by_kind.items():
            values = await ITEM_QUERIES[kind].read(self._reader, keys)
            encoded |= {key: encode_json(values[key]) if key in values else None for key in keys}
        return encoded
