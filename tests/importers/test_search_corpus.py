"""Searches in eleven rooms of real people, in six languages, equal what a plain look at every
message finds: as they were imported, after edits and deletions, and after rooms were left."""

import random
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import select

from app.core.actor import Actor
from app.core.clock import now
from app.core.ids import new_id
from app.core.message_commands import EditRequest
from app.messages.deletion import delete_messages
from app.messages.send.batch import commit_batch
from app.persistence.database import Database
from app.persistence.tables import MessageRow, User
from app.rooms.membership import join, leave
from app.search.messages import find_messages
from app.search.query import parse_query
from app.wire.domain import SearchOrder
from testkit.limits import LIMITS
from tests.importers.archives import run
from tests.importers.test_gitter_corpus import FILES, pytestmark  # noqa: F401 - the reason to skip
from tests.persistence.factories import add_user

CHANGES = 400
PAGE = 1000
# How a message is written for the plain look: each word and each run between marks.
WORD, WORD_END, RUN, RUN_END = "\x01", "\x02", "\x03", "\x04"
UNSPACED = ("CJK", "HIRAGANA", "KATAKANA", "HANGUL", "THAI", "LAO", "KHMER", "MYANMAR", "BOPOMOFO")
LEFT_OUT = [
    *((0x300, 0x36F), (0x610, 0x61A), (0x64B, 0x65F), (0x670, 0x670), (0x6D6, 0x6DC)),
    *((0x640, 0x640), (0xAD, 0xAD), (0x200B, 0x200F), (0x202A, 0x202E), (0xFE00, 0xFE0F)),
    *((0xFEFF, 0xFEFF), (0x2060, 0x2064), (0x20D0, 0x20FF), (0x483, 0x487), (0x591, 0x5BD)),
]
LETTERS = {"ø": "o", "đ": "d", "ł": "l", "ı": "i", "æ": "ae", "œ": "oe", "ð": "d", "ħ": "h"}

Key = tuple[UUID, int]


@dataclass
class Said:
    room: UUID
    seq: int
    sender: UUID
    at: float
    marked: str


