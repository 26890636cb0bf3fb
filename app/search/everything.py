"""Users and rooms for one box that searches everything."""

from collections.abc import Sequence
from typing import NamedTuple

from app.core.actor import Actor
from app.persistence.tables import Room, User
from app.persistence.uow import ReadSession
from app.settings import Directory
from app.users.directory import complete_users
from app.wire.user_and_room_names import normalized_name


class NamesFound(NamedTuple):
    """Rooms with whether the caller is a member."""

    people: Sequence[User] = ()
    rooms: Sequence[tuple[Room, bool]] = ()


async def find_names(
    reads: ReadSession, actor: Actor, text: str, limit: int, directory: Directory
) -> NamesFound:
    """Users whom the directory shows to the actor, and rooms that the actor may see."""
    key = normalized_name(text.strip().lstrip("@#"))
    if not key:
        return NamesFound()
    return NamesFound(
        await complete_users(reads, actor, key, limit, directory),
        await reads.completions.rooms(key, actor.user, limit),
    )
