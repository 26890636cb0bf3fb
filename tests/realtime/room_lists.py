"""What a client makes of the frames `rooms`."""

from collections.abc import Iterable

from testkit.peer import Frame, Peer, dial
from testkit.people import Person


async def listed(person: Person, snapshot: str | None = None) -> list[Frame]:
    """The `rooms` frames that answer a hello."""
    async with dial(str(person.http.base_url).rstrip("/")) as peer:
        return await greeted(peer, person, snapshot)


async def greeted(peer: Peer, person: Person, snapshot: str | None) -> list[Frame]:
    more = {} if snapshot is None else {"snapshot": snapshot}
    await peer.send("hello", token=person.access, **more)
    await peer.until(lambda: any("snapshot" in frame for frame in peer.of("rooms")))
    return peer.of("rooms")


def entries(frames: list[Frame]) -> dict[str, Frame]:
    return {entry["room"]: entry for frame in frames for entry in frame["rooms"]}


def gone(frames: list[Frame]) -> set[str]:
    return {room for frame in frames for room in frame["gone"]}


class ListReplica:
    """A client's copy of the list, with its newest snapshot."""

    def __init__(self) -> None:
        self.rooms: dict[str, Frame] = {}
        self.snapshot: str | None = None

    def apply(self, frames: Iterable[Frame]) -> None:
        for frame in frames:
            if frame["full"]:
                self.rooms.clear()
            for room in frame["gone"]:
                self.rooms.pop(room, None)
            self.rooms |= {entry["room"]: entry for entry in frame["rooms"]}
            self.snapshot = frame.get("snapshot", self.snapshot)


def differences(replica: ListReplica, frames: list[Frame]) -> list[str]:
    """Where a replica is not the full list of these frames, by room and field."""
    assert frames[0]["full"]
    truth = entries(frames)
    rooms = sorted(replica.rooms.keys() | truth.keys())
    return [
        f"{room} {field}: {ours.get(field)!r} instead of {theirs.get(field)!r}"
        for room, ours, theirs in (
            (room, replica.rooms.get(room, {}), truth.get(room, {})) for room in rooms
        )
        for field in sorted(ours.keys() | theirs.keys())
        if ours.get(field) != theirs.get(field)
    ]
