"""Wire shapes of accounts and logins."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from pydantic.config import JsonDict

from app.core.fields import STORABLE, DisplayName, Input, Username
from app.core.password_policy import MIN_CHARS

Password = Annotated[str, StringConstraints(min_length=MIN_CHARS, max_length=200), *STORABLE]
FormText = Annotated[str, StringConstraints(max_length=200), *STORABLE]


class Register(Input):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"username": "ada", "password": "correct horse", "display_name": "Ada Lovelace"}
            ]
        }
    )

    username: Username = Field(description="Letters, digits and . _ - inside; unique without case.")
    password: Password = Field(description="None of the most common ones, and not the name.")
    display_name: DisplayName | None = Field(None, description="Absent: the username.")


class UpdateProfile(Input):
    model_config = ConfigDict(
        json_schema_extra={"examples": [{"display_name": "Countess of Lovelace"}]}
    )

    display_name: DisplayName


class ChangePassword(Input):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"old_password": "correct horse", "new_password": "battery staple"}]
        }
    )

    old_password: FormText
    new_password: Password = Field(description="None of the most common ones, and not the name.")


class UserOut(BaseModel):
    """What everybody may see of a user."""

    id: UUID
    username: str
    display_name: str


class Me(UserOut):
    is_admin: bool
    created_at: datetime


_EACH_GRANT_NEEDS: JsonDict = {
    "if": {"properties": {"grant_type": {"const": "password"}}},
    "then": {"required": ["username", "password"]},
    "else": {"required": ["refresh_token"]},
}


class TokenForm(BaseModel):
    """The form of RFC 6749 for the grants `password` (4.3) and `refresh_token` (6)."""

    model_config = ConfigDict(
        json_schema_extra=_EACH_GRANT_NEEDS
        | {
            "examples": [
                {"grant_type": "password", "username": "ada", "password": "correct horse"},
                {
                    "grant_type": "refresh_token",
                    "refresh_token": "9f86d081884c7d659a2feaa0c55ad015",
                },
            ]
        }
    )

    grant_type: Literal["password", "refresh_token"]
    username: FormText | None = None
    password: FormText | None = None
    refresh_token: FormText | None = None
    device_token: FormText | None = Field(
        None, description="Of an earlier login from this device, with `grant_type=password`."
    )
    scope: FormText = Field("", description="Not used.")
    client_id: FormText | None = Field(None, description="Not used.")
    client_secret: FormText | None = Field(None, description="Not used.")


class TokenOut(BaseModel):
    """RFC 6749, 5.1."""

    access_token: str
    token_type: str = "bearer"  # noqa: S105  # the name of a scheme
    expires_in: int = Field(description="Seconds.")
    refresh_token: str = Field(description="Single use; each answer brings the next one.")
    device_token: str | None = Field(
        None,
        description="Of a login with a password: send it with the next one from this device, so "
        "that wrong passwords of others do not delay it. It gives no access.",
    )


class SessionOut(BaseModel):
    """One login."""

    id: UUID
    client: str = Field(description="The User-Agent that logged in.")
    address: str
    created_at: datetime
    used_at: datetime = Field(description="When its tokens were last renewed.")
    expires_at: datetime
    current: bool = Field(description="This is the session that asks.")


class TicketOut(BaseModel):
    """Opens one WebSocket, once, within `expires_in` seconds: put it into `hello`."""

    ticket: str
    expires_in: int
