"""A draft: the text that a user has not sent yet in a room or a thread."""

from typing import NamedTuple
from uuid import UUID


class DraftKey(NamedTuple):
    """`thread` is the seq of the thread's first message; 0: outside of threads."""

    room: UUID
    thread: int


class DraftContent(NamedTuple):
    text: str  # empty: there is no draft
    reply_to: int | None = None
