"""What of a file is in the database, and whether it is there as the file has it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from app.importers.gitter import Post, RoomArchive
from app.importers.service import batches, find_room
from app.persistence.uow import Database, ReadSession
from app.wire.events import Message
from app.wire.seq import MAX_SEQ

PAGE = 1000


@dataclass(slots=True)
class Comparison:
    """Of one room of a file with the database. `seen` is the seq up to which the room was read."""

    missing: list[Post] = field(default_factory=list)  # the oldest first
    found: int = 0  # different messages of the file
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
    places = {post.nonce: place for place, post in enumerate(archive.posts)}
    present: set[int] = set()
    last = -1
    room = await database.read(find_room, archive.origin)
    while room and (page := await database.read(_page, room, result.seen)):
        for message in page:
            place = places.get(message.nonce)
            if place is not None and message.sender in senders:
                _judge(result, message, archive.posts[place], accounts, place in present)
                result.out_of_order += place < last
                present.add(place)
                last = max(last, place)
        result.seen = page[-1].seq
    result.found = len(present)
    result.missing = [post for place, post in enumerate(archive.posts) if place not in present]
    return result


def _judge(
    result: Comparison,
    message: Message,
    post: Post,
    accounts: Mapping[str, UUID],
    seen_before: bool,
) -> None:
    result.doubled += seen_before
    result.texts += message.text != post.text
    result.authors += message.sender != accounts.get(post.origin)
    result.times += message.at != post.at


async def _accounts(database: Database, archive: RoomArchive) -> dict[str, UUID]:
    found: dict[str, UUID] = {}
    for some in batches([author.origin for author in archive.authors]):
        found |= await database.read(_by_origins, some)
    return found


async def _by_origins(reads: ReadSession, origins: Sequence[str]) -> dict[str, UUID]:
    return await reads.users.by_origins(origins)


async def _page(reads: ReadSession, room_id: UUID, after: int) -> Sequence[Message]:
    return await reads.messages.after(room_id, after, MAX_SEQ, PAGE)
