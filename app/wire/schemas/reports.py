"""Wire shapes of reports."""

from datetime import datetime
from uuid import UUID

from pydantic import ConfigDict, Field

from app.wire.reports import ReportOutcome, ReportReason
from app.wire.validation import RequestModel, ResponseModel, Topic


class CreateReport(RequestModel):
    """What a member says who reports something."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"reason": "spam", "note": "The same in all rooms"}]}
    )

    reason: ReportReason
    note: Topic = Field("", description="For the moderators; up to 500 characters.")


class ResolveReport(RequestModel):
    """What was done about a report."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"outcome": "message_deleted", "note": "First offence"}]}
    )

    outcome: ReportOutcome = Field(
        description="The reporter sees it. It does nothing itself: delete or ban before."
    )
    note: Topic = Field("", description="For other moderators; up to 500 characters.")


class ReportedMessage(ResponseModel):
    """What a message said when it was reported, also if it was edited or deleted since."""

    sender: UUID
    at: datetime = Field(description="When it was sent.")
    text: str = Field(examples=["Cheap pills"])
    forwarded_text: str | None = Field(
        None, description="What a message said that it forwards; null: none."
    )
    options: list[str] | None = Field(
        None, description="Of a poll; null: it is none.", examples=[None]
    )


class Resolution(ResponseModel):
    """What was done about a report, and who says so."""

    by: UUID
    at: datetime
    outcome: str = Field(
        description="What was done. Later releases add outcomes.", examples=["message_deleted"]
    )
    note: str = Field(description="May be empty.", examples=["First offence"])


class OwnReport(ResponseModel):
    """A report, as those see it who have made it."""

    id: UUID
    room: UUID
    user: UUID = Field(description="Who is reported: the sender of the message, or the user.")
    message: int | None = Field(
        description="`seq` of the message; null: the user as such.", examples=[12]
    )
    reason: str = Field(description="Later releases add reasons.", examples=["spam"])
    note: str = Field(description="May be empty.", examples=["The same in all rooms"])
    at: datetime
    status: str = Field(description="`open` or `resolved`.", examples=["resolved"])
    outcome: str | None = Field(
        description="What was done about it; null: it is open.", examples=["message_deleted"]
    )


class ReportOut(OwnReport):
    """A report, as moderators see it."""

    reporter: UUID | None = Field(description="Who has made it; null: a filter of the room.")
    snapshot: ReportedMessage | None = Field(description="null: a user as such was reported.")
    resolution: Resolution | None = Field(description="null: it is open.")