def marked(text: str) -> str:
    """The text between marks, folded without the program."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    folded = unicodedata.normalize("NFKD", folded)
    folded = "".join(c for c in folded if not any(a <= ord(c) <= b for a, b in LEFT_OUT))
    folded = unicodedata.normalize("NFKC", folded)
    parts: list[tuple[str, str]] = []
    for character in "".join(LETTERS.get(c, c) for c in folded):
        kind = _kind(character)
        if kind in ("word", "run") and parts and parts[-1][0] == kind:
            parts[-1] = kind, parts[-1][1] + character
        else:
            parts.append((kind, character))
    return "".join(_mark(kind, part) for kind, part in parts if kind != "between")


def _kind(character: str) -> str:
    name = unicodedata.name(character, "")
    if name.startswith(UNSPACED) and unicodedata.category(character)[0] in "LM":
        return "run"
    if character.isalnum() or unicodedata.category(character)[0] == "M":
        return "word"
    return "symbol" if unicodedata.category(character) == "So" else "between"


def _mark(kind: str, part: str) -> str:
    if kind == "run":
        return f"{RUN}{part}{RUN_END}"
    limit = 82 if part.isascii() else 20
    return f"{WORD}{part[:limit]}{WORD_END}"


def pattern(text: str, *, is_typed: bool = False) -> str:
    """What `marked` has of a message with this phrase."""
    phrase = marked(text).removeprefix(RUN).removesuffix(RUN_END)
    return phrase.removesuffix(WORD_END) if is_typed else phrase


@dataclass
class Case:
    """A query, and what has to be in a message and what must not."""

    query: str
    required: list[str]
    excluded: list[str]
    sender: UUID | None = None

    def finds(self, said: Said) -> bool:
        return (
            all(part in said.marked for part in self.required)
            and not any(part in said.marked for part in self.excluded)
            and self.sender in (None, said.sender)
        )


class Corpus:
    def __init__(self, database: Database, reader: Actor) -> None:
        self.database, self.reader = database, reader
        self.random = random.Random(15)
        self.messages: dict[Key, tuple[Said, str]] = {}
        self.names: dict[UUID, str] = {}

    async def read(self) -> None:
        """The messages that are not deleted, as the tables have them."""
        async with self.database._engines.read.connect() as connection:
            rows = await connection.execute(
                select(
                    *(MessageRow.room_id, MessageRow.seq, MessageRow.sender_id),
                    *(MessageRow.at, MessageRow.text, MessageRow.details),
                )
            )
            self.messages = {
                (room, seq): (Said(room, seq, sender, at.timestamp(), marked(text)), text)
                for room, seq, sender, at, text, details in rows
                if not (details and '"deletion"' in details)
            }
            users = await connection.execute(select(User.id, User.username))
            self.names = {user: name for user, name in users}  # noqa: C416 - rows to mypy

    def cases(self) -> Iterator[Case]:
        rooms: dict[UUID, list[tuple[Said, str]]] = {}
        for said, text in self.messages.values():
            rooms.setdefault(said.room, []).append((said, text))
        for said_in_room in rooms.values():
            for said, text in self.random.sample(said_in_room, min(60, len(said_in_room))):
                yield from self._of_message(said, text)

    def _of_message(self, said: Said, text: str) -> Iterator[Case]:
        words = [word for word in text.replace('"', " ").split() if marked(word)]
        if not words:
            return
        start = self.random.randrange(len(words))
        word, other = words[start].lstrip("-"), self.random.choice(words).lstrip("-")
        phrase = " ".join(words[start : start + self.random.randint(2, 3)])
        kind = self.random.randrange(6)
        if ":" in word + other or not marked(word) or not marked(other):
            kind = 1
        match kind:
            case 0:
                yield Case(f"{word} {other} ", [pattern(word), pattern(other)], [])
            case 1:
                yield Case(f'"{phrase}"', [pattern(phrase)], [])
            case 2:
                is_word = marked(word).endswith(WORD_END) and word[-1].isalnum()
                yield Case(word, [pattern(word, is_typed=is_word)], [])
            case 3:
                start = self.random.randrange(len(word))
                piece = word[start : start + self.random.randint(1, 3)]
                if marked(piece).startswith(RUN):
                    yield Case(f'"{piece}"', [pattern(piece)], [])
            case 4:
                query = f"from:{self.names[said.sender]} {word} "
                yield Case(query, [pattern(word)], [], sender=said.sender)
            case _:
                yield Case(f'{word} -"{other}"', [pattern(word)], [pattern(other)])

    async def find(self, query: str) -> list[Key]:
        keys: list[Key] = []
        cursor: str | None = None
        while True:
            page = await self.database.read_directly(
                find_messages,
                *(self.reader.user, parse_query(query, 10_000), SearchOrder.TIME, cursor, PAGE),
            )
            keys += [(UUID(bytes=hit.room), hit.message["seq"]) for hit in page.hits]
            cursor = page.cursor
            if cursor is None:
                return keys

    async def check(self, rooms: Iterable[UUID]) -> None:
        await self.read()
        readable = [s for s, _ in self.messages.values() if s.room in set(rooms)]
        checked = hits = 0
        for case in self.cases():
            if not any(case.required):
                continue
            expected = {(said.room, said.seq) for said in readable if case.finds(said)}
            found = await self.find(case.query)
            assert len(found) == len(set(found)), case
            assert set(found) == expected, (case, set(found) ^ expected)
            times = [self.messages[key][0].at for key in found]
            assert times == sorted(times, reverse=True), case
            checked, hits = checked + 1, hits + len(found)
        assert checked > 300
        assert hits > 10_000

    async def change(self) -> None:
        """Edits and deletions of random messages, by their senders."""
        chosen = self.random.sample(sorted(self.messages), 2 * CHANGES)
        texts = [self.messages[key][1] for key in chosen]
        self.random.shuffle(texts)
        for key, text in zip(chosen[:CHANGES], texts, strict=False):
            edit = EditRequest(self._sender(key), *key, text=text, version=1)
            await self.database.transact_batch(commit_batch, [edit], LIMITS, wait=True)
        for room, seq in chosen[CHANGES:]:
            actor = self._sender((room, seq))
            await self.database.transact(delete_messages, actor, room, [seq])

    def _sender(self, key: Key) -> Actor:
        return actor(self.messages[key][0].sender)


def actor(user: UUID) -> Actor:
    return Actor(user, new_id(), False, now() + timedelta(days=1))


async def test_searches_equal_a_look_at_every_message(database: Database) -> None:
    right, said = await run(database, *FILES, batch=500)
    assert right, said
    reader = actor(await database.transact(add_user, "reader"))
    corpus = Corpus(database, reader)
    await corpus.read()
    rooms: Sequence[UUID] = sorted({room for room, _ in corpus.messages})
    assert len(rooms) == 11
    for room in rooms[:9]:
        await database.transact(join, reader, room, 100)
    await corpus.check(rooms[:9])
    await corpus.change()
    for room in rooms[:2]:
        await database.transact(leave, reader, room)
    for room in rooms[9:]:
        await database.transact(join, reader, room, 100)
    await corpus.check(rooms[2:])
