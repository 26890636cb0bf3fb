"""A group of settings: frozen, and strict about numbers."""

from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationInfo, field_validator

MAX_NUMBER = 2**31 - 1  # timers, databases and libraries all accept it


class Group(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def check_plain_digits(cls, value: Any, field: ValidationInfo) -> Any:
        """Rejects 1_000, which Python reads as a number."""
        kind = cls.model_fields[str(field.field_name)].annotation
        if kind in (int, float) and isinstance(value, str) and "_" in value:
            raise ValueError("must be a number in plain digits")
        return value

    @field_validator("*")
    @classmethod
    def check_max_number(cls, value: Any) -> Any:
        if isinstance(value, int | float) and value > MAX_NUMBER:
            raise ValueError(f"must be at most {MAX_NUMBER}")
        return value
