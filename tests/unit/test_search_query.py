"""The query language and highlights."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.search_terms import make_document
from app.persistence.search.criteria import Pattern
from app.search.dates import parse_period
from app.search.highlights import MAX_CHARS, Highlighter
from app.search.query import Query, is_plain, parse_query
from app.wire.errors import Invalid

TEXTS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=40)


def parse(text: str) -> Query:
    return parse_query(text, 50)


def test_words_phrases_and_exclusions() -> None:
    query = parse('one "two three" -four -"five six" sev')
    assert query.required == [
        Pattern(("waone",)),
        Pattern(("watwo", "wathree")),
        Pattern(("wasev",), prefix=True),
    ]
    assert query.excluded == [Pattern(("wafour",)), Pattern(("wafive", "wasix"))]


@pytest.mark.parametrize(
    ("text", "pattern"),
    [
        ("one", Pattern(("waone",), prefix=True)),
        ("one ", Pattern(("waone",))),
        ("one!", Pattern(("waone",))),
        ('"one', Pattern(("waone",))),
        ("one,two", Pattern(("waone", "watwo"), prefix=True)),
        ("東京", Pattern(("cu67714eac",))),
        ("京", Pattern(("cu4eac",), prefix=True)),
        ("東京x ", Pattern(("cu67714eac", "cu4eac", "wax"))),
        ("x東京 ", Pattern(("wax", "cu67714eac"))),
        ("http://x.org ", Pattern(("wahttp", "wax", "waorg"))),
        ("note:x ", Pattern(("wanote", "wax"))),
    ],
)
def test_one_word_may_be_several_terms(text: str, pattern: Pattern) -> None:
    assert parse(text).required == [pattern]


def test_filters() -> None:
    query = parse(
        'FROM:@Ada -from:"bob b" in:#general -in:x has:poll -is:thread mentions:me is:saved'
    )
    assert (query.senders, query.excluded_senders) == (["Ada"], ["bob b"])
    assert (query.rooms, query.excluded_rooms) == (["general"], ["x"])
    assert query.required == [Pattern(("haspoll",))]
    assert query.excluded == [Pattern(("isthread",))]
    assert (query.mentions_me, query.saved) == (True, True)


def test_dates_narrow_each_other() -> None:
    query = parse("after:2026-01-31 before:2026-03 on:2026 before:2027")
    assert query.since == datetime(2026, 2, 1, tzinfo=UTC)
    assert query.until == datetime(2026, 3, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("2026-11-28", "2026-11-28", "2026-11-29"),
        ("2026-2", "2026-02-01", "2026-03-01"),
        ("2026-12", "2026-12-01", "2027-01-01"),
        ("2024", "2024-01-01", "2025-01-01"),
    ],
)
def test_periods(text: str, start: str, end: str) -> None:
    period = tuple(datetime.fromisoformat(day).replace(tzinfo=UTC) for day in (start, end))
    assert parse_period(text, UTC) == period


def test_a_time_is_a_period_of_one_microsecond() -> None:
    at = datetime(2026, 11, 28, 8, 30, tzinfo=UTC)
    period = at, at + timedelta(microseconds=1)
    assert parse_period("2026-11-28T09:30:00+01:00", UTC) == period


@pytest.mark.parametrize(
    "text",
    ["", "x", "26", "2026-13", "2026-02-30", "0000", "9999", "9999-12-31", "2026-1-1-1", "٢٠٢٦"],
)
def test_what_is_no_date(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - of several functions
        parse_period(text, UTC)


@given(st.text(st.characters(codec="utf-8"), max_size=200))
def test_any_text_is_a_query_or_is_refused(text: str) -> None:
    try:
        query = parse(text)
    except Invalid:
        return
    assert query != Query()
    is_plain(text)


@given(TEXTS, st.data())
def test_a_word_of_a_text_finds_and_highlights_it(text: str, data: st.DataObject) -> None:
    """Each part of a text that can be cut out of it, cut to characters as they were written."""
    start = data.draw(st.integers(0, len(text) - 1))
    piece = text[start : data.draw(st.integers(start + 1, len(text)))].replace('"', " ")
    try:
        query = parse(f'"{piece}"')
    except Invalid:
        return
    [pattern] = query.required
    document = make_document(UUID(int=1), piece, None)
    assert pattern.in_document in document or len(document) >= 20 * len(piece)
    highlights = Highlighter(query.required).highlight(piece)
    assert highlights
    assert all(0 <= part.start < part.end <= len(piece) for part in highlights)


@pytest.mark.parametrize(
    ("text", "query", "parts"),
    [
        ("Wörld, world", "world", ["Wörld", "world"]),
        ("worldly", "wor", ["worldly"]),
        ("a b a b", '"a b"', ["a b", "a b"]),
        ("大東京都東京", "東京", ["東京", "東京"]),
        ("東京都庁", "東京 都庁 ", ["東京都庁"]),
        ("東京", "京", ["京"]),
        ("x \ufdfa y", "y ", ["y"]),
        ("\ufdfa", "الله ", ["\ufdfa"]),
        ("none", "other", []),
    ],
)
def test_highlights(text: str, query: str, parts: list[str]) -> None:
    found = Highlighter(parse(query).required).highlight(text)
    assert [text[part.start : part.end] for part in found] == parts


def test_highlights_are_bounded() -> None:
    highlighter = Highlighter(parse("a ").required)
    assert len(highlighter.highlight("a " * (MAX_CHARS // 2))) == 100
    assert highlighter.highlight("a") == []
    phrases = " ".join(f'"{"a " * length}"' for length in range(2, 10))
    texts = ["a" + " a" * 40] * 200
    highlighter = Highlighter(parse_query(phrases, 100).required)
    assert [] in map(highlighter.highlight, texts)
