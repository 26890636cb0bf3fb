"""The query language of searches: text to conditions, in one pass.

docs/search.md describes it for people.
"""

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime

from app.core.search_terms import MessageTrait, part_terms, run_start_term, word_term
from app.core.search_words import PartKind, original_spans, split_text
from app.persistence.search.criteria import Pattern
from app.search.dates import parse_period
from app.wire.errors import Invalid
from app.wire.validation import invalid_from_pydantic

ME = "me"
# In words: a phrase is looked up in the text of each message that may have it.
PHRASE_COST = 2
_OPERATOR = re.compile(r"(from|in|before|after|on|has|is|mentions):", re.IGNORECASE)
_QUOTED = re.compile(r'"([^"]*)"?')
_BARE = re.compile(r'[^\s"]+')
_TRAITS = {
    "has": {"link": MessageTrait.LINK, "poll": MessageTrait.POLL},
    "is": {"pinned": MessageTrait.PINNED, "thread": MessageTrait.REPLY},
}
_SAVED = "saved"


@dataclass(slots=True)
class Query:
    """Conditions, all of which have to be met. Names are as they were typed; `me` is the caller."""

    required: list[Pattern] = field(default_factory=list)
    excluded: list[Pattern] = field(default_factory=list)
    senders: list[str] = field(default_factory=list)
    excluded_senders: list[str] = field(default_factory=list)
    rooms: list[str] = field(default_factory=list)
    excluded_rooms: list[str] = field(default_factory=list)
    since: datetime | None = None
    until: datetime | None = None  # not at this time itself
    saved: bool | None = None
    mentions_me: bool | None = None


def parse_query(text: str, max_terms: int) -> Query:
    """Raises Invalid."""
    query = Query()
    terms_left = max_terms
    end = _skip_space(text, 0)
    while end < len(text):
        negated = text[end] == "-"
        end += negated
        operator = _OPERATOR.match(text, end)
        if operator:
            end = operator.end()
        quoted = _QUOTED.match(text, end)
        value = quoted or _BARE.match(text, end)
        words = value[value.lastindex or 0] if value else ""
        end = value.end() if value else end
        if operator:
            _add_condition(query, operator[1].lower(), words, negated=negated)
        else:
            is_typed = end == len(text) and not quoted and not negated
            pattern = _pattern(words, is_typed=is_typed)
            patterns = query.excluded if negated else query.required
            if pattern and pattern not in patterns:
                terms_left -= len(pattern.terms) + (PHRASE_COST if len(pattern.terms) > 1 else 0)
                patterns.append(pattern)
        if terms_left < 0:
            raise _wrong(f"has more than {max_terms} words; leave some out")
        end = _skip_space(text, end)
    if query == Query():
        raise _wrong("has nothing to search for; give a word, or a filter such as from:name")
    return query


def _skip_space(text: str, start: int) -> int:
    while start < len(text) and text[start].isspace():
        start += 1
    return start


def is_plain(text: str) -> bool:
    """There are only words in it, which may be a name."""
    return not ('"' in text or text.lstrip().startswith("-") or _OPERATOR.search(text))


def _pattern(text: str, *, is_typed: bool) -> Pattern | None:
    """The parts after each other. The end of a run may stand inside a longer one; with `is_typed`
    so may the end of a word with which the text ends: more of it is still to be typed."""
    parts = split_text(text)
    if not parts:
        return None
    *before, last = parts
    terms = [term for part in before for term in part_terms(part)]
    if last.kind is PartKind.RUN:
        if len(last.folded) == 1:
            return Pattern((*terms, run_start_term(last.folded)), prefix=True)
        return Pattern((*terms, *part_terms(last)[:-1]))
    is_at_end = last.start + len(last.folded) == len(original_spans(text))
    is_prefix = is_typed and is_at_end and last.kind is PartKind.WORD
    return Pattern((*terms, word_term(last.folded)), prefix=is_prefix)


def _add_condition(query: Query, operator: str, value: str, *, negated: bool) -> None:
    name = value.strip()
    if not name:
        raise _wrong(f"needs a value after `{operator}:`")
    match operator:
        case "from":
            name = name.removeprefix("@")
            _add(query.excluded_senders if negated else query.senders, name)
        case "in":
            name = name.removeprefix("#")
            _add(query.excluded_rooms if negated else query.rooms, name)
        case "has" | "is":
            _add_trait(query, operator, name.lower(), negated=negated)
        case "mentions":
            if name.lower().removeprefix("@") != ME:
                raise _wrong("takes only `me` after `mentions:`")
            query.mentions_me = _agree(query.mentions_me, not negated)
        case _:
            if negated:
                raise _wrong(f"cannot have `-` before `{operator}:`; use another date")
            _add_period(query, operator, name)


def _add(names: list[str], name: str) -> None:
    if name not in names:
        names.append(name)


def _add_trait(query: Query, operator: str, name: str, *, negated: bool) -> None:
    traits = _TRAITS[operator]
    if operator == "is" and name == _SAVED:
        query.saved = _agree(query.saved, not negated)
        return
    if name not in traits:
        known = [*traits, *([_SAVED] if operator == "is" else [])]
        raise _wrong(f"takes {' or '.join(known)} after `{operator}:`")
    pattern = Pattern((traits[name].value,))
    patterns = query.excluded if negated else query.required
    if pattern not in patterns:
        patterns.append(pattern)


def _add_period(query: Query, operator: str, text: str) -> None:
    try:
        start, end = parse_period(text, UTC)
    except ValueError:
        raise _wrong(
            f"takes a date after `{operator}:`, such as 2026-11-28, 2026-11 or 2026"
        ) from None
    if operator != "before":
        since = end if operator == "after" else start
        query.since = max(query.since or since, since)
    if operator != "after":
        until = start if operator == "before" else end
        query.until = min(query.until or until, until)


def _agree(before: bool | None, wanted: bool) -> bool:
    if before is not None and before is not wanted:
        raise _wrong("asks for something and for its opposite")
    return wanted


def _wrong(message: str) -> Invalid:
    return invalid_from_pydantic([{"loc": ("query", "q"), "msg": message}])
