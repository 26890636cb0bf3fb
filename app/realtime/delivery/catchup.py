"""What the log has for clients that come back, read for many of them at once.

A thousand that come back cost a few queries, and a room that they share is read once.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple
from uuid import UUID

from app.core.actor import Actor
from app.core.publications import to_publication
from app.persistence.uow import ReadSession
from app.realtime.transport.ws_protocol import text_frame
from app.rooms.access import refusals
from app.wire.errors import ChatError
from app.wire.events import MemberLeft
from app.wire.frames import Position

RANGES_PER_QUERY = 50  # of logs that are read at once


@dataclass(frozen=True, slots=True)
class CatchUpRequest:
    """Rooms that one client wants to open, and how much may be read for it."""

    actor: Actor
    positions: Sequence[Position]
    max_events_per_room: int
    max_events: int
    max_bytes: int

    def __len__(self) -> int:
        return len(self.positions)


@dataclass(frozen=True, slots=True)
class CatchUpRange:
    """What a client gets of a room that was at `since`: the events after `after`, up to `head`.
    `over`: its user went at `head`."""

    head: int
    since: int
    after: int
    state: Literal["ok", "limited", "reset"]
    over: bool


@dataclass(frozen=True, slots=True)
class CatchUp(CatchUpRange):
    frames: list[bytes]
    gone: Literal["left", "removed"] | None


async def read_catch_up(
    reads: ReadSession, asked: Sequence[CatchUpRequest]
) -> list[Sequence[CatchUp | ChatError] | ChatError]:
    """What happened since the clients' positions, or NotFound or Forbidden, for each position.

    Membership and head come from one statement: who is a member at this head may see everything up
    to it, and a removal after it will come to the follower as an event. Who has gone, from a
    position before that, may see everything up to the event that says so.
    """
    pairs = {(one.room, wanted.actor.user) for wanted in asked for one in wanted.positions}
    heads = await reads.members.heads(pairs)
    rejected = await refusals(reads, {room for room, user in pairs if (room, user) not in heads})
    ends = await _ends(reads, asked, heads)
    ranges = [list(_plan_ranges(wanted, heads, ends)) for wanted in asked]
    log = await _read_log(reads, asked, ranges)
    return [
        [
            rejected[position.room] if catch_up is None else catch_up
            for position, catch_up in zip(wanted.positions, _load_frames(wanted, theirs, log), strict=True)
        ]
        for wanted, theirs in zip(asked, ranges, strict=True)
    ]


Heads = dict[tuple[UUID, UUID], int]  # by room and user


async def _ends(reads: ReadSession, asked: Sequence[CatchUpRequest], heads: Heads) -> Heads:
    """Where those have gone who are no members, of those who were behind that."""
    since = {
        (one.room, wanted.actor.user): one.since
        for wanted in asked
        for one in wanted.positions
        if one.since is not None and (one.room, wanted.actor.user) not in heads
    }
    return await reads.members.ends(since) if since else {}


def _plan_ranges(wanted: CatchUpRequest, heads: Heads, ends: Heads) -> Iterator[CatchUpRange | None]:
    """What to read for each position; None: the client may not. A log is dense, so that the number
    of events is known before they are read."""
    budget = wanted.max_events
    for position in wanted.positions:
        key = (position.room, wanted.actor.user)
        over = key not in heads
        head = ends.get(key, 0) if over else heads[key]
        if over and (position.since is None or position.since >= head):
            yield None
            continue
        since = head if position.since is None else position.since
        if since > head:
            yield CatchUpRange(head, since, head, "reset", over)
            continue
        after = since
        if head - since > min(wanted.max_events_per_room, budget):
            after = head - min(wanted.max_events_per_room // 2, budget)
        budget -= head - after
        yield CatchUpRange(head, since, after, "ok" if after == since else "limited", over)


class Frame(NamedTuple):
    frame: bytes
    is_leave: bool


Log = dict[UUID, dict[int, Frame]]


async def _read_log(
    reads: ReadSession, asked: Sequence[CatchUpRequest], ranges: list[list[CatchUpRange | None]]
) -> Log:
    """The frames of all ranges, each room once: from the least to the greatest seq wanted near its
    head. Those who have gone did so anywhere in the log: what they get is read for itself."""
    bounds: dict[tuple[UUID, int], tuple[int, int]] = {}
    for wanted, theirs in zip(asked, ranges, strict=True):
        for position, one in zip(wanted.positions, theirs, strict=True):
            if one and one.after < one.head:
                key = (position.room, one.head if one.over else 0)
                least, most = bounds.get(key, (one.after, one.head))
                bounds[key] = min(least, one.after), max(most, one.head)
    log: Log = {room: {} for room, _ in bounds}
    spans = [(room, after, head) for (room, _), (after, head) in bounds.items()]
    for start in range(0, len(spans), RANGES_PER_QUERY):
        for event in await reads.events.within(spans[start : start + RANGES_PER_QUERY]):
            frame = text_frame(to_publication(event).frame)
            log[event.room][event.seq] = Frame(frame, isinstance(event, MemberLeft))
    return log


def _load_frames(wanted: CatchUpRequest, ranges: list[CatchUpRange | None], log: Log) -> Iterator[CatchUp | None]:
    """So many of the last frames as fit: a catch-up must not make its own socket a slow one."""
    max_bytes = wanted.max_bytes
    for position, one in zip(wanted.positions, ranges, strict=True):
        if one is None:
            yield None
            continue
        kept: list[bytes] = []
        after = one.head
        while after > one.after:
            frame = log[position.room][after].frame
            if len(frame) > max_bytes:
                break
            max_bytes -= len(frame)
            kept.append(frame)
            after -= 1
        state = one.state if after == one.after else "limited"
        yield CatchUp(
            one.head, one.since, after, state, one.over, kept[::-1], _gone(position, one, log)
        )


def _gone(position: Position, one: CatchUpRange, log: Log) -> Literal["left", "removed"] | None:
    if not one.over:
        return None
    last = log.get(position.room, {}).get(one.head)
    return "left" if last and last.is_leave else "removed"
