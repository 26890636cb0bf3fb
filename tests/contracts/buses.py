"""Listeners of a bus."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID, uuid4

import pytest

from app.bus.base import Bus
from app.core.publications import Publication
from app.wire.events import PublicationKind

TOPIC, USER = uuid4(), uuid4()
# For tests in which Redis does not answer.
breaks_redis = pytest.mark.parametrize("timeout_s", [1.0])


class RecordingListener:
    """Records the publications and possible losses of a bus."""

    def __init__(self, bus: Bus) -> None:
        self.publications: list[Publication] = []
        self.doubts = 0
        bus.subscribe(self.publications.append, self._on_possible_loss)

    def _on_possible_loss(self) -> None:
        self.doubts += 1

    @property
    def seqs(self) -> list[int]:
        return [publication.seq for publication in self.publications]


def publication(seq: int, topic: UUID = TOPIC) -> Publication:
    return Publication(PublicationKind.MESSAGE, topic, seq, USER, b'{"seq":%d}' % seq)


@asynccontextmanager
async def run_buses(*buses: Bus) -> AsyncIterator[None]:
    await asyncio.gather(*(bus.start() for bus in buses))
    try:
        yield
    finally:
        await asyncio.gather(*(bus.stop() for bus in buses))
