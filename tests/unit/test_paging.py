"""Cursors and pages."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.paging import decode_cursor, encode_cursor, split_page
from app.wire.errors import Invalid


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_a_cursor_returns_its_key_and_is_url_safe(key: str) -> None:
    cursor = encode_cursor(key)
    assert decode_cursor(cursor) == key
    assert set(cursor) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


@given(st.text())
def test_any_text_is_a_cursor_or_invalid(cursor: str) -> None:
    with suppress(Invalid):
        assert isinstance(decode_cursor(cursor), str)


def test_a_missing_cursor_starts_at_the_beginning() -> None:
    assert decode_cursor(None) is None


@pytest.mark.parametrize(
    ("rows", "page", "more"), [([], [], False), ([1, 2], [1, 2], False), ([1, 2, 3], [1, 2], True)]
)
def test_one_row_above_the_limit_means_there_are_more(
    rows: list[int], page: list[int], *, more: bool
) -> None:
    assert split_page(rows, 2) == (page, more)
