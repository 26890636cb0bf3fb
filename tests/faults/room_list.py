"""The list of rooms on a device of a fault-injection run.

Entries come in frames `rooms`, also of rooms that are open. The events of an open room continue its
entry: those after the entry's `seq`, whichever of the two comes first.
"""

from collections import defaultdict, deque
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from tests.faults.tables import MAX_COUNT, PREVIEW_CHARS, ListedRoom, RoomDetails

Frame = dict[str, Any]
Messages = Mapping[int, Frame]  # by seq, as the client keeps them
MAX_EVENTS = 500  # that are kept of a room: more than may come before an older entry


class RoomListReplica:
    def __init__(self, user: str) -> None:
        self._user = user
        self.rooms: dict[str, ListedRoom] = {}
        self.snapshot: str | None = None
        self.epoch = ""  # of the snapshot
        self._current = ""
        self._events: dict[str, deque[Frame]] = defaultdict(lambda: deque(maxlen=MAX_EVENTS))
        self._messages: dict[str, Messages] = {}

    def apply(self, frame: Frame) -> None:
        """A frame `rooms`. Until the last frame of a full list nothing can be continued."""
        if frame["full"]:
            self.rooms.clear()
            self.snapshot, self.epoch = None, self._current
        for room in frame["gone"]:
            self.rooms.pop(room, None)
        for entry in frame["rooms"]:
            self.rooms[entry["room"]] = self._continued(listed_room(self._user, entry))
        self.snapshot = frame.get("snapshot", self.snapshot)

    def begin(self, epoch: str) -> None:
        """The server's epoch, before its list. Events of another epoch continue no entry."""
        if epoch != self._current:
            self._events.clear()
        self._current = epoch

    def follow(self, event: Frame, messages: Messages) -> None:
        """An event of a room that is open, in order, and all messages of the room after it."""
        room = event["room"]
        self._events[room].append(event)
        self._messages[room] = messages
        if room in self.rooms:
            self.rooms[room] = _after(self.rooms[room], event, messages)

    def close(self, room: str) -> None:
        """The membership has ended."""
        self.rooms.pop(room, None)

    def _continued(self, listed: ListedRoom) -> ListedRoom:
        for event in self._events[listed.room]:
            listed = _after(listed, event, self._messages[listed.room])
        return listed


def listed_room(user: str, entry: Frame) -> ListedRoom:
    """Of an entry of a frame, or of a room over HTTP, where what is null is not left out."""
    last = entry.get("last_message")
    users = entry.get("users")
    return ListedRoom(
        user=user,
        room=entry["room"],
        details=RoomDetails(
            entry["kind"],
            entry.get("name"),
            entry["topic"],
            entry["archived"],
            tuple(sorted(users)) if users else None,
        ),
        role=entry["role"],
        seq=entry["seq"],
        read_seq=entry["read_seq"],
        unread=entry["unread"],
        mentions=entry["mentions"],
        last_message=(last["seq"], last["sender"], last["text"]) if last else None,
        unread_threads=entry.get("unread_threads") or 0,
    )


def _after(listed: ListedRoom, event: Frame, messages: Messages) -> ListedRoom:
    """The entry after the next event of its room. Mentions are not known then, unless nothing is
    unread; nor are the unread threads after replies and edits, which may name followers."""
    if event["seq"] <= listed.seq:
        return listed
    listed = replace(listed, seq=event["seq"])
    if event["type"] in ("message.edited", "thread.updated"):
        listed = replace(listed, unread_threads=None)
    match event["type"]:
        case "message.created":
            return _after_message(listed, event["message"])
        case "message.edited":
            return _after_edit(listed, event["message"])
        case "messages.deleted":
            return _recount(listed, messages)
        case "room.changed":
            new = event["details"]
            details = RoomDetails(
                new["kind"], new["name"], new["topic"], new["archived"], listed.details.users
            )
            return replace(listed, details=details)
        case "member.role_changed" if event["member"]["user"] == listed.user:
            return replace(listed, role=event["member"]["role"])
        case _:
            return listed


def _after_message(listed: ListedRoom, message: Frame) -> ListedRoom:
    """A replay shows a message that was deleted since. It is not counted, nor is a reply that is
    only in its thread."""
    if not _in_timeline(message):
        return listed
    is_deleted = "deletion" in message
    if not is_deleted:
        listed = replace(listed, last_message=_preview(message))
    if message["sender"] == listed.user:
        return replace(listed, read_seq=message["seq"], unread=0, mentions=0)
    if is_deleted:
        return listed
    return replace(listed, unread=min(listed.unread + 1, MAX_COUNT), mentions=None)


def _after_edit(listed: ListedRoom, message: Frame) -> ListedRoom:
    """It may name other members."""
    last = listed.last_message
    if last and last[0] == message["seq"] and "deletion" not in message:
        listed = replace(listed, last_message=_preview(message))
    return replace(listed, mentions=0 if listed.unread == 0 else None)


def _recount(listed: ListedRoom, messages: Messages) -> ListedRoom:
    """Without the messages that were deleted."""
    visible = [
        message
        for seq, message in sorted(messages.items())
        if seq <= listed.seq and "deletion" not in message and _in_timeline(message)
    ]
    unread = sum(m["seq"] > listed.read_seq and m["sender"] != listed.user for m in visible)
    return replace(
        listed,
        unread=min(unread, MAX_COUNT),
        mentions=None if unread else 0,
        last_message=_preview(visible[-1]) if visible else None,
    )


def _in_timeline(message: Frame) -> bool:
    return "thread" not in message or message.get("also_in_room", False)


def _preview(message: Frame) -> tuple[int, str, str]:
    return message["seq"], message["sender"], message["text"][:PREVIEW_CHARS]
