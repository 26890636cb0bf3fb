"""The bus of one process."""

from collections.abc import Sequence

import structlog

from app.bus.base import Doubt, Hear
from app.core.publications import Publication

log = structlog.get_logger(__name__)


class MemoryBus:
    """Delivers at once, in order, exactly once: more than `Bus` asks for."""

    healthy = True

    def __init__(self) -> None:
        self._hear: list[Hear] = []

    def announce(self, publications: Sequence[Publication]) -> None:
        for hear in self._hear:
            for publication in publications:
                try:
                    hear(publication)
                except Exception:  # a defect of the listener, after COMMIT: no send fails for it
                    log.exception("bus.listener_failed", kind=publication.kind.name)

    def whisper(self, publications: Sequence[Publication]) -> None:
        self.announce(publications)

    def listen(self, hear: Hear, doubt: Doubt) -> None:
        self._hear.append(hear)

    async def start(self) -> None:
        """Nothing to connect to."""

    async def stop(self) -> None:
        self._hear.clear()
