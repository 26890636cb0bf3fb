from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from pydantic import TypeAdapter

from app.client.terminal.formatting import (
    Style,
    clean,
    clean_line,
    describe_event,
    local,
    message_line,
)
from app.wire.events import Event, Message, RoomEvent
from tests.client.doubles import ADA, AT, ROOM

PLAIN = Style(colours=False)
BOB = UUID(int=3)


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("hello 👋🏽 שלום", "hello 👋🏽 שלום"),
        ("\x1b[2Jgone", "�[2Jgone"),
        ("bell\x07 back\b delete\x7f c1\x9b31m", "bell� back� delete� c1�31m"),
        ("one\ntwo\r\nthree\rfour", "one\ntwo\nthree�four"),
        ("a\tb", "a    b"),
        ("\u202eevil\u202c \u2066ok\u2069", "evil ok"),
        ("line\u2028separator", "line�separator"),
    ],
)
def test_control_characters_are_removed(sent: str, shown: str) -> None:
    assert clean(sent) == shown


def test_names_are_shown_on_one_line() -> None:
    assert clean_line(" Ada\n12:00 Bob:\tI\x1b owe you ") == "Ada 12:00 Bob: I� owe you"


def test_a_message_line() -> None:
    at = datetime(2026, 5, 17, 12, 30, tzinfo=UTC)
    message = Message(seq=1, sender=ADA, at=at, text="one\ntwo", nonce="n")
    clock = local(at).strftime("%H:%M")
    assert message_line(PLAIN, message, "Ada\n") == f"{clock} Ada: one\n      two"
    assert "\x1b[1mAda\x1b[0m" in message_line(Style(colours=True), message, "Ada")


def test_a_reply_in_a_thread_names_the_root() -> None:
    message = Message(seq=5, sender=ADA, at=AT, text="yes", nonce="n", thread=3)
    assert message_line(PLAIN, message, "Ada").endswith(" Ada: [thread 3] yes")


ROOM_NOW = {"kind": "public", "name": "General", "topic": "Tea"}


@pytest.mark.parametrize(
    ("event", "said"),
    [
        ({"type": "member.joined", "member": {"user": ADA, "role": "member"}}, "Bob joined"),
        ({"type": "member.joined", "member": {"user": BOB, "role": "owner"}}, "Ada added Bob"),
        ({"type": "member.left", "member": {"user": ADA, "role": "member"}}, "Bob left"),
        ({"type": "member.removed", "member": {"user": BOB, "role": "member"}}, "Ada removed Bob"),
        (
            {"type": "member.role_changed", "member": {"user": BOB, "role": "admin"}},
            "Ada made Bob admin",
        ),
        ({"type": "room.created", "details": ROOM_NOW}, "Ada made the room"),
        ({"type": "room.changed", "details": ROOM_NOW}, "Ada changed the room: General (Tea)"),
        (
            {"type": "room.changed", "details": ROOM_NOW | {"archived": True}},
            "Ada changed the room: General (archived)",
        ),
    ],
)
def test_events_are_described(event: dict[str, Any], said: str) -> None:
    parsed: RoomEvent = TypeAdapter[Any](Event).validate_python(
        event | {"room": ROOM, "seq": 4, "actor": ADA, "at": AT}
    )
    assert describe_event(parsed, "Ada", "Bob") == said


def test_unknown_events_are_not_described() -> None:
    news = RoomEvent(type="pin.added", room=ROOM, seq=4, actor=ADA, at=AT)
    assert describe_event(news, "Ada", "Ada") is None
