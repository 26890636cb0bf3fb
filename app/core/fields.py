"""Field types that requests and frames share."""

import re
from collections.abc import Sequence
from typing import Annotated, Any
from uuid import UUID

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
)

from app.core.errors import Invalid
from app.core.ids import parse_id
from app.core.names import is_name, is_storable, name_key

_DIGITS = re.compile("0|-?[1-9][0-9]{0,15}")


class Input(BaseModel):
    """What a client sends: a field that we do not know is a mistake, and is said to be one."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _canonical(given: Any) -> Any:
    if not isinstance(given, str):
        return given
    found = parse_id(given.lower())
    if found is None:
        raise ValueError("must be a UUID in its form of 36 characters")
    return found


# What `format: uuid` means; pydantic alone takes URNs, braces and bare digits, too.
Uuid = Annotated[UUID, BeforeValidator(_canonical)]


def _plain_number(given: Any) -> Any:
    if isinstance(given, str):
        if not _DIGITS.fullmatch(given):
            raise ValueError("must be a whole number in digits")
        return int(given)
    return given


# In a query or a path. Pydantic alone takes "5.0", "+5", " 5" and "1_0", too.
Number = Annotated[int, BeforeValidator(_plain_number)]


class InvalidField(BaseModel):
    """One value that is not acceptable, in a problem or an error frame."""

    path: str = Field(examples=["text"])
    message: str = Field(examples=["String should have at most 4000 characters"])


def invalid(errors: Sequence[Any]) -> Invalid:
    """From the errors of pydantic: paths and messages, never the input, which may hold a secret.
    The first 20, since there may be one for each of thousands of fields."""
    fields = [
        {
            "path": ".".join(str(part)[:64] for part in e["loc"]),
            "message": e["msg"].removeprefix("Value error, "),
        }
        for e in errors[:20]
    ]
    first = fields[0] if fields else {"path": "?", "message": "invalid"}
    return Invalid(f"Not acceptable: {first['path']}: {first['message']}.", fields)


def _storable(text: str) -> str:
    if not is_storable(text):
        raise ValueError("must not contain NUL or half of a surrogate pair")
    return text


def _visible(text: str) -> str:
    if not text.strip():
        raise ValueError("must not be blank")
    return text


def _nameable(name: str) -> str:
    if not is_name(name):
        raise ValueError("must be letters and digits of any script, with . _ - between them")
    return name


def _short_key(limit: int) -> Any:
    """Some letters grow when they are normalised; the key has to fit its column."""

    def check(name: str) -> str:
        if len(name_key(name)) > limit:
            raise ValueError(f"must have at most {limit} characters after Unicode normalisation")
        return name

    return AfterValidator(check)


Username = Annotated[
    str,
    StringConstraints(min_length=2, max_length=32),
    AfterValidator(_nameable),
    _short_key(64),
]
DisplayName = Annotated[
    str,
    StringConstraints(min_length=1, max_length=64, strip_whitespace=True),
    AfterValidator(_storable),
    _short_key(100),
]
Title = Annotated[
    str,
    StringConstraints(min_length=1, max_length=64, strip_whitespace=True),
    AfterValidator(_storable),
    _short_key(100),
]
Topic = Annotated[str, StringConstraints(max_length=500), AfterValidator(_storable)]
Text = Annotated[
    str, StringConstraints(min_length=1), AfterValidator(_storable), AfterValidator(_visible)
]
Nonce = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._:-]{1,64}$")]
