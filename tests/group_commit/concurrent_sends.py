"""Users in rooms, and many concurrent sends."""

import asyncio
import random
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from app.core.actor import Actor
from app.core.clock import now
from app.core.ids import new_id
from app.core.message_commands import ChangeResult
from app.core.send_request import SendRequest, SendResult
from app.messages.send.group_commit import Committer
from app.persistence.database import Database
from app.persistence.tables import Room
from app.persistence.uow import ReadSession, UnitOfWork
from app.rooms.overrides import NO_OVERRIDES, Override
from app.wire.content import Content
from app.wire.domain import Permission, Role, RoomKind
from app.wire.errors import ChatError
from app.wire.events import MessageCreated
from tests.persistence.factories import make_user

Outcome = SendResult | BaseException


async def make_users(uow: UnitOfWork, *names: str) -> list[Actor]:
    users = [make_user(name) for name in names]
    for user in users:
        uow.users.add(user)
    return [make_actor(user.id) for user in users]


async def make_room(
    uow: UnitOfWork, members: Iterable[Actor], kind: RoomKind = RoomKind.PRIVATE
) -> UUID:
    """A room with an empty log."""
    room = await uow.rooms.add(Room(id=new_id(), kind=kind, topic="", seq=0, created_at=now()))
    for member in members:
        uow.members.add(room.id, member.user, Role.MEMBER, now(), 0)
    return room.id


async def restrict(
    uow: UnitOfWork, room_id: UUID, people: Iterable[Actor], chance: random.Random
) -> None:
    """Other roles, overrides, time-outs and settings, for some rooms and members."""
    room = await uow.rooms.lock(room_id)
    assert room is not None
    room.settings = chance.choice([None, '{"announcement":true}'])
    overrides = NO_OVERRIDES
    for person in people:
        member = await uow.members.get(room_id, person.user)
        assert member is not None
        member.role = chance.choice([Role.MEMBER, *Role])
        until = chance.choice([None, None, None, 2000, 2100])
        member.timed_out_until = datetime(until, 1, 1, tzinfo=UTC) if until else None
        denied = chance.choice([*Permission, *[None] * len(Permission)])
        if denied:
            override = Override(deny=frozenset({denied}))
            target = person.user if chance.random() < 0.5 else member.role
            overrides = overrides.replace(target, override)
    room.overrides = overrides.encode()


async def archive(uow: UnitOfWork, room_id: UUID) -> None:
    room = await uow.rooms.lock(room_id)
    assert room is not None
    room.archived_at = now()


async def remove(uow: UnitOfWork, room_id: UUID, user: UUID) -> None:
    room = await uow.rooms.lock(room_id)
    member = await uow.members.get(room_id, user)
    assert room is not None
    assert member is not None
    await uow.members.remove(member, room.seq)


def make_actor(user: UUID) -> Actor:
    return Actor(user, user, is_admin=False, expires_at=now())


def send_request(
    actor: Actor,
    room: UUID,
    nonce: str,
    text: str = "hi",
    reply_to: int | None = None,
    **more: Any,
) -> SendRequest:
    return SendRequest(actor, room, nonce, Content(text=text, reply_to=reply_to, **more))


async def send_concurrently(committer: Committer, sends: Iterable[SendRequest]) -> list[Outcome]:
    return await asyncio.gather(*map(committer.send, sends), return_exceptions=True)


def comparable(outcome: object) -> object:
    """An outcome without its time."""
    if isinstance(outcome, ChatError):
        return type(outcome), outcome.detail, vars(outcome).get("errors")
    assert isinstance(outcome, SendResult | ChangeResult), outcome
    message = outcome.message.model_dump(
        exclude={"at": True, "edit": {"at"}, "thread_summary": {"last_at"}}
    )
    return message, outcome[1]


async def checked_texts(reads: ReadSession, room_id: UUID) -> list[str]:
    """The texts of a room, after a check that the log has no gaps and agrees with the counter and
    the messages."""
    said = await reads.messages.list_after_unchecked(room_id, 0, 2**53, 10_000)
    log = await reads.events.list_ranges([(room_id, 0, 2**53)])
    seqs = sorted(event.seq for event in log)
    assert seqs == list(range(1, len(seqs) + 1)) == [one.seq for one in said]
    room = await reads.rooms.get(room_id)
    assert room is not None
    assert room.seq == len(seqs)
    assert all(isinstance(event, MessageCreated) for event in log)
    return [one.text for one in said]


@asynccontextmanager
async def rooms_locked(database: Database, *rooms: UUID) -> AsyncIterator[asyncio.Event]:
    """Another unit of work locks these rooms until the event is set."""
    there, release = asyncio.Event(), asyncio.Event()

    async def hold(uow: UnitOfWork) -> None:
        for room in sorted(rooms):
            await uow.rooms.lock(room)
        there.set()
        await release.wait()

    holder = asyncio.create_task(database.transact(hold))
    await there.wait()
    try:
        yield release
    finally:
        release.set()
        await holder
