"""Every way in which the server says no. The errors know no transport.

`http/problems.py` turns them into RFC 9457 problems and `wire/frames.py` into error frames,
with the same `code`. `retry` alone drives a client: `never` (the same request fails again), `now`
(send it again as it is), `after` (the same, after `retry_after_ms`).
"""

from enum import StrEnum
from typing import Any, ClassVar


class ErrorCode(StrEnum):
    BAD_FRAME = "bad_frame"
    UNKNOWN_TYPE = "unknown_type"
    INVALID = "invalid"
    TOO_LARGE = "too_large"
    TOO_SLOW = "too_slow"
    BAD_REQUEST = "bad_request"
    UNAUTHENTICATED = "unauthenticated"
    TOKEN_EXPIRED = "token_expired"  # noqa: S105  # the name of an error
    SESSION_ENDED = "session_ended"
    INVALID_REQUEST = "invalid_request"
    UNSUPPORTED_GRANT_TYPE = "unsupported_grant_type"
    INVALID_GRANT = "invalid_grant"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    UNSUPPORTED_MEDIA_TYPE = "unsupported_media_type"
    UPGRADE_REQUIRED = "upgrade_required"
    USERNAME_TAKEN = "username_taken"
    NONCE_CONFLICT = "nonce_conflict"
    LAST_OWNER = "last_owner"
    ROOM_ARCHIVED = "room_archived"
    TOO_MANY = "too_many"
    RATE_LIMITED = "rate_limited"
    BUSY = "busy"
    UNKNOWN_OUTCOME = "unknown_outcome"
    INTERNAL = "internal"


class Retry(StrEnum):
    NEVER = "never"
    NOW = "now"
    AFTER = "after"


DEFAULT_RETRY_MS = 1000


class ChatError(Exception):
    """Base of all. `detail` is for a person: what happened, where, and what to do."""

    code: ClassVar[ErrorCode] = ErrorCode.INTERNAL
    retry: ClassVar[Retry] = Retry.NEVER

    def __init__(self, detail: str, *, retry_after_ms: int | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        if self.retry is Retry.AFTER and retry_after_ms is None:
            retry_after_ms = DEFAULT_RETRY_MS
        self.retry_after_ms = retry_after_ms


class BadFrame(ChatError):
    """Not JSON, not an object, nested too deeply, or not text."""

    code = ErrorCode.BAD_FRAME


class UnknownType(ChatError):
    """The frame's `type` is none that a client sends."""

    code = ErrorCode.UNKNOWN_TYPE


class Invalid(ChatError):
    """Well-formed, but a value is not acceptable. `errors` names each path."""

    code = ErrorCode.INVALID

    def __init__(self, detail: str, errors: list[dict[str, Any]] | None = None) -> None:
        super().__init__(detail)
        self.errors = errors or []


class TooLarge(ChatError):
    """More bytes than the announced limit."""

    code = ErrorCode.TOO_LARGE


class TooSlow(ChatError):
    """The request did not arrive in time; nothing of it was done."""

    code = ErrorCode.TOO_SLOW
    retry = Retry.NOW


class BadRequest(ChatError):
    """Malformed or ambiguous HTTP; the connection is closed, because its end is not known."""

    code = ErrorCode.BAD_REQUEST


class Unauthenticated(ChatError):
    """The access token or ticket is not one that is valid here."""

    code = ErrorCode.UNAUTHENTICATED


class TokenMissing(Unauthenticated):
    """There is no token at all."""


class TokenExpired(Unauthenticated):
    """The access token was a good one: it has to be renewed with the refresh token."""

    code = ErrorCode.TOKEN_EXPIRED


class SessionEnded(Unauthenticated):
    """The token is a good one, of a session that has ended or expired, or of a user who is banned:
    the only remedy is a new login. A socket is closed with 4403 for it, not with 4401."""

    code = ErrorCode.SESSION_ENDED


class InvalidRequest(Invalid):
    """A form of POST /auth/token that lacks a parameter, or has one twice (RFC 6749, 5.2)."""

    code = ErrorCode.INVALID_REQUEST


class UnsupportedGrantType(ChatError):
    """`grant_type` is none that this server knows (RFC 6749, 5.2)."""

    code = ErrorCode.UNSUPPORTED_GRANT_TYPE


class InvalidGrant(ChatError):
    """Wrong username or password, or a refresh token that is unknown, expired or reused
    (RFC 6749, 5.2)."""

    code = ErrorCode.INVALID_GRANT


class Forbidden(ChatError):
    """The caller may know of the thing, but may not do this to it."""

    code = ErrorCode.FORBIDDEN


class NotFound(ChatError):
    """It does not exist, or the caller may not know that it does."""

    code = ErrorCode.NOT_FOUND


class MethodNotAllowed(ChatError):
    """The path exists, the HTTP method on it does not."""

    code = ErrorCode.METHOD_NOT_ALLOWED


class UnsupportedMediaType(ChatError):
    """The body is of a kind that the operation does not read."""

    code = ErrorCode.UNSUPPORTED_MEDIA_TYPE


class UpgradeRequired(ChatError):
    """A plain request for what is a socket: usually a proxy that does not pass the upgrade on."""

    code = ErrorCode.UPGRADE_REQUIRED


class UsernameTaken(ChatError):
    """Another account has this username, compared after NFKC and case folding."""

    code = ErrorCode.USERNAME_TAKEN


class NonceConflict(ChatError):
    """The sender used this nonce in this room before, for a different message."""

    code = ErrorCode.NONCE_CONFLICT


class LastOwner(ChatError):
    """The change would leave a room without an owner."""

    code = ErrorCode.LAST_OWNER


class RoomArchived(ChatError):
    """The room is read-only until it is restored."""

    code = ErrorCode.ROOM_ARCHIVED


class QuotaExceeded(ChatError):
    """A bound on how many things one may hold is reached."""

    code = ErrorCode.TOO_MANY


class RateLimited(ChatError):
    """Too fast; `retry_after_ms` says when the next one is welcome."""

    code = ErrorCode.RATE_LIMITED
    retry = Retry.AFTER


class Busy(ChatError):
    """The server cannot take this now and has done nothing of it."""

    code = ErrorCode.BUSY
    retry = Retry.AFTER


class UnknownOutcome(ChatError):
    """The connection to the database broke during COMMIT: done or not done. Repeating a send
    with the same nonce settles it."""

    code = ErrorCode.UNKNOWN_OUTCOME
    retry = Retry.NOW


class Internal(ChatError):
    """A defect of the server. The log has it under the request id."""

    code = ErrorCode.INTERNAL
    retry = Retry.AFTER
