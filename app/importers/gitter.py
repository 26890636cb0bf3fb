"""The format of Gitter's archives: one file into rooms, authors and messages, or all its mistakes.

UTF-8, tab-separated with CSV quoting, no header, the newest message first. A message id is one
message: an exporter that fetched a page twice repeats its lines, which count once.
"""

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from operator import attrgetter
from pathlib import Path
from typing import Annotated, NamedTuple, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    Field,
    StringConstraints,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from app.wire.unicode_text import is_storable
from app.wire.validation import RoomName

COLUMNS = ("room_id", "room_uri", "sent_at", "user_id", "username", "message_id", "text")
MAX_TEXT_BYTES = 65_535  # of a text: what MySQL's TEXT holds
NAME_CHARS = 64  # of a room or a person here; Gitter's may be longer
MAX_PROBLEMS = 20  # of one file are shown
_NO_UTF8 = re.compile("[\udc80-\udcff]")  # what `surrogateescape` makes of such bytes
_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)")


class RowError(NamedTuple):
    line: int  # where the row begins, from 1
    what: str


class BrokenFile(Exception):
    """Why a file cannot be taken: every line that is wrong, `MAX_PROBLEMS` of them at most."""

    def __init__(self, problems: list[RowError], more: int = 0) -> None:
        super().__init__(f"{len(problems) + more} lines are wrong")
        self.problems, self.more = problems, more


@dataclass(frozen=True, slots=True)
class Author:
    """Who wrote, as the archive knows them. All whose id it has lost are one: gitter:none."""

    origin: str
    name: str  # the newest of the file; empty where it has none
    first_at: datetime


@dataclass(frozen=True, slots=True)
class ArchivedMessage:
    """A message. Its nonce makes it one message in the database, however often it is imported."""

    nonce: str
    origin: str  # of its author
    at: datetime
    text: str


@dataclass(slots=True)
class RoomArchive:
    """What a file has of one room: `rows` lines, in which each of `posts` stands once or more."""

    origin: str
    name: str
    rows: int = 0
    posts: list[ArchivedMessage] = field(default_factory=list)  # the oldest first
    authors: list[Author] = field(default_factory=list)  # by their first message

    @property
    def repeats(self) -> int:
        return self.rows - len(self.posts)


def _time(text: object) -> datetime:
    if not isinstance(text, str) or not _RFC3339.fullmatch(text):
        raise ValueError("should be a time of RFC 3339, such as 2016-09-17T10:58:04.397Z")
    try:
        return datetime.fromisoformat(text.upper()).astimezone(UTC)
    except OverflowError:
        raise ValueError("is, in UTC, outside of the years 1 to 9999") from None


def _fits(text: str) -> str:
    if not is_storable(text):
        raise ValueError("must not contain NUL")
    if len(text.encode()) > MAX_TEXT_BYTES:
        raise ValueError(f"has more than {MAX_TEXT_BYTES} bytes")
    return text


def shortened(name: str, end: str = "…") -> str:
    """The name, or so much of it as a name can have here, and `end`."""
    return name if len(name) <= NAME_CHARS else name[: NAME_CHARS - len(end)].rstrip() + end


def _like_a_title(name: str) -> str:
    """Of any length: it is shortened."""
    _TITLE.validate_python(shortened(name))
    return name


_TITLE: TypeAdapter[str] = TypeAdapter(RoomName)
_Name = Annotated[str, AfterValidator(_like_a_title)]
_Id = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{24}$")]
_Time = Annotated[datetime, BeforeValidator(_time), Field(ge=datetime(1970, 1, 1, tzinfo=UTC))]


