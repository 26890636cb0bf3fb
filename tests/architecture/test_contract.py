"""A new event or frame has its row in every table of the contract, or a test names the table."""

from collections.abc import Iterable
from typing import Any, Literal

import pytest

from app.realtime.connection.dispatch import FRAME_COSTS
from app.wire.client_frames import ClientFrame
from app.wire.errors import ErrorCode, error_classes
from app.wire.events import EVENT_SPECS, Event, EventSpec, MemberEvent, PublicationKind, RoomEvent
from app.wire.examples import CLIENT_EXAMPLES, EVENT_EXAMPLES, SERVER_EXAMPLES
from app.wire.frames import ANSWERS, ServerFrame
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


@pytest.mark.parametrize(
    ("table", "rows"),
    [
        ("ANSWERS in app/wire/frames.py", ANSWERS),
        ("FRAME_COSTS in app/realtime/connection/dispatch.py", FRAME_COSTS),
    ],
    ids=["answers", "costs"],
)
def test_every_frame_of_clients_has_exactly_one_row(table: str, rows: Iterable[Any]) -> None:
    union = "ClientFrame in app/wire/client_frames.py"
    mistakes = row_mistakes(table, list(rows), union, models(ClientFrame))
    expect_none(mistakes, "A frame of clients has a row in each table of frames:")


@pytest.mark.parametrize(
    ("union", "examples"),
    [
        (ClientFrame, CLIENT_EXAMPLES),
        (ServerFrame, SERVER_EXAMPLES),
        (Event, EVENT_EXAMPLES),
    ],
    ids=["client frames", "server frames", "events"],
)
def test_every_frame_and_event_has_an_example(union: Any, examples: Iterable[Any]) -> None:
    classes = list(dict.fromkeys(map(type, examples)))
    mistakes = row_mistakes("app/wire/examples.py", classes, "The union", models(union))
    expect_none(mistakes, "/asyncapi.json and docs/protocol.md show an example of each:")


def test_every_error_code_has_a_class() -> None:
    assert error_classes().keys() == set(ErrorCode)


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
