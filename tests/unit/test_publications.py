"""The publication of each event, and what a process learns from its kind."""

from uuid import UUID

import pytest

from app.core.publications import to_publication
from app.wire.events import (
    CLOSE_REASONS,
    COUNTED_KINDS,
    MEMBERSHIP_KINDS,
    PublicationKind,
    RoomEvent,
    encode,
    is_known,
)
from app.wire.examples import ADA, AT, BOB, EVE, EVENT_EXAMPLES, ROOM

KIND = PublicationKind
EXPECTED = [
    ("room.created", KIND.OTHER_EVENT, BOB),
    ("member.joined", KIND.JOINED, BOB),
    ("message.created", KIND.MESSAGE, BOB),
    ("message.created", KIND.MESSAGE, ADA),
    ("message.edited", KIND.MESSAGE_CHANGED, ADA),
    ("messages.deleted", KIND.MESSAGE_CHANGED, BOB),
    ("reaction.added", KIND.MESSAGE_CHANGED, BOB),
    ("reaction.removed", KIND.MESSAGE_CHANGED, BOB),
    ("message.pinned", KIND.MESSAGE_CHANGED, BOB),
    ("message.unpinned", KIND.MESSAGE_CHANGED, BOB),
    ("message.created", KIND.MESSAGE, BOB),
    ("thread.updated", KIND.MESSAGE_CHANGED, BOB),
    ("poll.updated", KIND.MESSAGE_CHANGED, BOB),
    ("message.hidden", KIND.OTHER_EVENT, BOB),
    ("room.changed", KIND.ROOM_CHANGED, BOB),
    ("room.deleted", KIND.ROOM_DELETED, BOB),
    ("member.role_changed", KIND.MEMBER_CHANGED, ADA),
    ("member.timed_out", KIND.MEMBER_CHANGED, ADA),
    ("room.permissions_changed", KIND.ROOM_CHANGED, BOB),
    ("member.removed", KIND.REMOVED, EVE),
    ("member.left", KIND.LEFT, ADA),
]


@pytest.mark.parametrize(("event", "expected"), list(zip(EVENT_EXAMPLES, EXPECTED, strict=True)))
def test_a_publication_names_the_kind_and_the_user(
    event: RoomEvent, expected: tuple[str, PublicationKind, UUID]
) -> None:
    publication = to_publication(event)
    assert is_known(event)
    assert (event.type, publication.kind, publication.user) == expected
    assert (publication.channel, publication.seq) == (ROOM, event.seq)
    assert publication.payload == encode(event)


def test_an_event_of_a_newer_release_is_published_with_all_its_fields() -> None:
    event = RoomEvent.model_validate(
        {"type": "poll.started", "room": ROOM, "seq": 3, "actor": ADA, "at": AT, "poll": [1]}
    )
    publication = to_publication(event)
    assert not is_known(event)
    assert (publication.kind, publication.user) == (KIND.OTHER_EVENT, ADA)
    assert b'"poll":[1]' in publication.payload


def test_kinds_tell_which_counts_and_memberships_change() -> None:
    assert {KIND.MESSAGE, KIND.MESSAGE_CHANGED} == COUNTED_KINDS
    assert {KIND.JOINED, KIND.LEFT, KIND.REMOVED} == MEMBERSHIP_KINDS
    assert {
        KIND.LEFT: "left",
        KIND.REMOVED: "removed",
        KIND.ROOM_DELETED: "removed",
    } == CLOSE_REASONS
