"""Parsing of JSON bodies."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.http.strict_json import parse_json

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=20,
)


@given(VALUES, st.booleans())
def test_valid_json_is_parsed(value: object, escaped: bool) -> None:
    try:
        body = json.dumps(value, ensure_ascii=escaped).encode()
    except UnicodeEncodeError:  # a name with half a surrogate pair
        return
    assert parse_json(body) == json.loads(body)


@given(st.binary(max_size=50) | st.text(max_size=50).map(lambda text: text.encode("utf-16")))
def test_invalid_json_is_refused_with_one_error(body: bytes) -> None:
    try:
        parse_json(body)
    except json.JSONDecodeError:
        return
    json.loads(body.decode())


@pytest.mark.parametrize("body", [b'{"a":1,"a":1}', b'[{"a":{"b":1,"c":2,"b":3}}]'])
def test_duplicate_json_names_are_refused(body: bytes) -> None:
    with pytest.raises(json.JSONDecodeError, match="one name twice"):
        parse_json(body)


@pytest.mark.parametrize("text", [r'"\ud800"', r'["\uDC00\ud800"]', r'{"\uD83D": 1}'])
def test_a_lone_surrogate_in_json_is_refused(text: str) -> None:
    with pytest.raises(json.JSONDecodeError, match="not Unicode"):
        parse_json(text.encode())


def test_a_surrogate_pair_in_json_is_accepted() -> None:
    assert parse_json(rb'"\ud83d\ude00 \\ud800"') == "😀 \\ud800"
