"""Accounts and rooms of this server, beside the imported ones."""

from uuid import UUID

from app.core.actor import Actor
from app.core.clock import now
from app.core.ids import new_id
from app.core.send_request import SendRequest, SendResult
from app.messages.send.batch import send_batch
from app.persistence.uow import ReadSession, UnitOfWork
from app.rooms.membership import join
from app.wire.content import Content
from app.wire.names import name_key
from tests.importers.files import PIER
from tests.persistence.samples import make_user


async def settle(uow: UnitOfWork, name: str) -> UUID:
    """An account of somebody who is here."""
    found = make_user(name)
    found.username_key = name_key(name)
    uow.users.add(found)
    return found.id


async def room_id(reads: ReadSession, origin: str) -> UUID:
    room = await reads.rooms.by_origin(origin)
    assert room is not None
    return room.id


async def badges(reads: ReadSession, user: UUID) -> list[int]:
    rooms = await reads.members.rooms_of(user, None, 100)
    return [room.mentions + room.unread for room in rooms]


async def say(uow: UnitOfWork, user: UUID, nonce: str, text: str) -> None:
    """Join the pier and send."""
    room = await room_id(uow, PIER)
    await join(uow, acting(user), room, 1)
    (outcome,) = await send_batch(
        uow, [SendRequest(acting(user), room, nonce, Content(text=text))], wait=True
    )
    assert isinstance(outcome, SendResult)


def acting(user: UUID, *, is_admin: bool = False) -> Actor:
    return Actor(user, new_id(), is_admin=is_admin, expires_at=now())
