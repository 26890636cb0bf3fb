"""Use cases of an import, each in a unit of work and safe to run again: it keeps what exists and
adds what is missing. They run in this order, batch after batch: accounts, room, memberships,
messages, owner. So an interrupted import continues where it ended.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, TypeVar
from uuid import UUID

from app.core.clock import now
from app.core.ids import new_id
from app.core.mentions import parse_mentions
from app.importers.gitter import ArchivedMessage, Author, RoomArchive, shortened
from app.messages.send.batch import next_message
from app.persistence.repositories.batch_writes import (
    UserMention,
)
from app.persistence.repositories.rooms import LockedRoom
from app.persistence.search.writes import stored_message
from app.persistence.tables import TOPIC_CHARS, Room
from app.persistence.uow import ReadSession, UnitOfWork
from app.rooms import policy
from app.rooms.access import require_not_archived
from app.rooms.admission import filter_banned
from app.rooms.policy import NO_ROOM
from app.rooms.roles import change_role
from app.rooms.service import add_member, details
from app.wire.content import Content
from app.wire.domain import Role, RoomKind
from app.wire.errors import NotFound
from app.wire.events import RoomCreated
from app.wire.user_and_room_names import normalized_name

MAX_BATCH = 500  # rows of one table in one unit of work, or values in one query
TOPIC = "Imported from Gitter."
T = TypeVar("T")


def batches(items: Sequence[T], size: int = MAX_BATCH) -> Iterator[Sequence[T]]:
    return (items[start : start + size] for start in range(0, len(items), size))


class AuthorAccounts(NamedTuple):
    """The accounts of a room's authors."""

    by_origin: Mapping[str, UUID]
    by_name: Mapping[str, UUID]  # the normalized name in the archive


class ImportCursor(NamedTuple):
    """What an importer knows of a room. Up to `seq` it has none of the messages that are still to
    be imported but those of `foreign`: sender and nonce."""

    seq: int
    foreign: frozenset[tuple[UUID, str]] = frozenset()


def author_accounts(authors: Iterable[Author], accounts: Mapping[str, UUID]) -> AuthorAccounts:
    """Of two authors with one name, it is that of the first: as of accounts with one username."""
    names: dict[str, UUID] = {}
    for author in authors:
        names.setdefault(normalized_name(author.name), accounts[author.origin])
    return AuthorAccounts(accounts, names)


async def get_or_create_room(uow: UnitOfWork, archive: RoomArchive, creator: UUID) -> UUID:
    """The public room of an archive, made at its first message by that one's author.

    It is called by its full URI: that is what its people called it, a last part such as "Casual"
    is no unique name, and the search for a part of the name finds it. One that is too long for a
    name ends in the last digits of the archive's id, and is the topic, too.
    """
    existing = await uow.rooms.by_origin(archive.origin)
    if existing:
        return existing.id
    at = archive.posts[0].at
    name = shortened(archive.name, f"…{archive.origin[-6:]}")
    room = await uow.rooms.add(
        Room(
            id=new_id(),
            kind=RoomKind.PUBLIC,
            name=name,
            name_key=normalized_name(name),
            topic=TOPIC if name == archive.name else f"{TOPIC} {archive.name}"[:TOPIC_CHARS],
            origin=archive.origin,
            seq=0,
            created_at=at,
        )
    )
    uow.append_event(
        room,
        lambda seq: RoomCreated(room=room.id, seq=seq, actor=creator, at=at, details=details(room)),
    )
    return room.id


async def join_authors(
    uow: UnitOfWork, room_id: UUID, authors: Sequence[Author], accounts: Mapping[str, UUID]
) -> None:
    """Add the authors as members, as of their first message, except those who were removed."""
    room = await _lock(uow, room_id)
    users = [accounts[author.origin] for author in authors]
    known: set[UUID] = await uow.members.filter_members(room_id, users)
    if len(known) < len(users):
        known |= await uow.events.joined(room_id, users)
        known |= await filter_banned(uow, room_id, users, now())
    for author, user in zip(authors, users, strict=True):
        if user not in known:
            require_not_archived(room)
            add_member(uow, room, user, user, Role.MEMBER, author.first_at)


async def add_posts(
    uow: UnitOfWork,
    room_id: UUID,
    posts: Sequence[ArchivedMessage],
    accounts: AuthorAccounts,
    cursor: ImportCursor,
) -> ImportCursor:
    """Record those messages that the room does not have, and return what the caller then knows.

    What others have imported since `cursor` is found under the room's lock. The authors have read
    everything: it was said in their presence.
    """
    room = (await uow.message_batch.lock_rooms([room_id], wait=True))[room_id]
    foreign = cursor.foreign | await uow.messages.nonces_after(room_id, cursor.seq)
    new = [post for post in posts if (accounts.by_origin[post.origin], post.nonce) not in foreign]
    if new:
        policy.require_not_archived(archived=room.archived)
        mentioned = [_mentioned(post.text, accounts.by_name) for post in new]
        members = await uow.members.filter_members(room_id, set().union(*mentioned))
        created = [
            next_message(
                room_id,
                room,
                accounts.by_origin[post.origin],
                post.nonce,
                Content(text=post.text),
                post.at,
                mentions=sorted(users & members - {accounts.by_origin[post.origin]}) or None,
            )
            for post, users in zip(new, mentioned, strict=True)
        ]
        mentions = [
            UserMention(user, room_id, entry.event.seq)
            for entry in created
            for user in entry.event.message.mentions or ()
        ]
        await uow.append_messages(created, mentions)
        await uow.search.index([stored_message(room_id, entry.event.message) for entry in created])
        for users in batches(list(accounts.by_origin.values())):
            await uow.members.mark_all_read(room_id, users, room.seq)
    return ImportCursor(room.seq, foreign)


async def make_owner(uow: UnitOfWork, room_id: UUID, user: UUID) -> None:
    """Last of all: a new member has read everything up to the own arrival."""
    room = await _lock(uow, room_id)
    member = await uow.members.get(room_id, user)
    if member is None:
        require_not_archived(room)
        add_member(uow, room, user, user, Role.OWNER, now())
    elif member.role != Role.OWNER:
        require_not_archived(room)
        change_role(uow, room, user, member, Role.OWNER)


async def find_owner(reader: ReadSession, username: str) -> UUID:
    user = await reader.users.by_key(normalized_name(username))
    if user is None:
        raise NotFound(f"There is no account {username!r} that could own the rooms.")
    return user.id


async def find_room(reader: ReadSession, origin: str) -> UUID | None:
    room = await reader.rooms.by_origin(origin)
    return room.id if room else None


async def _lock(uow: UnitOfWork, room_id: UUID) -> LockedRoom:
    room = await uow.rooms.lock(room_id)
    if room is None:
        raise NotFound(NO_ROOM)
    return room


def _mentioned(text: str, names: Mapping[str, UUID]) -> set[UUID]:
    """A name means its author in the archive, not an account of this server that has it now."""
    return {names[key] for key in parse_mentions(text).named(names)}
