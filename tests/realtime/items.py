"""What a client makes of the frames `item.changed`."""

from collections.abc import Iterable
from typing import Any

from testkit.answers import assert_ok
from testkit.peer import Frame, Peer
from testkit.people import Person, all_pages

Key = tuple[Any, ...]  # kind, room, seq, id
LISTS = {
    "draft": "/users/me/drafts",
    "saved": "/users/me/saved",
    "scheduled": "/users/me/scheduled",
    "reminder": "/users/me/reminders",
    "block": "/users/me/blocks",
}


def key(frame: Frame) -> Key:
    return frame["kind"], frame["room"], frame.get("seq"), frame.get("id")


def draft_key(draft: Frame) -> Key:
    return "draft", draft["room"], draft["thread"], None


def saved_key(saved: Frame) -> Key:
    del saved["message"]  # the log of its room tells when it changes
    return "saved", saved["room"], saved["seq"], None


def scheduled_key(scheduled: Frame) -> Key:
    return "scheduled", scheduled["room"], None, scheduled["id"]


def reminder_key(reminder: Frame) -> Key:
    return "reminder", reminder["room"], None, reminder["id"]


def block_key(person: Person, block: Frame) -> Key:
    return "block", person.id, None, block["user"]


KEYS = {
    "draft": draft_key,
    "saved": saved_key,
    "scheduled": scheduled_key,
    "reminder": reminder_key,
}


async def read_items(person: Person) -> dict[Key, Frame]:
    """Over HTTP, as a new client does."""
    items = {
        (block_key(person, item) if kind == "block" else KEYS[kind](item)): item
        for kind, path in LISTS.items()
        for page in await all_pages(person, path)
        for item in page
    }
    settings = assert_ok(await person.get("/users/me/notifications"))
    presence = assert_ok(await person.get("/users/me/presence"))
    return items | {
        ("notifications", person.id, None, None): settings,
        ("presence", person.id, None, None): presence,
    }


class ItemReplica:
    """A client's copy of its items, with those that it hides."""

    def __init__(self) -> None:
        self.items: dict[Key, Frame] = {}

    def apply(self, frames: Iterable[Frame]) -> None:
        for frame in frames:
            if frame["type"] == "item.changed":
                self.items.pop(key(frame), None)
                if "value" in frame:
                    self.items[key(frame)] = frame["value"]


async def has_item(peer: Peer, kind: str, **fields: Any) -> None:
    """Return once the newest frame of some item of this kind has a value with these fields."""

    def is_there() -> bool:
        replica = ItemReplica()
        replica.apply(peer.frames)
        return any(
            found[0] == kind and fields.items() <= value.items()
            for found, value in replica.items.items()
        )

    await peer.until(is_there, f"{kind} {fields}")


async def loses_item(peer: Peer, kind: str, room: str) -> None:
    """Return once the newest frame of an item of this kind in this room has no value."""

    def is_gone() -> bool:
        of_room = [f for f in peer.of("item.changed", room=room) if f["kind"] == kind]
        return bool(of_room) and "value" not in of_room[-1]

    await peer.until(is_gone, f"{kind} that has gone")
