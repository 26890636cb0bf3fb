"""The exceptions of the client."""

from collections.abc import Sequence

from app.wire.errors import Retry
from app.wire.frames import ErrorFrame
from app.wire.validation import InvalidField


class ClientError(Exception):
    """Base of all exceptions that the client raises on purpose. The text is for people."""


class Unreachable(ClientError):
    """No answer came. The server may have executed the request."""


class SendQueueFull(ClientError):
    """Too many messages wait for the server; this one was not queued."""


class ClientStopped(ClientError):
    """The server has ended the session for good. `code` is the close code of the socket, or None
    if it was rejected over HTTP."""

    def __init__(self, detail: str, code: int | None = None) -> None:
        super().__init__(detail)
        self.code = code


class ClientClosed(ClientStopped):
    """The application has closed the client or the room."""


class RequestRejected(ClientError):
    """The server has rejected a request, with an HTTP problem or an error frame.

    `code` is one of `app.wire.errors.ErrorCode`, or `http_502` and the like if a proxy answered
    instead of the chat server. `status` is that of HTTP, None for an error frame.
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
    def from_frame(cls, frame: ErrorFrame) -> "RequestRejected":
        return cls(
            frame.code,
            frame.detail,
            retry=frame.retry,
            retry_after_ms=frame.retry_after_ms,
            errors=frame.errors or (),
        )

    @property
    def is_final(self) -> bool:
        """Repeating the request cannot succeed."""
        return self.retry is Retry.NEVER

    @property
    def wait_s(self) -> float:
        """The pause before the request may be repeated; meaningless if `is_final`."""
        if self.retry is Retry.NOW:
            return 0.0
        return 1.0 if self.retry_after_ms is None else self.retry_after_ms / 1000
