"""The bus tells every process what was recorded. It may lose messages; the log does not."""

from collections.abc import Callable, Sequence
from typing import Protocol

from app.core.publications import Publication

OnPublication = Callable[[Publication], None]
OnPossibleLoss = Callable[[], None]


class Bus(Protocol):
    def publish(self, publications: Sequence[Publication]) -> None:
        """Sends to every process, this one included. Never blocks and never fails.

        Publications may be lost, duplicated or reordered. Readers repair that from the log
        (`realtime/delivery/room_stream.py`).
        """

    def publish_volatile(self, publications: Sequence[Publication]) -> None:
        """Sends what is of interest only now to every process, this one included. Never blocks and
        never fails.

        At most once, and at once or not at all: what the broker does not take is dropped silently.
        Publications of one process on one channel keep their order, those of `publish` included.
        """

    def subscribe(self, on_publication: OnPublication, on_possible_loss: OnPossibleLoss) -> None:
        """Calls `on_publication` for each publication from now on, and `on_possible_loss` when some
        may have been lost.

        Both run on the event loop and must neither block nor raise.
        """

    async def start(self) -> None:
        """Returns once publications of other processes arrive or, if the broker is unreachable,
        after a bounded time; connecting then continues in the background."""

    async def stop(self) -> None:
        """Sends what is queued, within a bounded time, and ends all subscriptions."""

    @property
    def healthy(self) -> bool:
        """Whether publications of other processes arrive, as far as this process knows."""
