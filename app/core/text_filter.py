"""Filters of messages: words and RE2 patterns that are looked for in texts.

RE2 takes time in proportion to the length of the text and the size of the pattern's program. Both
are limited, and so are the time for all patterns of a filter and that for a batch of messages.
"""

import time
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, NamedTuple, Self
from uuid import UUID

import orjson
import re2

from app.core.search_words import fold_words
from app.wire.filters import FilterAction, FilterKind

MAX_PATTERNS = 20  # of one filter
MAX_PROGRAM_SIZE = 100  # instructions of RE2
MAX_PATTERN_BYTES = 64 * 1024  # memory for the program and the states of its automaton
MAX_PATTERNS_S = 0.003  # CPU time after which no further pattern is begun
MAX_BATCH_S = 0.02  # CPU time after which no further message of a batch is begun
MAX_CACHE_BYTES = 64 * 1024 * 1024  # of the filters that a process keeps compiled
_WORD_BYTES = 2048
_PARTS_APART = "\n"


class PatternError(Exception):
    """A pattern that is not accepted, and why."""


class OutOfTime(Exception):
    """The patterns have taken too long for a text."""


class BatchOutOfTime(Exception):
    """The filters have taken too long for the messages of a batch."""


class FilterBudget:
    """The CPU time that the filters may take for a batch. The first message always fits, so that
    one that is alone in its batch is decided."""

    def __init__(self) -> None:
        self._used_s = 0.0

    @contextmanager
    def charge(self) -> Iterator[None]:
        """For one message. Raises BatchOutOfTime before it begins."""
        if self._used_s > MAX_BATCH_S:
            raise BatchOutOfTime
        started = time.thread_time()
        try:
            yield
        finally:
            self._used_s += time.thread_time() - started


class FilterRule(NamedTuple):
    id: UUID
    kind: FilterKind
    expression: str
    action: FilterAction
    note: str | None
    created_by: UUID
    at: datetime


class TextFilter:
    """The rules of a room, or of the server."""

    def __init__(self, rules: Sequence[FilterRule]) -> None:
        self.rules = rules
        self._words = [
            (rule, fold_words(rule.expression)) for rule in rules if rule.kind is FilterKind.WORD
        ]
        self._patterns = [
            (rule, compile_pattern(rule.expression))
            for rule in rules
            if rule.kind is FilterKind.PATTERN
        ]

    @property
    def max_bytes(self) -> int:
        """About the memory that it may take."""
        return sum(
            MAX_PATTERN_BYTES if rule.kind is FilterKind.PATTERN else _WORD_BYTES
            for rule in self.rules
        )

    @classmethod
    def parse(cls, document: str) -> Self:
        """Rules that only a newer release knows are left out."""
        return cls([rule for entry in orjson.loads(document) if (rule := _decode(entry))])

    def encode(self) -> str | None:
        """For a column; None: there are no rules."""
        return orjson.dumps(list(map(tuple, self.rules))).decode() if self.rules else None

    def find(self, texts: Iterable[str]) -> FilterRule | None:
        """A rule that finds one of these texts; one that refuses rather than another. Raises
        OutOfTime."""
        text = _PARTS_APART.join(texts)
        rules = self._find_words(text) + self._find_patterns(text)
        refusing = (rule for rule in rules if rule.action is FilterAction.REFUSE)
        return next(refusing, rules[0] if rules else None)

    def _find_words(self, text: str) -> list[FilterRule]:
        if not self._words:
            return []
        folded = fold_words(text)
        return [rule for rule, phrase in self._words if phrase in folded]

    def _find_patterns(self, text: str) -> list[FilterRule]:
        rules, started = [], time.thread_time()
        for rule, pattern in self._patterns:
            if time.thread_time() - started > MAX_PATTERNS_S:
                raise OutOfTime
            if pattern.search(text):
                rules.append(rule)
        return rules


NO_FILTER = TextFilter(())


class FilterCache:
    """Compiled filters by their documents. Those that were used the longest ago are dropped when
    the sum of their sizes may exceed `max_bytes`."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes, self._bytes = max_bytes, 0
        self._filters: OrderedDict[str, TextFilter] = OrderedDict()

    def __len__(self) -> int:
        return len(self._filters)

    def get(self, document: str) -> TextFilter:
        known = self._filters.get(document)
        if known is not None:
            self._filters.move_to_end(document)
            return known
        parsed = self._filters[document] = TextFilter.parse(document)
        self._bytes += _size(document, parsed)
        while self._bytes > self._max_bytes:
            self._bytes -= _size(*self._filters.popitem(last=False))
        return parsed


def _size(document: str, parsed: TextFilter) -> int:
    return 4 * len(document) + parsed.max_bytes


_CACHE = FilterCache(MAX_CACHE_BYTES)


def parse_filter(document: str | None) -> TextFilter:
    """Of a column; None: there are no rules."""
    return _CACHE.get(document) if document else NO_FILTER


def compile_pattern(expression: str) -> Any:
    """Raises PatternError."""
    options = re2.Options()
    options.max_mem = MAX_PATTERN_BYTES
    options.case_sensitive = False
    options.never_capture = True
    options.log_errors = False
    try:
        return re2.compile(expression, options)
    except re2.error as error:
        raise PatternError(f"is no pattern of RE2: {_explain(error)}") from None


def check_expression(kind: FilterKind, expression: str) -> None:
    """Raises PatternError."""
    if kind is FilterKind.WORD and not fold_words(expression).strip():
        raise PatternError("has neither letters nor digits")
    if kind is FilterKind.PATTERN:
        pattern = compile_pattern(expression)
        if pattern.programsize > MAX_PROGRAM_SIZE:
            raise PatternError("is too large: repeat less, and use no large classes of characters")
        if pattern.search(""):
            raise PatternError("finds every text")


def _explain(error: Exception) -> str:
    reason = error.args[0] if error.args else ""
    return reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)


def _decode(entry: list[Any]) -> FilterRule | None:
    id_, kind, expression, action, note, created_by, at = entry
    try:
        known = FilterKind(kind), FilterAction(action)
    except ValueError:
        return None
    return FilterRule(
        UUID(id_),
        known[0],
        expression,
        known[1],
        note,
        UUID(created_by),
        datetime.fromisoformat(at),
    )
