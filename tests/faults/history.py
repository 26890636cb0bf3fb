"""The history that clients record, and the tables of the database. The checker compares them.

A restore of a backup ends the logs of all rooms and begins others: an epoch, with its own tables.
"""

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

LEAVING_TYPES = ("member.left", "member.removed")
MAX_COUNT = 1000  # stands for all greater counts
PREVIEW_CHARS = 200
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
    epoch: str = ""
    received: dict[int, float] = field(default_factory=dict)  # when, by seq


@dataclass
class RoomReplica:
    """A room on a device of a user, over all its connections of one epoch. It is `dropped` when the
    position is reset, or when the room does not exist for the user in the new epoch."""

    user: str
    room: str
    start: int = 0  # the position at the first connection
    taken: list[Entry] = field(default_factory=list)  # applied to the client's state
    subscriptions: list[Subscription] = field(default_factory=list)
    is_open: bool = False
    epoch: str = ""
    dropped: bool = False

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
    epoch: str = ""


class RoomDetails(NamedTuple):
    """What all members see of a room. `users` are those of a direct room."""

    kind: str
    name: str | None
    topic: str
    archived: bool
    users: tuple[str, ...] | None


@dataclass(frozen=True)
class ListedRoom:
    """A room in the list of a user."""

    user: str
    room: str
    details: RoomDetails
    role: str
    seq: int
    read_seq: int
    unread: int
    mentions: int | None  # None: not known, events do not tell
    last_message: tuple[int, str, str] | None  # seq, sender and the beginning of the text


@dataclass
class RoomListing:
    """All that somebody knows of a user's list of rooms, at the end."""

    user: str
    where: str
    rooms: dict[str, ListedRoom]


@dataclass
class Marker:
    """A read marker that was acked, of a user who marks nothing as unread."""

    user: str
    room: str
    seq: int
    at: float  # when it was acked


@dataclass
class Restore:
    """A backup that was restored. `lost` are the tables before it, and `kept` those of the backup.
    No server ran at the time `at`."""

    backup_began: float
    at: float
    lost: "Tables"
    kept: "Tables"


@dataclass
class History:
    sends: list[Send] = field(default_factory=list)
    replicas: list[RoomReplica] = field(default_factory=list)
    pages: list[Page] = field(default_factory=list)
    listings: list[RoomListing] = field(default_factory=list)
    markers: list[Marker] = field(default_factory=list)
    # Violations that clients detected themselves: (kind, text).
    observed_violations: list[tuple[str, str]] = field(default_factory=list)
    restores: list[Restore] = field(default_factory=list)

    def epochs(self, last: "Tables") -> list["Tables"]:
        """The tables of all epochs, oldest first."""
        return [*(restore.lost for restore in self.restores), last]

    def tables_of(self, epoch: str, last: "Tables") -> "Tables":
        """The tables of an epoch; the last ones for an epoch that no restore has ended."""
        return next((each for each in self.epochs(last) if each.epoch == epoch), last)

    def epochs_with(self, acked: float) -> Iterator[int]:
        """The numbers of the epochs that have to contain what was acked at this time: that of the
        ack, and the next ones as long as each began with a backup from after the ack."""
        number = sum(restore.at <= acked for restore in self.restores)
        yield number
        for restore in self.restores[number:]:
            if restore.backup_began <= acked:
                return
            number += 1
            yield number


class MembershipInterval(NamedTuple):
    """A membership: the seq and the time of its begin, and the seq of its end."""

    joined: int
    at: float
    gone: int | None


class UserLogEntry(NamedTuple):
    """An event of a user's log."""

    seq: int
    type: str
    room: str


@dataclass
class Tables:
    """The tables, by room; logs of users by user."""

    heads: dict[str, int] = field(default_factory=dict)
    logs: dict[str, list[Entry]] = field(default_factory=dict)
    times: dict[str, dict[int, float]] = field(default_factory=dict)  # of each event, by seq
    messages: dict[str, list[tuple[int, str, str]]] = field(default_factory=dict)  # sender, nonce
    members: dict[tuple[str, str], int] = field(default_factory=dict)  # (room, user): read_seq
    roles: dict[tuple[str, str], str] = field(default_factory=dict)
    details: dict[str, RoomDetails] = field(default_factory=dict)
    mentions: dict[tuple[str, str], list[int]] = field(default_factory=dict)  # seqs
    user_logs: dict[str, list[UserLogEntry]] = field(default_factory=dict)
    user_heads: dict[str, int] = field(default_factory=dict)
    epoch: str = ""

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

    def listed(self, room: str, user: str) -> ListedRoom:
        """The entry of a member."""
        read_seq = self.members[room, user]
        said = [entry for entry in self.logs[room] if entry.type == "message.created"]
        last = None
        if said:
            _, _, words = said[-1].what.partition(" ")
            last = said[-1].seq, said[-1].actor, words[:PREVIEW_CHARS]
        return ListedRoom(
            user=user,
            room=room,
            details=self.details[room],
            role=self.roles[room, user],
            seq=self.heads[room],
            read_seq=read_seq,
            unread=min(self.unread(room, user), MAX_COUNT),
            mentions=min(sum(s > read_seq for s in self.mentions.get((room, user), ())), MAX_COUNT),
            last_message=last,
        )


async def read_tables(connection: AsyncConnection) -> Tables:
    """Reads the tables with its own SQL, without code of the program."""
    ((epoch,),) = await _rows(connection, "SELECT epoch FROM server_state")
    tables = Tables(epoch=epoch)
    for room, head, *details, pair in await _rows(connection, ROOMS):
        tables.heads[uuid(room)] = head
        kind, name, topic, archived = details
        users = tuple(sorted((uuid(pair[:32]), uuid(pair[32:])))) if pair else None
        tables.details[uuid(room)] = RoomDetails(kind, name, topic, bool(archived), users)
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
    for room, user, read_seq, role in await _rows(
        connection, "SELECT HEX(room_id), HEX(user_id), read_seq, role FROM members"
    ):
        tables.members[uuid(room), uuid(user)] = read_seq
        tables.roles[uuid(room), uuid(user)] = role
    for room, user, seq in await _rows(
        connection, "SELECT HEX(room_id), HEX(user_id), seq FROM mentions"
    ):
        tables.mentions.setdefault((uuid(room), uuid(user)), []).append(seq)
    for user, head in await _rows(connection, "SELECT HEX(user_id), seq FROM user_logs"):
        tables.user_heads[uuid(user)] = head
    for user, seq, kind, room in await _rows(connection, USER_EVENTS):
        tables.user_logs.setdefault(uuid(user), []).append(UserLogEntry(seq, kind, uuid(room)))
    tables.logs, tables.times, tables.messages = dict(logs), dict(times), messages
    return tables


ROOMS = """
SELECT HEX(id), seq, kind, name, topic, archived_at IS NOT NULL, HEX(direct_key) FROM rooms
"""
USER_EVENTS = """
SELECT HEX(user_id), seq, type, HEX(room_id) FROM user_events ORDER BY user_id, seq
"""
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


def to_entry(event: dict[str, Any]) -> Entry:
    message = event.get("message")
    if message:
        what = f"{message['nonce']} {message['text']}"
    else:
        what = event.get("member", {}).get("user", "")
    return Entry(event["seq"], event["type"], event["actor"], what)
