from typing import Annotated

import pytest
from pydantic import Field, TypeAdapter, ValidationError

from app.wire.validation import DecimalDigits

NUMBER: TypeAdapter[int] = TypeAdapter(Annotated[int, Field(ge=0), DecimalDigits])


def test_numbers_of_queries_are_decimal_digits() -> None:
    assert NUMBER.validate_python("50") == 50
    assert NUMBER.validate_python(50) == 50, "a default is a number already"


@pytest.mark.parametrize("text", ["5.0", "+5", " 5", "1_0", "5e1", ""])
def test_other_spellings_of_query_numbers_are_invalid(text: str) -> None:
    with pytest.raises(ValidationError, match="whole number in digits"):
        NUMBER.validate_python(text)
