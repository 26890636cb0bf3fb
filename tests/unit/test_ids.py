"""Identifiers and their spellings."""

from typing import Annotated
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from app.core.ids import new_id, parse_id
from app.wire.validation import CanonicalUuid, DecimalDigits

UUIDS: TypeAdapter[UUID] = TypeAdapter(CanonicalUuid)
NUMBERS: TypeAdapter[int] = TypeAdapter(Annotated[int, DecimalDigits])


def test_new_ids_are_uuids_of_version_7_and_sort_by_time() -> None:
    ids = [new_id() for _ in range(100)]
    assert all(value.version == 7 for value in ids)
    assert sorted(ids) == ids


@given(st.uuids())
def test_a_canonical_uuid_has_36_characters(value: UUID) -> None:
    assert parse_id(str(value)) == value
    for given_form in (str(value), str(value).upper(), value):
        assert UUIDS.validate_python(given_form) == value
    assert UUIDS.validate_json(f'"{value}"', strict=True) == value


@pytest.mark.parametrize(
    "form", ["{0.hex}", "{0.urn}", "{{{0}}}", " {0}", "{0}\n", "{0}-", "", "x", "{0.int}"]
)
def test_other_spellings_of_uuids_are_refused(form: str) -> None:
    text = form.format(uuid4())
    assert parse_id(text) is None
    with pytest.raises(ValidationError):
        UUIDS.validate_python(text)


@given(st.text())
def test_any_text_is_a_uuid_or_refused(text: str) -> None:
    assert parse_id(text) is None


@pytest.mark.parametrize(
    ("text", "number"), [("0", 0), ("7", 7), ("-3", -3), ("9007199254740991", 2**53 - 1)]
)
def test_decimal_digits_are_numbers(text: str, number: int) -> None:
    assert NUMBERS.validate_python(text) == number


@pytest.mark.parametrize(
    "text", ["", "+1", " 1", "1 ", "1.0", "1e3", "1_0", "0x1", "007", "-0", "--1", "٣", "9" * 17]
)
def test_other_spellings_of_numbers_are_refused(text: str) -> None:
    with pytest.raises(ValidationError):
        NUMBERS.validate_python(text)
