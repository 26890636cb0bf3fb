"""Field types that requests and frames share."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    StringConstraints,
    TypeAdapter,
    ValidationError,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from app.wire.errors import Invalid
from app.wire.seq import MAX_SEQ
from app.wire.unicode_text import (
    ASTRAL_UNSHARED_CLASS,
    LINE_CLASS,
    LINES_CLASS,
    is_seen,
    is_storable,
)
from app.wire.user_and_room_names import (
    MAX_NAME_CHARS,
    NAME_PATTERN,
    RESERVED_KEYS,
    is_name,
    is_single_script,
    normalized_name,
)

# White space and other invisible characters in a line of text.
_BLANK = r"\u0000-\u0020\u0085\u00A0\u1680\u2000-\u200A\u2028\u2029\u202F\u205F\u3000\uFEFF"
_SEEN = re.compile(f"[^{_BLANK}]")
_NO_LINE = re.compile(f"[{LINE_CLASS}{ASTRAL_UNSHARED_CLASS}]")
_NO_LINES = re.compile(f"[{LINES_CLASS}]")
MIN_PASSWORD_CHARS = 8
MAX_ITEMS = 1000  # of one request, whatever the settings say
_DIGITS = re.compile("0|-?[1-9][0-9]{0,15}")
_INSTANT = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
_UUID = re.compile("[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")


class ResponseModel(BaseModel):
    """What a client receives: every field is there, also where it has its default."""

    model_config = ConfigDict(json_schema_serialization_defaults_required=True)


class RequestModel(BaseModel):
    """What a client sends: a field that we do not know is a mistake, and is said to be one."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _parse_canonical_uuid(value: Any) -> Any:
    if isinstance(value, str) and not _UUID.fullmatch(value):
        raise ValueError("must be a UUID in its form of 36 characters")
    return value


# What `format: uuid` means, in requests and in frames; pydantic alone takes URNs, braces and bare
# digits, too. Not strict: frames are, and would take no text from a validator.
CanonicalUuid = Annotated[UUID, Field(strict=False), BeforeValidator(_parse_canonical_uuid)]


_AWARE: TypeAdapter[datetime] = TypeAdapter(AwareDatetime)


def _parse_instant(value: Any) -> datetime:
    if not (isinstance(value, datetime) or (isinstance(value, str) and _INSTANT.fullmatch(value))):
        raise ValueError("must be a time with its zone, as in RFC 3339")
    try:
        return _AWARE.validate_python(value)
    except ValidationError as error:
        raise ValueError(f"must be a time that exists: {error.errors()[0]['msg']}") from None


def _to_utc(at: datetime) -> datetime:
    try:
        return at.astimezone(UTC)
    except OverflowError:  # in the first or the last year
        return at.replace(tzinfo=UTC)


# What `format: date-time` means; pydantic alone takes numbers, too. The first validator makes a
# time of text: frames are strict, and a field that may be null is so, too, whatever its type says.
Instant = Annotated[AwareDatetime, BeforeValidator(_parse_instant), AfterValidator(_to_utc)]


def _plain_number(value: Any) -> Any:
    if isinstance(value, str):
        if not _DIGITS.fullmatch(value):
            raise ValueError("must be a whole number in digits")
        return int(value)
    return value


# For a number in a query or a path, which pydantic alone takes as "5.0", "+5", " 5" and "1_0", too.
# After the bounds, or they do not get into the OpenAPI document.
DecimalDigits = BeforeValidator(_plain_number)


class InvalidField(BaseModel):
    """One value that is not acceptable, in a problem or an error frame."""

    path: str = Field(description="Where it is, with dots.", examples=["text"])
    message: str = Field(
        description="What is wrong with it.",
        examples=["String should have at most 4000 characters"],
    )


def invalid_from_pydantic(errors: Sequence[Any]) -> Invalid:
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
    if not _SEEN.search(text):
        raise ValueError("must not be blank")
    return text


def _valid_username(name: str) -> str:
    if not is_name(name):
        raise ValueError("must be letters and digits of any script, with . _ - between them")
    return name


