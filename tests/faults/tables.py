"""The tables of the database, as the checker compares them with the history, and events reduced to
what must be equal everywhere."""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

LEAVING_TYPES = ("member.left", "member.removed")
MAX_COUNT = 1000  # stands for all greater counts
PREVIEW_CHARS = 200


class Violation(NamedTuple):
    kind: str
    what: str


class Entry(NamedTuple):
    """An event, reduced to what must be equal everywhere. `what` is the nonce of a new message, the
    emoji of a reaction, the seqs of deleted messages, or the user of a membership change."""

    seq: int
    type: str
    actor: str
    what: str
    message: int | None = None  # the seq of the message that it is about


def to_entry(event: dict[str, Any]) -> Entry:
    message = event.get("message", {})
    what = {
        "message.created": message.get("nonce"),
        "messages.deleted": " ".join(map(str, event.get("seqs", ()))),
    }.get(event["type"])
    if what is None:
        what = event.get("emoji") or event.get("member", {}).get("user", "")
    return Entry(event["seq"], event["type"], event["actor"], what, message.get("seq"))


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
    unread_threads: int | None = 0  # likewise


@dataclass
class StoredMessage:
    """A row of `messages`, and what belongs to it in other tables."""

    seq: int
    sender: str
    nonce: str
    text: str
    details: dict[str, Any] = field(default_factory=dict)
    is_deleted: bool = False  # according to `deleted_messages`
    versions: dict[int, str] = field(default_factory=dict)  # those that edits have replaced
    reactions: list[tuple[str, str]] = field(default_factory=list)  # emoji and user
    mentioned: list[str] = field(default_factory=list)  # users
    in_timeline: bool = True

    @property
    def thread(self) -> int | None:
        """The root, of a reply in a thread."""
        root: int | None = self.details.get("thread")
        return root

    @property
    def version(self) -> int:
        number: int = self.details.get("edit", {"version": 1})["version"]
        return number

    def text_of(self, version: int) -> str | None:
        return self.text if version == self.version else self.versions.get(version)


class MembershipInterval(NamedTuple):
    """A membership: the seq and the time of its begin, and the seq of its end."""

    joined: int
    at: float
    gone: int | None


class StoredFollower(NamedTuple):
    """A row of `thread_followers`."""

    read_seq: int
    is_following: bool


class StoredScheduled(NamedTuple):
    """A row of `scheduled_messages`."""

    user: str
    room: str
    nonce: str
    due_at: float
    state: str
    message_seq: int | None


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
    messages: dict[str, list[StoredMessage]] = field(default_factory=dict)  # by seq
    members: dict[tuple[str, str], int] = field(default_factory=dict)  # (room, user): read_seq
    roles: dict[tuple[str, str], str] = field(default_factory=dict)
    details: dict[str, RoomDetails] = field(default_factory=dict)
    mentions: dict[tuple[str, str], list[int]] = field(default_factory=dict)  # seqs
    user_logs: dict[str, list[UserLogEntry]] = field(default_factory=dict)
    user_heads: dict[str, int] = field(default_factory=dict)
    # Of each root, by room and seq: its replies with whether they are deleted, and the seq of the
    # last one that is not, or 0.
    replies: dict[tuple[str, int], dict[int, bool]] = field(default_factory=dict)
    last_replies: dict[tuple[str, int], int] = field(default_factory=dict)
    # By room, seq of the root and user.
    followers: dict[tuple[str, int, str], StoredFollower] = field(default_factory=dict)
    scheduled: dict[str, StoredScheduled] = field(default_factory=dict)  # by id
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
            message.seq > read_seq and message.sender != user for message in self.visible(room)
        )

    def visible(self, room: str) -> list[StoredMessage]:
        """The messages of the timeline that are not deleted."""
        return [
            message
            for message in self.messages.get(room, ())
            if message.in_timeline and not message.is_deleted
        ]

    def unread_replies(self, room: str, root: int, user: str) -> list[int]:
        """The replies of others after the marker of a follower."""
        read_seq = self.followers[room, root, user].read_seq
        senders = {message.seq: message.sender for message in self.messages[room]}
        return [
            seq
            for seq, is_deleted in self.replies.get((room, root), {}).items()
            if seq > read_seq and not is_deleted and senders[seq] != user
        ]

    def unread_threads(self, room: str, user: str) -> int:
        return sum(
            bool(self.unread_replies(room, root, user))
            for (in_room, root, follower), state in self.followers.items()
            if (in_room, follower) == (room, user) and state.is_following
        )

    def listed(self, room: str, user: str) -> ListedRoom:
        """The entry of a member."""
        read_seq = self.members[room, user]
        visible = self.visible(room)
        mentioned = {message.seq for message in visible if message.seq > read_seq}
        last = visible[-1] if visible else None
        return ListedRoom(
            user=user,
            room=room,
            details=self.details[room],
            role=self.roles[room, user],
            seq=self.heads[room],
            read_seq=read_seq,
            unread=min(self.unread(room, user), MAX_COUNT),
            mentions=min(
                len(mentioned.intersection(self.mentions.get((room, user), ()))), MAX_COUNT
            ),
            last_message=(last.seq, last.sender, last.text[:PREVIEW_CHARS]) if last else None,
            unread_threads=self.unread_threads(room, user),
        )
