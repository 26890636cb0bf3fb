"""Whether to reconnect after a socket has closed or could not be opened (docs/protocol.md)."""

from enum import Enum, auto

from app.client.errors import RequestRejected


class ReconnectAction(Enum):
    RESUME = auto()  # reconnect with the positions of all rooms
    RENEW = auto()  # reconnect once with a fresh token
    STOP = auto()


def for_close_code(code: int) -> ReconnectAction:
    """44xx stops, except for two codes that allow one attempt with a fresh token."""
    match code:
        case 4401 | 4402:
            return ReconnectAction.RENEW
        case _ if 4400 <= code <= 4499:
            return ReconnectAction.STOP
        case _:
            return ReconnectAction.RESUME


def for_refusal(rejection: RequestRejected) -> ReconnectAction:
    """For a ticket or a handshake that was rejected."""
    return ReconnectAction.STOP if rejection.is_final else ReconnectAction.RESUME


class ConnectionLost(Exception):
    """There is no socket, or none any more. `wait_s` is the least pause before the next attempt."""

    def __init__(
        self, action: ReconnectAction, detail: str, *, code: int | None = None, wait_s: float = 0.0
    ) -> None:
        super().__init__(detail)
        self.action, self.detail, self.code, self.wait_s = action, detail, code, wait_s

    @classmethod
    def from_rejection(cls, rejection: RequestRejected) -> "ConnectionLost":
        wait_s = 0.0 if rejection.is_final else rejection.wait_s
        return cls(for_refusal(rejection), rejection.detail, wait_s=wait_s)
