"""The rules of polls. Pure functions."""

from collections.abc import Collection
from datetime import datetime, timedelta
from uuid import UUID

from app.wire.content import NewPoll
from app.wire.errors import Forbidden, Invalid, QuotaExceeded
from app.wire.polls import MAX_VOTERS, Poll, PollOption

MAX_OPEN = timedelta(days=366)


def check_closing_time(poll: NewPoll, at: datetime) -> None:
    """Raises Invalid."""
    closes_at = poll.closes_at
    if closes_at is not None and not at < closes_at <= at + MAX_OPEN:
        raise Invalid(
            "`poll.closes_at` is in the past or more than a year ahead.",
            [{"path": "poll.closes_at", "message": "must be in the future, at most a year ahead"}],
        )


def require_open(poll: Poll) -> None:
    """Raises Forbidden."""
    if poll.closed:
        raise Forbidden("The poll is closed.")


def check_vote(poll: Poll, options: Collection[int]) -> None:
    """Raises Forbidden, Invalid."""
    require_open(poll)
    if unknown := [number for number in options if number > len(poll.options)]:
        raise Invalid(f"The poll has {len(poll.options)} options, and no option {unknown[0]}.")
    if len(options) > 1 and not poll.multiple:
        raise Invalid("In this poll one votes for a single option.")


def count_vote(poll: Poll, user: UUID, before: set[int], after: set[int]) -> Poll:
    """The poll after a user has changed their vote."""
    options = [
        _count(option, user, before, after, is_named=not poll.anonymous) for option in poll.options
    ]
    voter_count = poll.voter_count + bool(after) - bool(before)
    return poll.model_copy(update={"options": options, "voter_count": voter_count})


def add_option(poll: Poll, text: str, max_options: int) -> Poll:
    """The same object if the option is there. Raises Forbidden, QuotaExceeded."""
    require_open(poll)
    if not poll.may_add:
        raise Forbidden("Options cannot be added to this poll.")
    if any(option.text == text for option in poll.options):
        return poll
    if len(poll.options) >= max_options:
        raise QuotaExceeded(f"A poll has at most {max_options} options.")
    option = PollOption(number=len(poll.options) + 1, text=text)
    return poll.model_copy(update={"options": [*poll.options, option]})


def close(poll: Poll, at: datetime) -> Poll:
    """The same object if it is closed."""
    return poll if poll.closed else poll.model_copy(update={"closes_at": at, "closed": True})


def _count(
    option: PollOption, user: UUID, before: set[int], after: set[int], *, is_named: bool
) -> PollOption:
    had, has = option.number in before, option.number in after
    if had == has:
        return option
    voters = [voter for voter in option.voters if voter != user]
    if has and is_named and len(voters) < MAX_VOTERS:
        voters.append(user)
    return option.model_copy(update={"votes": option.votes + has - had, "voters": voters})
