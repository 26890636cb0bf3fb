"""Paces the drafts that clients save while their users type."""

from app.application.paced_commits import PacedCommits
from app.core.actor import Actor
from app.core.drafts import DraftContent, DraftKey
from app.drafts.service import save_draft
from app.persistence.database import Database


class DraftQueue:
    def __init__(self, database: Database, max_drafts: int) -> None:
        self._database, self._max_drafts = database, max_drafts
        self._changes: PacedCommits[DraftContent, None] = PacedCommits(lambda _, later: later)

    async def save(self, actor: Actor, key: DraftKey, content: DraftContent) -> None:
        """Returns when this content, or a later one, is committed. Raises what `save_draft`
        does."""
        await self._changes.submit(
            (actor.user, key),
            content,
            lambda latest: self._database.transact(
                save_draft, actor, key, latest, self._max_drafts
            ),
        )

    async def close(self) -> None:
        """Commit what waits, within a bounded time."""
        await self._changes.close()