def _single_script(name: str) -> str:
    if not is_single_script(name):
        raise ValueError(
            "must not mix scripts such as Latin and Cyrillic: their letters look alike"
        )
    return name


def _unreserved(name: str) -> str:
    if normalized_name(name) in RESERVED_KEYS:
        raise ValueError(f"must not be one of {', '.join(sorted(RESERVED_KEYS))}")
    return name


def _no_controls(controls: re.Pattern[str]) -> AfterValidator:
    def check(text: str) -> str:
        if bad := controls.search(text):
            raise ValueError(
                f"must not contain U+{ord(bad[0]):04X}: no control or private characters, and "
                "none that change the direction of the text around them"
            )
        return text

    return AfterValidator(check)


def _with_something_seen(text: str) -> str:
    if not is_seen(text):
        raise ValueError("must have something that can be seen")
    return text


@dataclass(frozen=True)
class Pattern:
    """Says in the JSON Schema what the validators beside it check, so that it tells the truth."""

    pattern: str

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return handler(schema) | {"pattern": self.pattern}


def _max_normalized_length(limit: int) -> Any:
    """Some letters grow when they are normalised; the key has to fit its column."""

    def check(name: str) -> str:
        if len(normalized_name(name)) > limit:
            raise ValueError(f"must have at most {limit} characters after Unicode normalisation")
        return name

    return AfterValidator(check)


# What has a form in UTF-8, and what every client can hold.
STORABLE = (AfterValidator(_storable), Pattern(r"^[^\u0000]*$"))
VISIBLE = (
    AfterValidator(_storable),
    AfterValidator(_visible),
    Pattern(rf"^[^\u0000]*[^{_BLANK}][^\u0000]*$"),
)

LINE = (
    AfterValidator(_storable),
    _no_controls(_NO_LINE),
    Pattern(rf"^[^{LINE_CLASS}]*$"),
)

Username = Annotated[
    str,
    StringConstraints(min_length=2, max_length=MAX_NAME_CHARS),
    AfterValidator(_valid_username),
    AfterValidator(_single_script),
    AfterValidator(_unreserved),
    _max_normalized_length(64),
    Pattern(NAME_PATTERN),
]
RoomName = Annotated[
    str,
    StringConstraints(min_length=1, max_length=64),
    AfterValidator(_storable),
    _no_controls(_NO_LINE),
    AfterValidator(_with_something_seen),
    Pattern(rf"^[^{LINE_CLASS}]*[^{LINE_CLASS}{_BLANK}][^{LINE_CLASS}]*$"),
    AfterValidator(str.strip),
    _max_normalized_length(100),
]
DisplayName = RoomName
Topic = Annotated[
    str,
    StringConstraints(max_length=500),
    AfterValidator(_storable),
    _no_controls(_NO_LINES),
    Pattern(rf"^[^{LINES_CLASS}]*$"),
]
Text = Annotated[str, StringConstraints(min_length=1), *VISIBLE]


def _is_storable_json(value: Any) -> bool:
    """Its depth is bounded by the parsers. Text as everywhere; integers that all languages have."""
    if isinstance(value, str):
        return is_storable(value)
    if isinstance(value, int):
        return abs(value) <= MAX_SEQ
    if isinstance(value, dict):
        return all(map(_is_storable_json, (*value, *value.values())))
    return not isinstance(value, list) or all(map(_is_storable_json, value))


def _storable_json(document: dict[str, Any]) -> dict[str, Any]:
    if not _is_storable_json(document):
        raise ValueError(
            f"must not contain NUL, half of a surrogate pair, or integers beyond {MAX_SEQ}"
        )
    return document


JsonObject = Annotated[dict[str, Any], AfterValidator(_storable_json)]

# What may be an emoji; which ones there are, the server says.
EmojiText = Annotated[
    str,
    StringConstraints(min_length=1, max_length=32),
    *STORABLE,
    Field(description="One emoji of Unicode's RGI set.", examples=["🎉"]),
]
Nonce = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._:\-]{1,64}$")]
