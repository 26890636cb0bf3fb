"""Queries of items, for `test_plans.py`."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

from app.core.clock import now
from app.core.ids import new_id
from app.persistence.repositories.blocks import BlockPosition
from app.persistence.repositories.saved_messages import SavedPosition
from app.wire.items import ItemKey, ItemKind
from tests.persistence.large_dataset import LargeDataset

ITEM_QUERIES: dict[str, Callable[[LargeDataset], Awaitable[object]]] = {
    "drafts": lambda w: w.database.read_directly(
        lambda reads: reads.drafts.page(w.actor.user, None, 50)
    ),
    "drafts, next page": lambda w: w.database.read_directly(
        lambda reads: reads.drafts.page(w.actor.user, (w.rooms[500], 0), 50)
    ),
    "saved messages": lambda w: w.database.read_directly(
        lambda reads: reads.saved_messages.page(w.actor.user, None, 50)
    ),
    "saved messages, next page": lambda w: w.database.read_directly(
        lambda reads: reads.saved_messages.page(
            w.actor.user, SavedPosition(now() - timedelta(days=1), w.room, 40), 50
        )
    ),
    "scheduled messages": lambda w: w.database.read_directly(
        lambda reads: reads.scheduled_messages.page(w.actor.user, None, 50)
    ),
    "scheduled messages, next page": lambda w: w.database.read_directly(
        lambda reads: reads.scheduled_messages.page(w.actor.user, w.room, 50)
    ),
    "scheduled messages that are due": lambda w: w.database.read_directly(
        lambda reads: reads.scheduled_messages.list_due(100)
    ),
    "reminders": lambda w: w.database.read_directly(
        lambda reads: reads.reminders.page(w.actor.user, None, 50)
    ),
    "reminders, next page": lambda w: w.database.read_directly(
        lambda reads: reads.reminders.page(w.actor.user, w.room, 50)
    ),
    "reminders that are due": lambda w: w.database.read_directly(
        lambda reads: reads.reminders.list_due(100)
    ),
    "blocks": lambda w: w.database.read_directly(
        lambda reads: reads.blocks.page(w.actor.user, None, 50)
    ),
    "blocks, next page": lambda w: w.database.read_directly(
        lambda reads: reads.blocks.page(
            w.actor.user, BlockPosition(now() - timedelta(days=1), w.actor.user), 50
        )
    ),
    "values of items": lambda w: w.database.read_directly(
        lambda reads: reads.items.read(
            [
                (user, ItemKey(kind, w.room, 0, new_id()))
                for kind in ItemKind
                for user in w.users[:20]
            ]
        )
    ),
}
