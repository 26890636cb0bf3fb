"""A poll as a message shows it: its options, and how many have voted for each."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from app.wire.content import NewPoll, optional_field

MAX_VOTERS = 5  # that a message names for each option


class PollOption(BaseModel):
    """One option, and who has voted for it."""

    model_config = ConfigDict(frozen=True, json_schema_serialization_defaults_required=True)

    number: int = Field(description="What a vote names it by: 1 for the first one.", examples=[1])
    text: str = Field(description="What it says.", examples=["Yes"])
    votes: int = Field(0, description="How many users have voted for it.", examples=[3])
    voters: list[UUID] = Field(
        default_factory=list, description="Up to five of them; none in an anonymous poll."
    )


class Poll(BaseModel):
    """A poll with its results as they are now."""

    model_config = ConfigDict(frozen=True, json_schema_serialization_defaults_required=True)

    options: list[PollOption] = Field(description="In the order of their numbers.")
    voter_count: int = Field(0, description="How many users have voted.", examples=[3])
    multiple: bool = Field(description="Votes may be for several options.")
    anonymous: bool = Field(description="Nobody sees who has voted for what.")
    may_add: bool = Field(description="Members may add options.")
    closes_at: datetime | None = optional_field(
        "No votes from this time on; when the poll was closed, if somebody has closed it before."
    )
    closed: bool = Field(False, description="It takes no votes any more.")


def open_poll(poll: NewPoll) -> Poll:
    """Without a vote."""
    options = [
        PollOption(number=number, text=text) for number, text in enumerate(poll.options, start=1)
    ]
    return Poll(options=options, **poll.model_dump(exclude={"options"}))
