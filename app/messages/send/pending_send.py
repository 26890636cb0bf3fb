"""A send, and who waits for its answer."""

import asyncio
from dataclasses import dataclass

from app.core.send_request import Send, Sent


@dataclass(slots=True, eq=False)
class Waiting:
    """Whoever waits may go at any time: then the answer is done, and later ones do nothing."""

    send: Send
    answer: asyncio.Future[Sent]
    until: float  # in the loop's time: how long it may wait for its turn
    over: bool = False  # it was taken, and is done

    @property
    def answered(self) -> bool:
        return self.answer.done()

    def succeed(self, sent: Sent) -> None:
        if not self.answer.done():
            self.answer.set_result(sent)

    def fail(self, error: Exception) -> None:
        if not self.answer.done():
            self.answer.set_exception(error)
            self.answer.exception()  # it may be that nobody comes for it: that is no defect
