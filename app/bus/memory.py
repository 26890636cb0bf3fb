"""The bus of one process."""

from collections.abc import Sequence

import structlog

from app.bus.base import Doubt, Hear
from app.core.publications import Announcement

log = structlog.get_logger(__name__)


class MemoryBus:
    """Delivers at once, in order, exactly once: more than `Bus` asks for."""

    healthy = True

    def __init__(self) -> None:
        self._hear: list[Hear] = []

    def announce(self, pokes: Sequence[Announcement]) -> None:
        for hear in self._hear:
            for poke in pokes:
                try:
                    hear(poke)
                except Exception:  # a defect of the listener, after COMMIT: no send fails for it
                    log.exception("bus.listener_failed", kind=poke.kind.name)

    def whisper(self, pokes: Sequence[Announcement]) -> None:
        self.announce(pokes)

    def listen(self, hear: Hear, doubt: Doubt) -> None:
        self._hear.append(hear)

    async def start(self) -> None:
        """Nothing to connect to."""

    async def stop(self) -> None:
        self._hear.clear()
