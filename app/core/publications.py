"""Publications: what the bus carries to every process after a COMMIT."""

from dataclasses import dataclass
from uuid import UUID

from app.wire.events import (
    Kind,
    MemberJoined,
    MemberLeft,
    MemberRemoved,
    MessageCreated,
    RoomEvent,
    encode,
)


@dataclass(frozen=True, slots=True)
class Announcement:
    """A poke after COMMIT: something was recorded. May be lost, doubled or swapped on the way.

    `topic` is the room (of a SESSION_REVOKED: the session). `frame` is the encoded event as
    clients get it, made once by the process that recorded it; empty where there is none.
    """

    kind: Kind
    topic: UUID
    seq: int
    subject: UUID
    frame: bytes = b""


def announcement(event: RoomEvent) -> Announcement:
    """The poke for one recorded event."""
    match event:
        case MessageCreated():
            kind, subject = Kind.MESSAGE, event.message.sender
        case MemberJoined():
            kind, subject = Kind.JOINED, event.member.user
        case MemberLeft():
            kind, subject = Kind.LEFT, event.member.user
        case MemberRemoved():
            kind, subject = Kind.REMOVED, event.member.user
        case _:
            kind, subject = Kind.ROOM, event.actor
    return Announcement(kind, event.room, event.seq, subject, encode(event))
