"""The bus of one process."""

from collections.abc import Sequence

import structlog

from app.bus.base import OnPossibleLoss, OnPublication
from app.core.publications import Publication

log = structlog.get_logger(__name__)


class MemoryBus:
    """Delivers immediately, in order and exactly once, which is more than `Bus` guarantees."""

    healthy = True

    def __init__(self) -> None:
        self._on_publication: list[OnPublication] = []

    def publish(self, publications: Sequence[Publication]) -> None:
        for on_publication in self._on_publication:
            for publication in publications:
                try:
                    on_publication(publication)
                except Exception:  # must not fail a send, which is committed already
                    log.exception("bus.subscriber_failed", kind=publication.kind.name)

    def publish_volatile(self, publications: Sequence[Publication]) -> None:
        self.publish(publications)

    def subscribe(self, on_publication: OnPublication, on_possible_loss: OnPossibleLoss) -> None:
        self._on_publication.append(on_publication)

    async def start(self) -> None:
        """Nothing to connect to."""

    async def stop(self) -> None:
        self._on_publication.clear()
