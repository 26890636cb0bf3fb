"""The history that clients record, and the tables of the database. The checker compares them."""

import re
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

LEAVING_TYPES = ("member.left", "member.removed")
MEMBER = re.compile(r'"user":"([0-9a-f-]+)"')


class Entry(NamedTuple):
    """An event, reduced to what must be equal everywhere. `what` is the nonce and text of a
    message, or the user of a membership change."""

    seq: int
    type: str
    actor: str
    what: str


@dataclass
class Send:
    """A message and all attempts to send it."""

    room: str
    user: str
    nonce: str
    text: str
    began: float  # Unix time, as are all times here
    is_member: bool = True  # throughout the run, so the send must not be refused
    acked: float | None = None
    seq: int | None = None
    attempts: int = 0


@dataclass
class Subscription:
    """A room that is open on a socket, from `room.opened` on."""

    head: int
    at: float
    since: int
    last_seq: int | None = None  # the seq of `room.closed`
    received: dict[int, float] = field(default_factory=dict)  # when, by seq


@dataclass
class RoomReplica:
    """A room on a device of a user, over all its connections."""

    user: str
    room: str
    start: int = 0  # the position at the first connection
    taken: list[Entry] = field(default_factory=list)  # applied to the client's state
    subscriptions: list[Subscription] = field(default_factory=list)
    is_open: bool = False

    @property
    def position(self) -> int:
        return self.taken[-1].seq if self.taken else self.start


@dataclass
class Page:
    """A page of a skipped range, read over HTTP at this time."""

    user: str
    room: str
    last: int
    at: float


@dataclass
class Badge:
    """The last badge that a device received for a room that it left closed."""

    user: str
    room: str
    seq: int
    read_seq: int
    unread: int


@dataclass
class Marker:
    """A read marker that was acked."""

    user: str
    room: str
    seq: int


@dataclass
class History:
    sends: list[Send] = field(default_factory=list)
    replicas: list[RoomReplica] = field(default_factory=list)
    pages: list[Page] = field(default_factory=list)
    badges: list[Badge] = field(default_factory=list)
    markers: list[Marker] = field(default_factory=list)
    # Violations that clients detected themselves: (kind, text).
    observed_violations: list[tuple[str, str]] = field(default_factory=list)


class MembershipInterval(NamedTuple):
    """A membership: the seq and the time of its begin, and the seq of its end."""

    joined: int
    at: float
    gone: int | None


@dataclass
class Tables:
    """The tables, by room."""

    heads: dict[str, int] = field(default_factory=dict)
    logs: dict[str, list[Entry]] = field(default_factory=dict)
    times: dict[str, dict[int, float]] = field(default_factory=dict)  # of each event, by seq
    messages: dict[str, list[tuple[int, str, str]]] = field(default_factory=dict)  # sender, nonce
    members: dict[tuple[str, str], int] = field(default_factory=dict)  # (room, user): read_seq

    def membership_intervals(self, room: str, user: str) -> list[MembershipInterval]:
        """All memberships of a user, oldest first, according to the log."""
        found: list[MembershipInterval] = []
        for entry in self.logs.get(room, ()):
            if entry.what != user:
                continue
            if entry.type == "member.joined":
                found.append(MembershipInterval(entry.seq, self.times[room][entry.seq], None))
            elif entry.type in LEAVING_TYPES and found:
                found[-1] = found[-1]._replace(gone=entry.seq)
        return found

    def unread(self, room: str, user: str) -> int:
        read_seq = self.members[room, user]
        return sum(
            seq > read_seq and sender != user for seq, sender, _ in self.messages.get(room, ())
        )


async def read_tables(connection: AsyncConnection) -> Tables:
    """Reads the tables with its own SQL, without code of the program."""
    tables = Tables()
    for room, head in await _rows(connection, "SELECT HEX(id), seq FROM rooms"):
        tables.heads[uuid(room)] = head
    logs: dict[str, list[Entry]] = defaultdict(list)
    times: dict[str, dict[int, float]] = defaultdict(dict)
    messages: dict[str, list[tuple[int, str, str]]] = {}
    for room, seq, kind, actor, at, body, sender, nonce, message in await _rows(connection, LOG):
        logs[uuid(room)].append(
            Entry(seq, kind, uuid(actor), f"{nonce} {message}" if sender else _subject(body))
        )
        times[uuid(room)][seq] = float(at)
    for room, seq, sender, nonce in await _rows(
        connection, "SELECT HEX(room_id), seq, HEX(sender_id), nonce FROM messages ORDER BY seq"
    ):
        messages.setdefault(uuid(room), []).append((seq, uuid(sender), nonce))
    for room, user, read_seq in await _rows(
        connection, "SELECT HEX(room_id), HEX(user_id), read_seq FROM members"
    ):
        tables.members[uuid(room), uuid(user)] = read_seq
    tables.logs, tables.times, tables.messages = dict(logs), dict(times), messages
    return tables


LOG = """
SELECT HEX(e.room_id), e.seq, e.type, HEX(e.actor_id),
       TIMESTAMPDIFF(MICROSECOND, '1970-01-01', e.at) / 1e6,
       e.body, HEX(m.sender_id), m.nonce, m.text
FROM room_events e LEFT JOIN messages m ON m.room_id = e.room_id AND m.seq = e.message_seq
ORDER BY e.room_id, e.seq
"""


async def _rows(connection: AsyncConnection, query: str) -> list[Any]:
    return list(await connection.execute(text(query)))


def uuid(hexadecimal: str) -> str:
    h = hexadecimal.lower()
    return f"{h[:8]}-{h[8:12]}-{h[12:16]}-{h[16:20]}-{h[20:]}"


def _subject(body: str | None) -> str:
    """The user of a membership change."""
    found = MEMBER.search(body or "")
    return found[1] if found else ""
