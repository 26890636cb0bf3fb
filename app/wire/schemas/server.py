"""Wire shapes of the server as a whole."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, StringConstraints

from app.wire.schemas.rooms import RoomOut
from app.wire.schemas.users import Me, Register
from app.wire.validation import STORABLE, RequestModel, ResponseModel, RoomName

SetupCode = Annotated[str, StringConstraints(min_length=1, max_length=100), *STORABLE]


class ServerOut(ResponseModel):
    """What anybody may know of the server."""

    name: str = Field(description="As an administrator has named it.", examples=["Analytical"])
    needs_setup: bool = Field(
        description="There is no administrator yet: `set_up_server` makes the first one."
    )
    registration: Literal["open", "closed"] = Field(
        description="Whether anybody may make an account."
    )
    version: str = Field(description="Of the program.", examples=["0.1.0"])


class UpdateServer(RequestModel):
    """Absent fields stay as they are."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "Analytical"}]})

    name: RoomName | None = Field(None, description="null leaves it as it is.")


class SetUp(Register):
    """The first administrator's account, the name of the server, and its first room."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "code": "7H2K-9QXM-4TBW-D3FZ",
                    "username": "ada",
                    "password": "correct horse",
                    "server_name": "Analytical",
                    "room_name": "General",
                }
            ]
        }
    )

    code: SetupCode = Field(description="The server prints it when it starts.")
    server_name: RoomName = Field(description="Administrators can change it later.")
    room_name: RoomName = Field(description="Of the first room, which is public.")


class SetupOut(ResponseModel):
    """What was made."""

    user: Me
    room: RoomOut
