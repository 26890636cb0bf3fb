"""The bus: how the processes hear that something was recorded. Speed, not truth."""

from collections.abc import Callable, Sequence
from typing import Protocol

from app.core.publications import Publication

Hear = Callable[[Publication], None]
Doubt = Callable[[], None]


class Bus(Protocol):
    def announce(self, publications: Sequence[Publication]) -> None:
        """Tell every process, this one included. Never blocks and never fails.

        At most once: a poke may be lost, doubled or swapped with another. The reader repairs that
        from the log (`realtime/delivery/room_stream.py`).
        """

    def whisper(self, publications: Sequence[Publication]) -> None:
        """Tell every process, this one included, of what is true only now. Never blocks or fails.

        At most once, and soon or never: what the broker does not take is thrown away, and nobody
        is told. In the order of what this process announces on the same topic, as far as it comes.
        """

    def listen(self, hear: Hear, doubt: Doubt) -> None:
        """From now on call `hear` for each poke, and `doubt` when some may have been lost.

        Both are called on the event loop, must not block, and must not raise.
        """

    async def start(self) -> None:
        """Return once pokes of other processes are heard, or, if the broker cannot be reached,
        after a bounded time; connecting goes on in the background."""

    async def stop(self) -> None:
        """Send what is waiting, within a bounded time, and hear no more."""

    @property
    def healthy(self) -> bool:
        """Pokes of other processes are being heard, as far as this process can tell."""
