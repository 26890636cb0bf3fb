"""The order of the list of mentions, and how lists in this order become one page. No I/O."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple
from uuid import UUID


class MentionKey(NamedTuple):
    """The place of a mention in the list, and in the order of the list."""

    at: datetime
    room: UUID
    seq: int


FIRST = MentionKey(datetime.max.replace(tzinfo=UTC), UUID(int=2**128 - 1), 2**63 - 1)


class KeyPage(NamedTuple):
    """`next` is where the list goes on; None: it ends here."""

    keys: list[MentionKey]
    next: MentionKey | None


class Candidates:
    """Keys from several lists, each read up to `max_rows`: what is complete ends with the list that
    ends first."""

    def __init__(self, max_rows: int) -> None:
        self.max_rows = max_rows
        self.last: MentionKey | None = None  # the last key that is complete, if not all are
        self._mentions: set[MentionKey] = set()

    def add(self, keys: Sequence[MentionKey], mentions: Sequence[MentionKey]) -> None:
        """A list, newest first, and those in it that mean the user. A message has several rows: the
        last one of a list that goes on may lack some."""
        if len(keys) >= self.max_rows:
            self.end_at(min(key for key in keys if key != keys[-1]))
        self._mentions.update(mentions)

    def end_at(self, key: MentionKey) -> None:
        self.last = key if self.last is None else max(self.last, key)

    def page(self, limit: int) -> KeyPage:
        last = self.last
        mentions = sorted((k for k in self._mentions if last is None or k >= last), reverse=True)
        if len(mentions) > limit:
            return KeyPage(mentions[:limit], mentions[limit - 1])
        return KeyPage(mentions, last)
