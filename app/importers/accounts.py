"""Accounts for the authors of an archive. They cannot log in."""

import re
from collections.abc import Iterator, Sequence
from itertools import count
from uuid import UUID

from pydantic import TypeAdapter, ValidationError

from app.core.ids import new_id
from app.core.lookalikes import skeleton
from app.importers.gitter import Author, shortened
from app.persistence.tables import User
from app.persistence.uow import UnitOfWork
from app.wire.user_and_room_names import normalized_name
from app.wire.validation import Username

NAMELESS = "unknown"
_USERNAME: TypeAdapter[str] = TypeAdapter(Username)


async def get_or_create_accounts(uow: UnitOfWork, authors: Sequence[Author]) -> dict[str, UUID]:
    """The account of each author, by origin. Those that exist stay as they are."""
    known = await uow.users.by_origins(author.origin for author in authors)
    new = [author for author in authors if author.origin not in known]
    taken = set(await uow.users.ids_by_keys(normalized_name(author.name) for author in new))
    users = [_account(author, await _free_name(uow, author, taken)) for author in new]
    looks = await uow.users.skeletons(skeleton(user.username_key) for user in users)
    for user in users:
        # An author whose name looks like another one keeps it: the archive has both.
        look = skeleton(user.username_key)
        user.username_skeleton = None if look in looks else look
        looks.add(look)
        uow.users.add(user)
    return known | {user.origin: user.id for user in users if user.origin}


def _account(author: Author, username: str) -> User:
    name = shortened(author.name) or NAMELESS
    return User(
        id=new_id(),
        username=username,
        username_key=normalized_name(username),
        display_name=name,
        display_key=normalized_name(name),
        password_hash=None,
        origin=author.origin,
        created_at=author.first_at,
    )


async def _free_name(uow: UnitOfWork, author: Author, taken: set[str]) -> str:
    """A username that is free; its key is then in `taken`. The author's own keys are there
    already if somebody has them."""
    for name in usernames(author):
        key = normalized_name(name)
        if key in taken or (name != author.name and await uow.users.by_key(key)):
            continue
        taken.add(key)
        return name
    raise AssertionError("there is always another one")


def usernames(author: Author) -> Iterator[str]:
    """What the author may be called: as in the archive, if a username may look like that, and
    else, or where that is taken, with the end of the archive's id. Never ends."""
    if _is_username(author.name):
        yield author.name
    stem = re.sub(r"[^\w.-]+", "-", author.name)[:15].strip("-._")
    name = f"{stem}-gitter-{author.origin[-4:]}"
    if not _is_username(name):
        name = f"{NAMELESS}-gitter-{author.origin[-4:]}"
    yield name
    for number in count(2):
        yield f"{name}-{number}"


def _is_username(name: str) -> bool:
    try:
        _USERNAME.validate_python(name)
    except ValidationError:
        return False
    return True
