"""Compares an archive with the imported messages."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from app.importers.gitter import ArchivedMessage, RoomArchive
from app.importers.service import batches, find_room
from app.persistence.database import Database
from app.persistence.uow import ReadSession
from app.wire.events import Message
from app.wire.seq import MAX_SEQ

PAGE = 1000


@dataclass(slots=True)
class Comparison:
    """Of one room of a file with the database. `seen` is the seq up to which the room was read."""

    missing: list[ArchivedMessage] = field(default_factory=list)  # the oldest first
    distinct: int = 0  # different messages of the file
    doubled: int = 0
    texts: int = 0  # that differ, and so on
    authors: int = 0
    times: int = 0
    out_of_order: int = 0  # that stand before an older one of the file
    seen: int = 0

    def differences(self) -> Iterator[str]:
        """In words; none if the database has every message once, and as it is in the file."""
        for number, what in (
            (len(self.missing), "missing"),
            (self.doubled, "doubled"),
            (self.texts, "with another text"),
            (self.authors, "with another author"),
            (self.times, "with another time"),
            (self.out_of_order, "out of order"),
        ):
            if number:
                yield f"{number} {what}"


async def compare(database: Database, archive: RoomArchive) -> Comparison:
    """Reads the whole room, page by page. Raises Busy.

    Only what the archive's authors have written counts: anybody can send under a nonce like ours.
    """
    accounts = await _accounts(database, archive)
    senders = set(accounts.values())
    result = Comparison()
    indexes = {post.nonce: index for index, post in enumerate(archive.posts)}
    present: set[int] = set()
    last = -1
    room = await database.read(find_room, archive.origin)
    while room and (page := await database.read(_page, room, result.seen)):
        for message in page:
            index = indexes.get(message.nonce)
            if index is not None and message.sender in senders:
                _judge(result, message, archive.posts[index], accounts, index in present)
                result.out_of_order += index < last
                present.add(index)
                last = max(last, index)
        result.seen = page[-1].seq
    result.distinct = len(present)
    result.missing = [post for index, post in enumerate(archive.posts) if index not in present]
    return result


def _judge(
    result: Comparison,
    message: Message,
    post: ArchivedMessage,
    accounts: Mapping[str, UUID],
    seen_before: bool,
) -> None:
    result.doubled += seen_before
    result.texts += message.text != post.text
    result.authors += message.sender != accounts.get(post.origin)
    result.times += message.at != post.at


async def _accounts(database: Database, archive: RoomArchive) -> dict[str, UUID]:
    accounts: dict[str, UUID] = {}
    for origins in batches([author.origin for author in archive.authors]):
        accounts |= await database.read(_by_origins, origins)
    return accounts


async def _by_origins(reader: ReadSession, origins: Sequence[str]) -> dict[str, UUID]:
    return await reader.users.by_origins(origins)


async def _page(reader: ReadSession, room_id: UUID, after: int) -> Sequence[Message]:
    return await reader.messages.list_after_unchecked(room_id, after, MAX_SEQ, PAGE)
