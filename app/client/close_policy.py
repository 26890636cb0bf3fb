"""What a client makes of the end of a socket, or of not getting one (docs/protocol.md)."""

from enum import Enum, auto

from app.client.errors import Refused


class Verdict(Enum):
    RESUME = auto()  # come back, with the positions
    RESTART = auto()  # come back without them
    RENEW = auto()  # come back once with a fresh token
    STOP = auto()


def of_close(code: int) -> Verdict:
    """The range is the verdict; two codes of the last one allow one more try."""
    match code:
        case 4401 | 4402:
            return Verdict.RENEW
        case _ if 4400 <= code <= 4499:
            return Verdict.STOP
        case _ if 4100 <= code <= 4199:
            return Verdict.RESTART
        case _:
            return Verdict.RESUME


def of_refusal(refused: Refused) -> Verdict:
    """Before the socket is one: a ticket or the handshake was refused."""
    return Verdict.STOP if refused.final else Verdict.RESUME


class Dropped(Exception):
    """There is no socket (any more). `wait_s` is the least time to stay away."""

    def __init__(
        self, verdict: Verdict, detail: str, *, code: int | None = None, wait_s: float = 0.0
    ) -> None:
        super().__init__(detail)
        self.verdict, self.detail, self.code, self.wait_s = verdict, detail, code, wait_s

    @classmethod
    def by_refusal(cls, refused: Refused) -> "Dropped":
        wait_s = 0.0 if refused.final else refused.wait_s
        return cls(of_refusal(refused), refused.detail, wait_s=wait_s)
