"""Closed lists of filters of messages."""

from enum import StrEnum


class FilterKind(StrEnum):
    """What the expression of a rule is."""

    WORD = "word"
    PATTERN = "pattern"


class FilterAction(StrEnum):
    """What becomes of a message that a rule finds."""

    REFUSE = "refuse"
    REPORT = "report"


FILTER_REASON = "filter"  # the reason of a report that no user has made
