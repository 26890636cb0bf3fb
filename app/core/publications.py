"""Publications: what the bus carries to every process after a COMMIT."""

from dataclasses import dataclass
from uuid import UUID

from app.wire.events import PublicationKind, RoomEvent, encode, event_spec
from app.wire.user_events import UserEvent


@dataclass(frozen=True, slots=True)
class Publication:
    """Tells every process that something was recorded. May be lost, doubled or swapped on the way.

    `channel` is the room (of a SESSION_REVOKED: the session). `payload` is the encoded event as
    clients get it, made once by the process that recorded it; empty where there is none.
    """

    kind: PublicationKind
    channel: UUID
    seq: int
    user: UUID
    payload: bytes = b""


def user_event_publication(user: UUID, event: UserEvent) -> Publication:
    return Publication(PublicationKind.USER_EVENT, user, event.seq, user, event.room.bytes)


def to_publication(event: RoomEvent) -> Publication:
    spec = event_spec(event)
    return Publication(
        spec.publication_kind, event.room, event.seq, spec.user(event), encode(event)
    )
