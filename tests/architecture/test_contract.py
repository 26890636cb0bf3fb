"""A new event or frame has its row in every table of the contract, or a test names the table."""

from typing import Literal

from app.wire.events import EVENT_SPECS, Event, EventSpec, MemberEvent, PublicationKind, RoomEvent
from tests.architecture.contract import kind_mistakes, row_mistakes
from tests.architecture.documents import models
from tests.architecture.source import expect_none


class PollStarted(RoomEvent):
    type: Literal["poll.started"] = "poll.started"


def test_every_event_has_exactly_one_row() -> None:
    mistakes = row_mistakes(
        "EVENT_SPECS in app/wire/events.py",
        [spec.cls for spec in EVENT_SPECS],
        "Event in app/wire/events.py",
        models(Event),
    )
    expect_none(mistakes, "An event has a class, a place in `Event` and a row in EVENT_SPECS:")


def test_events_that_share_a_kind_of_publication_are_handled_alike() -> None:
    expect_none(kind_mistakes(EVENT_SPECS), "Processes handle publications by their kind alone:")


# The checks themselves: each finds what it is for.


def test_an_event_without_a_row_is_found() -> None:
    assert row_mistakes("EVENT_SPECS", [], "Event", [PollStarted]) == [
        "EVENT_SPECS has 0 rows for PollStarted"
    ]


def test_an_event_with_two_rows_is_found() -> None:
    assert row_mistakes("EVENT_SPECS", [PollStarted] * 2, "Event", [PollStarted]) == [
        "EVENT_SPECS has 2 rows for PollStarted"
    ]


def test_a_row_of_an_event_that_is_not_in_the_union_is_found() -> None:
    assert row_mistakes("EVENT_SPECS", [PollStarted], "Event", []) == [
        "Event has no member PollStarted, which EVENT_SPECS has a row for"
    ]


def test_an_event_that_counts_under_a_kind_that_does_not_is_found() -> None:
    (mistake,) = kind_mistakes([*EVENT_SPECS, EventSpec(PollStarted, counts=True)])
    assert mistake.startswith("PollStarted needs a PublicationKind of its own: OTHER_EVENT is")


def test_a_membership_under_the_kind_of_another_is_found() -> None:
    class Kicked(MemberEvent):
        type: Literal["member.kicked"] = "member.kicked"

    row = EventSpec(Kicked, PublicationKind.JOINED, membership="removed")
    (mistake,) = kind_mistakes([*EVENT_SPECS, row])
    assert "Kicked" in mistake
