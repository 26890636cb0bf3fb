"""The errors of the server. They know no transport.

`http/problems.py` turns them into RFC 9457 problems and `wire/frames.py` into error frames, with
the same `code`. Clients decide by `retry`: `never` (the same request fails again), `now` (repeat it
as it is) or `after` (repeat it after `retry_after_ms`). The docstrings of classes with a code are
public: the documents have them as the meaning of the code.
"""

import inspect
from collections.abc import Iterator
from enum import StrEnum
from functools import cache
from typing import Any, ClassVar


class ErrorCode(StrEnum):
    """What is wrong."""

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
    VERSION_CONFLICT = "version_conflict"
    LAST_OWNER = "last_owner"
    ROOM_ARCHIVED = "room_archived"
    TOO_MANY = "too_many"
    NOT_PENDING = "not_pending"
    FILTERED = "filtered"
    RATE_LIMITED = "rate_limited"
    BUSY = "busy"
    UNKNOWN_OUTCOME = "unknown_outcome"
    INTERNAL = "internal"


class Retry(StrEnum):
    """What becomes of the same request."""

    NEVER = "never"
    NOW = "now"
    AFTER = "after"


DEFAULT_RETRY_MS = 1000


class ChatError(Exception):
    """The base class. `detail` tells a person what happened, where, and what to do."""

    code: ClassVar[ErrorCode] = ErrorCode.INTERNAL
    retry: ClassVar[Retry] = Retry.NEVER

    def __init__(self, detail: str, *, retry_after_ms: int | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        if self.retry is Retry.AFTER and retry_after_ms is None:
            retry_after_ms = DEFAULT_RETRY_MS
        self.retry_after_ms = retry_after_ms


class BadFrame(ChatError):
    """Not one JSON object with a `type`, or nested too deeply."""

    code = ErrorCode.BAD_FRAME


class UnknownType(ChatError):
    """Clients send no frame of this type."""

    code = ErrorCode.UNKNOWN_TYPE


class Invalid(ChatError):
    """A value is not acceptable; `errors` has its path."""

    code = ErrorCode.INVALID

    def __init__(self, detail: str, errors: list[dict[str, Any]] | None = None) -> None:
        super().__init__(detail)
        self.errors = errors or []


class TooLarge(ChatError):
    """More bytes than the limit."""

    code = ErrorCode.TOO_LARGE


class TooSlow(ChatError):
    """The request did not arrive in time; nothing was done."""

    code = ErrorCode.TOO_SLOW
    retry = Retry.NOW


class BadRequest(ChatError):
    """Malformed or ambiguous HTTP: the end of the request is not known, so the connection is
    closed."""

    code = ErrorCode.BAD_REQUEST


class Unauthenticated(ChatError):
    """No access token or ticket, or an invalid one: renew it, and if that fails log in again."""

    code = ErrorCode.UNAUTHENTICATED


class TokenMissing(Unauthenticated):
    """There is no token at all."""


class TokenExpired(Unauthenticated):
    """The access token has expired: renew it, then repeat the request."""

    code = ErrorCode.TOKEN_EXPIRED


class SessionEnded(Unauthenticated):
    """The session was ended or has expired, or the user is banned: log in again. A socket is closed
    with 4403."""

    code = ErrorCode.SESSION_ENDED


class InvalidRequest(Invalid):
    """Only of logins by form: a parameter is missing, invalid or repeated (RFC 6749, 5.2)."""

    code = ErrorCode.INVALID_REQUEST


class UnsupportedGrantType(ChatError):
    """`grant_type` is neither `password` nor `refresh_token` (RFC 6749, 5.2)."""

    code = ErrorCode.UNSUPPORTED_GRANT_TYPE


class InvalidGrant(ChatError):
    """Wrong username or password, or a refresh token that is unknown, expired or used twice
    (RFC 6749, 5.2)."""

    code = ErrorCode.INVALID_GRANT


class Forbidden(ChatError):
    """You may know of it, but not do this. Of a login: the account is banned. Of a new password:
    the old one is wrong."""

    code = ErrorCode.FORBIDDEN


class NotFound(ChatError):
    """It does not exist, or you may not know of it."""

    code = ErrorCode.NOT_FOUND


class MethodNotAllowed(ChatError):
    """The path does not take this method."""

    code = ErrorCode.METHOD_NOT_ALLOWED


class UnsupportedMediaType(ChatError):
    """The body does not have the `Content-Type` that the operation reads, or is not UTF-8."""

    code = ErrorCode.UNSUPPORTED_MEDIA_TYPE


class UpgradeRequired(ChatError):
    """A plain request for the socket: the client does not ask for an upgrade, or a proxy drops its
    headers."""

    code = ErrorCode.UPGRADE_REQUIRED


class UsernameTaken(ChatError):
    """Another account has this username, or one that looks like it. Also of a display name, and of
    the handle of a user group."""

    code = ErrorCode.USERNAME_TAKEN


class NonceConflict(ChatError):
    """You used this nonce in this room for a different message."""

    code = ErrorCode.NONCE_CONFLICT


class VersionConflict(ChatError):
    """Somebody has changed it since the version that you name: read it again."""

    code = ErrorCode.VERSION_CONFLICT


class LastOwner(ChatError):
    """The room would be without an owner."""

    code = ErrorCode.LAST_OWNER


class RoomArchived(ChatError):
    """The room is read-only until it is restored."""

    code = ErrorCode.ROOM_ARCHIVED


class QuotaExceeded(ChatError):
    """A limit on the number of things is reached."""

    code = ErrorCode.TOO_MANY


class NotPending(ChatError):
    """A scheduled message was sent or has failed, or a report is resolved: it can no longer be
    changed."""

    code = ErrorCode.NOT_PENDING


class Filtered(ChatError):
    """A filter of the room or of the server refuses the text; `detail` has the note of its rule."""

    code = ErrorCode.FILTERED


class RateLimited(ChatError):
    """Too fast; repeat it after `retry_after_ms`."""

    code = ErrorCode.RATE_LIMITED
    retry = Retry.AFTER


class Busy(ChatError):
    """The server cannot do this now; nothing was done."""

    code = ErrorCode.BUSY
    retry = Retry.AFTER


class UnknownOutcome(ChatError):
    """The database connection broke during COMMIT: done or not done. A send repeated with its nonce
    is not done twice."""

    code = ErrorCode.UNKNOWN_OUTCOME
    retry = Retry.NOW


class Internal(ChatError):
    """A defect of the server. Its log has the details under the request id."""

    code = ErrorCode.INTERNAL
    retry = Retry.AFTER


@cache
def error_classes() -> dict[ErrorCode, type[ChatError]]:
    """The class of each code; its subclasses with the same code are special cases."""
    return {cls.code: cls for cls in _with_a_code(ChatError)}


def meaning(code: ErrorCode) -> str:
    """What the documents say about an error: the docstring of its class."""
    return " ".join((inspect.getdoc(error_classes()[code]) or "").split())


def _with_a_code(base: type[ChatError]) -> Iterator[type[ChatError]]:
    for cls in base.__subclasses__():
        if "code" in vars(cls):
            yield cls
        yield from _with_a_code(cls)