class Row(BaseModel):
    """One line. Gitter has lost the author of a few: both of their columns are empty."""

    room_id: _Id
    room_uri: _Name
    sent_at: _Time
    user_id: _Id | None
    username: _Name | None
    message_id: _Id
    text: Annotated[str, AfterValidator(_fits)]

    @model_validator(mode="after")
    def no_name_without_an_id(self) -> Self:
        if self.username and not self.user_id:
            raise ValueError("there is a username, but no user_id")
        return self

    @property
    def post(self) -> ArchivedMessage:
        return ArchivedMessage(_origin(self.message_id), self.author, self.sent_at, self.text)

    @property
    def author(self) -> str:
        return _origin(self.user_id or "none")


def read_archive(path: Path) -> list[RoomArchive]:
    """The rooms of a file. Raises BrokenFile, and OSError if it cannot be read."""
    rooms: dict[str, _RoomBuilder] = {}
    problems: list[RowError] = []
    first_seen: dict[str, tuple[int, str, ArchivedMessage]] = {}  # by message id
    for line, row in _rows(path.read_bytes().decode("utf-8-sig", "surrogateescape")):
        if isinstance(row, str):
            problems.append(RowError(line, row))
            continue
        before = first_seen.setdefault(row.message_id, (line, row.room_id, row.post))
        if before[1:] != (row.room_id, row.post):
            what = f"message_id: line {before[0]} has another message under {row.message_id}"
            problems.append(RowError(line, what))
        room = rooms.setdefault(row.room_id, _RoomBuilder(row.room_uri))
        room.add(row, is_repeat=before[0] != line)
    if problems:
        raise BrokenFile(problems[:MAX_PROBLEMS], len(problems[MAX_PROBLEMS:]))
    return [reading.finish(_origin(room_id)) for room_id, reading in rooms.items()]


def _origin(archive_id: str) -> str:
    return f"gitter:{archive_id}"


def _rows(text: str) -> Iterator[tuple[int, Row | str]]:
    """Each row with the line in which it begins; a string says what is wrong with it."""
    # Not universal newlines: a carriage return inside quotes would count as a line.
    # The limit is one for the whole process; what is too long for us, `Row` says.
    csv.field_size_limit(max(csv.field_size_limit(), len(text) + 1))
    reader = csv.reader(io.StringIO(text, newline="\n"), delimiter="\t", strict=True)
    line = 1
    try:
        for values in reader:
            if values:
                yield line, _row(values)
            line = reader.line_num + 1
    except csv.Error as error:  # where the next row begins is not known then
        yield line, f"the quotes of the row that begins here are wrong: {error}"


def _row(values: list[str]) -> Row | str:
    if escaped := _NO_UTF8.search("".join(values)):
        return f"is not UTF-8: there is a byte 0x{ord(escaped[0]) - 0xDC00:02x}"
    if len(values) != len(COLUMNS):
        return f"has {len(values)} columns; there should be {len(COLUMNS)}: {', '.join(COLUMNS)}"
    fields = dict(zip(COLUMNS, values, strict=True))
    optional = {name: fields[name] or None for name in ("user_id", "username")}
    try:
        return Row.model_validate(fields | optional)
    except ValidationError as error:
        return "; ".join(
            ": ".join([*map(str, item["loc"]), item["msg"].removeprefix("Value error, ")])
            for item in error.errors(include_url=False)
        )


class _RoomBuilder:
    """A room while its file is read, the newest row first."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._rows = 0
        self._posts: list[ArchivedMessage] = []
        self._names: dict[str, str] = {}

    def add(self, row: Row, *, is_repeat: bool) -> None:
        self._rows += 1
        if is_repeat:
            return
        self._posts.append(row.post)
        if row.username:
            self._names.setdefault(row.author, row.username)

    def finish(self, origin: str) -> RoomArchive:
        posts = self._posts[::-1]
        # Stable: what was sent in the same millisecond stays in the order of the file.
        posts.sort(key=attrgetter("at"))
        first = {post.origin: post.at for post in reversed(posts)}
        authors = [
            Author(author, self._names.get(author, ""), first[author])
            for author in dict.fromkeys(post.origin for post in posts)
        ]
        return RoomArchive(origin, self._name, self._rows, posts, authors)
