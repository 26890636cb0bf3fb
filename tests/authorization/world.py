"""What the people of a random walk know, and what one of them does."""

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from tests.authorization.watcher import Watcher


@dataclass
class World:
    """Ids that everybody knows, whether or not they may use them."""

    rooms: list[str]
    public_rooms: frozenset[str]
    users: frozenset[str]
    administrators: frozenset[str]  # of the server
    codes: list[str]  # of invite links
    ids: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))  # by parameter
    seqs: dict[str, list[int]] = field(default_factory=lambda: defaultdict(lambda: [1]))
    words: list[str] = field(default_factory=list)  # the newest


@dataclass
class Step:
    """What somebody does, and the words that they write in doing so."""

    watcher: Watcher
    name: str  # of the operation, or of the frame
    ids: dict[str, Any] = field(default_factory=dict)
    body: dict[str, Any] = field(default_factory=dict)
    query: dict[str, str] = field(default_factory=dict)
    words: list[str] = field(default_factory=list)

    @property
    def user(self) -> str:
        return self.watcher.person.id
