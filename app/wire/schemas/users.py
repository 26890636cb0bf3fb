"""Wire shapes of accounts and logins."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StringConstraints

from app.wire.content import optional_field
from app.wire.profiles import Profile, UpdateProfileFields
from app.wire.seq import Epoch, Seq
from app.wire.user_events import UserEvent
from app.wire.validation import (
    MIN_PASSWORD_CHARS,
    STORABLE,
    DisplayName,
    RequestModel,
    ResponseModel,
    Username,
)

Password = Annotated[
    str, StringConstraints(min_length=MIN_PASSWORD_CHARS, max_length=200), *STORABLE
]
FormText = Annotated[str, StringConstraints(max_length=200), *STORABLE]


class Register(RequestModel):
    """A new account."""

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


class UpdateProfile(UpdateProfileFields):
    """What others see of the caller. Absent fields stay as they are."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "display_name": "Countess of Lovelace",
                    "status": {"emoji": "🌴", "text": "On holiday"},
                }
            ]
        }
    )

    display_name: DisplayName | None = Field(None, description="null leaves it as it is.")
    share_read_markers: StrictBool | None = Field(
        None, description="Whether others see how far the caller has read; null leaves it as it is."
    )


class ChangePassword(RequestModel):
    """The password as it is, and as it is to be."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"old_password": "correct horse", "new_password": "battery staple"}]
        }
    )

    old_password: FormText
    new_password: Password = Field(description="None of the most common ones, and not the name.")


class UserOut(Profile):
    """The public part of an account."""

    id: UUID = Field(description="The user's id.")
    username: str = Field(description="Unique, for logins and mentions.", examples=["ada"])
    display_name: str = Field(description="Not unique.", examples=["Ada Lovelace"])


class Me(UserOut):
    """The caller's own account."""

    is_admin: bool
    created_at: datetime
    share_read_markers: bool = Field(description="Whether others see how far the caller has read.")


class TokenForm(BaseModel):
    """The form of RFC 6749 for the grants `password` (4.3) and `refresh_token` (6)."""

    model_config = ConfigDict(
        json_schema_extra={
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
    username: FormText | None = Field(None, description="Needed by `password`.")
    password: FormText | None = Field(None, description="Needed by `password`.")
    refresh_token: FormText | None = Field(None, description="Needed by `refresh_token`.")
    device_token: FormText | None = Field(
        None, description="Of an earlier login from this device, with `grant_type=password`."
    )
    scope: FormText = Field("", description="Not used.")
    client_id: FormText | None = Field(None, description="Not used.")
    client_secret: FormText | None = Field(None, description="Not used.")


class CookieLoginForm(BaseModel):
    """The form of a login of a page: that of `issue_token` with `grant_type=password`."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"grant_type": "password", "username": "ada", "password": "correct horse"}]
        }
    )

    grant_type: Literal["password"]
    username: FormText = Field(min_length=1)
    password: FormText = Field(min_length=1)
    device_token: FormText | None = Field(None, description="Of an earlier login from this device.")


class AccessTokenOut(ResponseModel):
    """An access token for a page. The refresh token is in a cookie, which scripts cannot read."""

    access_token: str = Field(
        description="Send it as `Authorization: Bearer …`.",
        examples=["eyJhbGciOiJIUzI1NiJ9.e30.c2ln"],
    )
    token_type: str = "bearer"  # noqa: S105  # the name of a scheme
    expires_in: int = Field(description="Seconds.", examples=[900])
    device_token: str | None = optional_field(
        "Of a login with a password: send it with the next one from this device, so that wrong "
        "passwords of others do not delay it. It gives no access."
    )


class TokenOut(AccessTokenOut):
    """RFC 6749, 5.1."""

    refresh_token: str = Field(
        description="Single use; each answer brings the next one.",
        examples=["9f86d081884c7d659a2feaa0c55ad015"],
    )


class SessionOut(ResponseModel):
    """One login."""

    id: UUID
    client: str = Field(description="The User-Agent that logged in.", examples=["chat-app/1.4"])
    address: str = Field(description="Where it logged in from.", examples=["192.0.2.7"])
    created_at: datetime
    used_at: datetime = Field(description="When its tokens were last renewed.")
    expires_at: datetime
    current: bool = Field(description="This is the session that asks.")


class TicketOut(ResponseModel):
    """Opens one WebSocket, once, within `expires_in` seconds: put it into `hello`."""

    ticket: str = Field(examples=["c2VjcmV0LXRpY2tldA"])
    expires_in: int = Field(description="Seconds.", examples=[45])


class UserEventPage(ResponseModel):
    """A piece of the caller's log, without a hole."""

    epoch: Epoch
    items: list[UserEvent]
    next: Seq | None = Field(description="Pass it as `after` to go on; null: the end is reached.")
    trimmed: Seq = Field(description="Events up to this `seq` are deleted.")
