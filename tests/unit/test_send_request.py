"""The fingerprint recognises a repeated send, also in later releases."""

from datetime import UTC, datetime
from uuid import UUID

import pytest
from pydantic import BaseModel

from app.core.send_request import fingerprint
from app.wire.content import Content

PEOPLE = "01a2b3c4-0000-7000-8000-000000000001"
AT = datetime(2026, 11, 28, 9, 30, tzinfo=UTC)


class Poll(BaseModel):
    question: str
    ends_at: datetime
    voters: UUID
    options: tuple[str, ...] = ()
    note: str | None = None


class LaterContent(Content):
    """With fields that a later release may add to `Content`."""

    poll: Poll | None = None
    people: UUID | None = None
    at: datetime | None = None
    polls: tuple[Poll, ...] | None = None

    def content_fields(self) -> dict[str, object]:
        fields = {name: getattr(self, name) for name in LaterContent.model_fields}
        return {name: value for name, value in fields.items() if value is not None}


POLL = Poll(question="When?", ends_at=AT, voters=UUID(PEOPLE), options=("now", "later"))


@pytest.mark.parametrize(
    ("content", "stored"),
    [
        (Content(text="hi"), "015d0842342419b6999c360f278bacad"),
        (Content(text="Hello 👋"), "01d85abcd195a83ae07b4ef1ae2feb5e"),
        (Content(text='a\nb "quoted" \\ é'), "01d85bf53a2f1903a448ba6662ecf2b5"),
        (Content(text="hi", reply_to=5), "0104e824c6ade7bb031c4609a4653c0e"),
        (Content(text="x" * 4000, reply_to=2**53 - 1), "01b1d4089fb1b49e13eee572d5049007"),
    ],
)
def test_a_fingerprint_is_the_one_that_earlier_releases_have_stored(
    content: Content, stored: str
) -> None:
    assert fingerprint(content).hex() == stored
    later = LaterContent(**content.content_fields())
    assert fingerprint(later).hex() == stored, "a new field changes no send without it"


@pytest.mark.parametrize(
    "fields",
    [
        {"people": UUID(PEOPLE)},
        {"at": AT},
        {"poll": POLL},
        {"polls": (POLL, POLL.model_copy(update={"note": "urgent"}))},
    ],
    ids=str,
)
def test_objects_uuids_and_times_have_a_fingerprint(fields: dict[str, object]) -> None:
    sent = LaterContent.model_validate({"text": "hi"} | fields)
    repeated = LaterContent.model_validate_json(sent.model_dump_json())
    assert fingerprint(repeated) == fingerprint(sent)
    assert fingerprint(sent) != fingerprint(LaterContent(text="hi"))


def test_a_difference_inside_an_object_changes_the_fingerprint() -> None:
    polls = [POLL, *(POLL.model_copy(update={name: "other"}) for name in ("question", "note"))]
    assert len({fingerprint(LaterContent(text="hi", poll=poll)) for poll in polls}) == 3


def test_an_empty_field_of_an_object_does_not_change_the_fingerprint() -> None:
    class OlderPoll(BaseModel):
        question: str
        ends_at: datetime
        voters: UUID
        options: tuple[str, ...]

    older = OlderPoll(**POLL.model_dump(exclude={"note"}))
    sent = LaterContent(text="hi").model_copy(update={"poll": older})
    assert fingerprint(sent) == fingerprint(LaterContent(text="hi", poll=POLL))
