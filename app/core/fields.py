"""Field types that requests and frames share."""

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints

from app.core.names import is_storable, name_key


class Input(BaseModel):
    """What a client sends: a field that we do not know is a mistake, and is said to be one."""

    model_config = ConfigDict(extra="forbid", frozen=True)


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
