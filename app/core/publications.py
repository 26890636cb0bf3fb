"""Publications: what the bus carries to every process after a COMMIT."""

from dataclasses import dataclass
from uuid import UUID

from app.wire.events import (
    MemberJoined,
    MemberLeft,
    MemberRemoved,
    MessageCreated,
    PublicationKind,
    RoomEvent,
    encode,
)


@dataclass(frozen=True, slots=True)
class Publication:
    """A poke after COMMIT: something was recorded. May be lost, doubled or swapped on the way.

    `topic` is the room (of a SESSION_REVOKED: the session). `frame` is the encoded event as
    clients get it, made once by the process that recorded it; empty where there is none.
    """

    kind: PublicationKind
    topic: UUID
    seq: int
    subject: UUID
    frame: bytes = b""


def to_publication(event: RoomEvent) -> Publication:
    """The poke for one recorded event."""
    match event:
        case MessageCreated():
            kind, subject = PublicationKind.MESSAGE, event.message.sender
        case MemberJoined():
            kind, subject = PublicationKind.JOINED, event.member.user
        case MemberLeft():
            kind, subject = PublicationKind.LEFT, event.member.user
        case MemberRemoved():
            kind, subject = PublicationKind.REMOVED, event.member.user
        case _:
            kind, subject = PublicationKind.ROOM, event.actor
    return Publication(kind, event.room, event.seq, subject, encode(event))
