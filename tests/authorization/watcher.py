"""A person with one socket, whose frames are all looked at."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import orjson

from testkit.peer import Frame, Peer
from testkit.people import UNKNOWN_ID, Person
from tests.authorization.canaries import Memberships


@dataclass
class Watcher:
    person: Person
    peer: Peer
    positions: dict[str, int] = field(default_factory=dict)  # by room that is open on the socket
    _listed: set[str] = field(default_factory=set)  # rooms that the socket knows the user is in
    _read: int = 0  # frames of `peer` that `positions` include

    async def ask(self, type_: str, **fields: Any) -> Frame:
        """The answer to a frame, with everything that was sent before it; empty without one."""
        name = uuid4().hex[:32]
        await self.peer.send(type_, id=name, **fields)
        if type_ == "read":  # its answer may come later than that to a frame after it
            await self.peer.until(lambda: self._find(name), type_)
        await self.peer.ask("close", rooms=[UNKNOWN_ID])
        return self._find(name)

    def _find(self, name: str) -> Frame:
        return next((frame for frame in self.peer.frames if frame.get("id") == name), {})

    async def catch_up(self, heads: Mapping[str, int], memberships: Memberships) -> None:
        """Return once the socket has all events up to these, and knows in which rooms its user
        is."""
        await self.peer.until(lambda: self._has_caught_up(heads, memberships), "the last event")

    def take_frames(self) -> str:
        """All frames that have arrived, as JSON. They are forgotten."""
        self._note()
        taken = orjson.dumps(self.peer.frames).decode()
        self.peer.forget()
        self._read = 0
        return taken

    def _has_caught_up(self, heads: Mapping[str, int], memberships: Memberships) -> bool:
        self._note()
        own = {room for room, members in memberships.items() if self.person.id in members}
        return self._listed == own and all(
            position >= heads[room] for room, position in self.positions.items()
        )

    def _note(self) -> None:
        frames = self.peer.frames
        for frame in frames[self._read :]:
            self._note_frame(frame)
        self._read = len(frames)

    def _note_frame(self, frame: Frame) -> None:
        room = frame.get("room", "")
        match frame["type"]:
            case "room.opened":
                self._listed.add(room)
                self.positions[room] = frame["seq"]
            case "room.closed":
                self.positions.pop(room, None)
                if frame["reason"] != "closed":
                    self._listed.discard(room)
            case "rooms":
                self._listed |= {entry["room"] for entry in frame["rooms"]}
                self._listed -= set(frame["gone"])
            case _ if "actor" in frame and room in self.positions:
                self.positions[room] = max(self.positions[room], frame["seq"])
