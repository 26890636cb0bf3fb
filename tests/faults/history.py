"""The history that clients record. The checker compares it with the tables.

A restore of a backup ends the logs of all rooms and begins others: an epoch, with its own tables.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from testkit.message_replica import Message, MessageReplica
from tests.faults.tables import Entry, ListedRoom, Tables, to_entry


@dataclass
class Send:
    """A message and all attempts to send it."""

    room: str
    user: str
    nonce: str
    text: str
    began: float  # Unix time, as are all times here
    is_member: bool = True  # throughout the run, so the send must not be refused
    thread: int | None = None  # of a reply; a send is refused if its root was deleted
    also_in_room: bool = False
    refused: float | None = None
    acked: float | None = None
    seq: int | None = None
    attempts: int = 0


@dataclass
class Edit:
    """An edit and all attempts. Without an ack it may be done, or not."""

    room: str
    user: str
    seq: int
    version: int  # that it replaces
    text: str  # of no other edit
    acked: float | None = None


@dataclass
class Deletion:
    """Of messages, all or none."""

    room: str
    user: str
    seqs: list[int]
    acked: float | None = None


@dataclass
class Reaction:
    """A reaction that was added or removed. A user's are one after the other."""

    room: str
    user: str
    seq: int
    emoji: str
    present: bool
    acked: float | None = None


@dataclass
class Following:
    """That a user follows a thread, or does not. A user's are one after the other."""

    room: str
    user: str
    root: int
    present: bool
    acked: float | None = None


@dataclass
class ThreadMarker:
    """A read marker in a thread, at this seq at least."""

    room: str
    user: str
    root: int
    seq: int
    acked: float | None = None


Change = Edit | Deletion | Reaction | Following | ThreadMarker


@dataclass
class Scheduled:
    """A message that is to be sent at a time, by a member who stays one, and its cancellation."""

    room: str
    user: str
    nonce: str
    text: str
    due_at: float  # the earliest one that it may have had
    id: str | None = None
    acked: float | None = None
    cancelling: bool = False  # it was tried; without an answer it may be cancelled or not
    cancelled: float | None = None
    too_late: float | None = None  # the answer to the cancellation was that it was sent


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
    messages: MessageReplica = field(init=False)

    def __post_init__(self) -> None:
        self.messages = MessageReplica(self.user)

    @property
    def position(self) -> int:
        return self.taken[-1].seq if self.taken else self.start

    def take(self, event: Message) -> None:
        """The next event of the room."""
        self.taken.append(to_entry(event))
        self.messages.apply(event)


@dataclass
class Page:
    """A page of a skipped range, read over HTTP at this time."""

    user: str
    room: str
    last: int
    at: float
    epoch: str = ""


@dataclass
class RoomListing:
    """All that somebody knows of a user's list of rooms, at the end."""

    user: str
    where: str
    rooms: dict[str, ListedRoom]


@dataclass
class FreshRoom:
    """What a member reads of a room at the end: its messages, with the seqs of its timeline and of
    each thread in the order of the pages, and for some members its log."""

    user: str
    room: str
    epoch: str
    messages: MessageReplica
    timeline: list[int] = field(default_factory=list)
    threads: dict[int, list[int]] = field(default_factory=dict)
    replay: list[Message] = field(default_factory=list)


@dataclass
class FollowedThread:
    """An entry of a user's list of followed threads at the end."""

    user: str
    room: str
    root: int
    read_seq: int
    unread: int
    mentions: int


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
    lost: Tables
    kept: Tables


@dataclass
class History:
    sends: list[Send] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)  # in the order in which they began
    replicas: list[RoomReplica] = field(default_factory=list)
    pages: list[Page] = field(default_factory=list)
    listings: list[RoomListing] = field(default_factory=list)
    fresh: list[FreshRoom] = field(default_factory=list)
    followed: list[FollowedThread] = field(default_factory=list)
    scheduled: list[Scheduled] = field(default_factory=list)
    markers: list[Marker] = field(default_factory=list)
    # Violations that clients detected themselves: (kind, text).
    observed_violations: list[tuple[str, str]] = field(default_factory=list)
    restores: list[Restore] = field(default_factory=list)

    def epochs(self, last: Tables) -> list[Tables]:
        """The tables of all epochs, oldest first."""
        return [*(restore.lost for restore in self.restores), last]

    def tables_of(self, epoch: str, last: Tables) -> Tables:
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
