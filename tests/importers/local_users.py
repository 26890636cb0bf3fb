"""Accounts and rooms of this server, in addition to the imported ones."""

from uuid import UUID

from app.core.actor import Actor
from app.core.clock import now
from app.core.ids import new_id
from app.core.send_request import SendRequest, SendResult
from app.messages.send.batch import commit_batch
from app.persistence.uow import ReadSession, UnitOfWork
from app.rooms.membership import join
from app.wire.content import Content
from app.wire.user_and_room_names import normalized_name
from testkit.limits import LIMITS
from tests.importers.archives import PIER
from tests.persistence.factories import make_user


async def create_account(uow: UnitOfWork, name: str) -> UUID:
    """An account that was not imported."""
    found = make_user(name)
    found.username_key = normalized_name(name)
    uow.users.add(found)
    return found.id


async def room_id(reader: ReadSession, origin: str) -> UUID:
    room = await reader.rooms.by_origin(origin)
    assert room is not None
    return room.id


async def badge_counts(reader: ReadSession, user: UUID) -> list[int]:
    rooms = await reader.room_lists.page(user, None, 100)
    return [room.mentions + room.unread for room in rooms]


async def join_and_send(uow: UnitOfWork, user: UUID, nonce: str, text: str) -> None:
    """Join the room of the sample and send."""
    room = await room_id(uow, PIER)
    await join(uow, make_actor(user), room, 1)
    send = SendRequest(make_actor(user), room, nonce, Content(text=text))
    (outcome,) = await commit_batch(uow, [send], LIMITS, wait=True)
    assert isinstance(outcome, SendResult)


def make_actor(user: UUID, *, is_admin: bool = False) -> Actor:
    return Actor(user, new_id(), is_admin=is_admin, expires_at=now())
