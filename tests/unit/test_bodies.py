"""JSON as it may come in."""

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
def test_what_is_json_comes_in_as_it_is(value: object, escaped: bool) -> None:
    try:
        body = json.dumps(value, ensure_ascii=escaped).encode()
    except UnicodeEncodeError:  # a name with half a surrogate pair
        return
    assert parse_json(body) == json.loads(body)


@given(st.binary(max_size=50) | st.text(max_size=50).map(lambda text: text.encode("utf-16")))
def test_anything_else_is_refused_in_one_way(body: bytes) -> None:
    try:
        parse_json(body)
    except json.JSONDecodeError:
        return
    json.loads(body.decode())


@pytest.mark.parametrize("body", [b'{"a":1,"a":1}', b'[{"a":{"b":1,"c":2,"b":3}}]'])
def test_a_name_is_there_once(body: bytes) -> None:
    with pytest.raises(json.JSONDecodeError, match="one name twice"):
        parse_json(body)


@pytest.mark.parametrize("text", [r'"\ud800"', r'["\uDC00\ud800"]', r'{"\uD83D": 1}'])
def test_half_a_pair_is_no_character(text: str) -> None:
    with pytest.raises(json.JSONDecodeError, match="not Unicode"):
        parse_json(text.encode())


def test_a_whole_pair_is_one() -> None:
    assert parse_json(rb'"\ud83d\ude00 \\ud800"') == "😀 \\ud800"
