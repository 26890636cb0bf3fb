"""What goes wrong for a client, on one screen."""

from collections.abc import Sequence

from app.wire.errors import Retry
from app.wire.frames import ErrorFrame
from app.wire.validation import InvalidField


class ClientError(Exception):
    """Base of all that the client raises on purpose. Its text is for a person."""


class Unreachable(ClientError):
    """No answer came: whether the server has done what was asked is not known."""


class OutboxFull(ClientError):
    """Too many messages wait for the server already; this one was not taken."""


class Ended(ClientError):
    """The client has come to its end: the server said stop. `code` is that of the socket's close,
    None if it was said in another way."""

    def __init__(self, detail: str, code: int | None = None) -> None:
        super().__init__(detail)
        self.code = code


class Closed(Ended):
    """The application has closed the client, or the room."""


class Refused(ClientError):
    """The server said no, as a problem or as an error frame. `retry` says what that means.

    `code` is one of `app.wire.errors.ErrorCode`, or `http_502` and the like where what answered was
    not the chat server. `status` is that of HTTP, None for an error frame.
    """

    def __init__(
        self,
        code: str,
        detail: str,
        *,
        retry: Retry = Retry.NEVER,
        retry_after_ms: int | None = None,
        status: int | None = None,
        errors: Sequence[InvalidField] = (),
    ) -> None:
        super().__init__(detail)
        self.code, self.detail, self.retry = code, detail, retry
        self.retry_after_ms, self.status, self.errors = retry_after_ms, status, errors

    @classmethod
    def by_frame(cls, frame: ErrorFrame) -> "Refused":
        return cls(
            frame.code,
            frame.detail,
            retry=frame.retry,
            retry_after_ms=frame.retry_after_ms,
            errors=frame.errors or (),
        )

    @property
    def final(self) -> bool:
        """The same again fails again."""
        return self.retry is Retry.NEVER

    @property
    def wait_s(self) -> float:
        """How long to wait before the same is sent again; of use only if it is not final."""
        if self.retry is Retry.NOW:
            return 0.0
        return 1.0 if self.retry_after_ms is None else self.retry_after_ms / 1000
