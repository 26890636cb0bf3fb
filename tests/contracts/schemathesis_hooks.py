"""Loaded by Schemathesis: decides which of its findings count."""

import re
from typing import Any

import schemathesis
from schemathesis import HookContext, Response
from schemathesis.core.failures import AcceptedNegativeData, Failure
from schemathesis.openapi.checks import (
    AllowHeaderMismatch,
    RejectedPositiveData,
    UnsupportedMethodResponse,
    UseAfterFree,
)

from app.wire.user_and_room_names import is_name


@schemathesis.hook
def filter_failure(context: HookContext, failure: Failure, case: Any, response: Response) -> bool:
    """Whether the finding counts."""
    if isinstance(failure, RejectedPositiveData) and response.status_code == 422:
        return not (
            _is_about_what_exists(response)
            or _has_a_fraction(case.body)
            or _has_a_name_that_is_none(case.body)
            or _is_about_letters(response)
        )
    if isinstance(failure, AcceptedNegativeData):
        # The whole query of the address is too long; or a poll closes at a time given as a number.
        return response.status_code != 413 and "closes_at" not in failure.message
    if isinstance(failure, RejectedPositiveData) and response.status_code == 400:
        return not _is_about_a_form(response.json())
    if isinstance(failure, AllowHeaderMismatch | UnsupportedMethodResponse):
        # PATCH and DELETE there mean a room whose id is "public", which is none: 422.
        return bool(case.path != "/api/v1/rooms/public")
    # DELETE of a room does not delete but archives it: it can be read further.
    return not (isinstance(failure, UseAfterFree) and case.path.startswith("/api/v1/rooms/"))


def _is_about_what_exists(response: Response) -> bool:
    """A schema describes well-formed values only. A forged cursor, members that do not exist and
    two positions that exclude each other are refused without a single wrong value, and `reply_to`
    may name no message. When a poll may close, and how many options it has, the clock and a setting
    say. Which fields a body needs depends on `kind` or `grant_type`; that takes
    if/then, which client generators do not support. A query of a search has a grammar."""
    errors = response.json().get("errors", [])
    return all(error["path"] in _EXISTENCE for error in errors)


_EXISTENCE = {
    *("reply_to", "poll.closes_at", "poll.options", "body", "query.q"),
    "confirmation",  # the name of the room
    *("until", "status.until", "expires_at"),  # not in the past
    "status",  # an emoji or a text
    *("thread", "also_in_room"),  # a message that exists; not without `thread`
}


def _is_about_a_form(problem: dict[str, Any]) -> bool:
    """No account has that password; or a parameter is there twice, which is a list in a schema."""
    return problem["code"] == "invalid_grant" or "is there twice" in problem["detail"]


def _has_a_fraction(value: Any) -> bool:
    """5.0 is an integer in JSON Schema. The server refuses it as a position."""
    if isinstance(value, dict | list):
        return any(map(_has_a_fraction, value.values() if isinstance(value, dict) else value))
    return isinstance(value, float)


def _has_a_name_that_is_none(body: Any) -> bool:
    """The pattern is exact for ASCII only; the server decides about letters of other scripts."""
    names = [body.get("username"), body.get("handle")] if isinstance(body, dict) else []
    return any(not str(name).isascii() and not is_name(str(name)) for name in names if name)


def _is_about_letters(response: Response) -> bool:
    """No pattern for all engines expresses scripts, visibility, emoji, common passwords, and
    characters beyond U+FFFF (of which JavaScript without the flag `u` sees two halves). Metadata is
    any JSON, of which a schema cannot limit every value."""
    messages = [error["message"] for error in response.json().get("errors", [])]
    return any(_LETTERS.match(message) for message in messages)


_LETTERS = re.compile(
    "must not mix scripts|must have something that can be seen|The password |"
    "'.*' is not one emoji of Unicode's RGI set|"
    r"must not contain (U\+[0-9A-F]{5}|NUL, half of a surrogate pair, or integers)"
)
