"""Field types that requests and frames share."""

from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from app.core.errors import Invalid
from app.core.names import is_storable, name_key


class Input(BaseModel):
    """What a client sends: a field that we do not know is a mistake, and is said to be one."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class InvalidField(BaseModel):
    """One value that is not acceptable, in a problem or an error frame."""

    path: str = Field(examples=["body.text"])
    message: str = Field(examples=["String should have at most 4000 characters"])


def invalid(errors: Sequence[Any]) -> Invalid:
    """From the errors of pydantic: paths and messages, never the input, which may hold a secret."""
    fields = [
        {"path": ".".join(map(str, e["loc"])), "message": e["msg"].removeprefix("Value error, ")}
        for e in errors
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


def _short_key(limit: int) -> Any:
    """Some letters grow when they are normalised; the key has to fit its column."""

    def check(name: str) -> str:
        if len(name_key(name)) > limit:
            raise ValueError(f"must have at most {limit} characters after Unicode normalisation")
        return name

    return AfterValidator(check)


# Letters and digits of every script, and . _ - inside; what `@name` can find again.
Username = Annotated[
    str,
    StringConstraints(min_length=2, max_length=32, pattern=r"^[^\W_]([\w.-]*[^\W_])?$"),
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
