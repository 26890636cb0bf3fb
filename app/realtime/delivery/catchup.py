"""Catch-up: what the log has for clients that come back, read for many of them at once.

A thousand clients that come back cost a few queries, and a room that they share is read once.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple
from uuid import UUID

from app.core.actor import Actor
from app.core.server_state import ServerState
from app.persistence.direct_reads import DirectReads
from app.persistence.repositories.memberships import NO_EXTENT, LogExtent
from app.realtime.hub.event_frames import EventFrame
from app.rooms.access import membership_errors
from app.wire.client_frames import RoomPosition
from app.wire.errors import ChatError
from app.wire.events import PublicationKind

RANGES_PER_QUERY = 50


@dataclass(frozen=True, slots=True)
class CatchUpRequest:
    """Rooms that one client wants to open, and how much may be read for it."""

    actor: Actor
    positions: Sequence[RoomPosition]
    state: ServerState
    max_events_per_room: int
    max_events: int
    max_bytes: int

    def __len__(self) -> int:
        return len(self.positions)

    def is_foreign(self, position: RoomPosition) -> bool:
        """Whether it is a position of another epoch, which says nothing about this log."""
        return position.since is not None and not self.state.includes(position.epoch)


@dataclass(frozen=True, slots=True)
class CatchUpRange:
    """What a client at `since` gets of a room: the events after `after`, up to `head`. The user's
    membership `ended` at `head`, or still lasts. The user sees what is above `visible_after`."""

    head: int
    visible_after: int
    since: int
    after: int
    state: Literal["ok", "limited", "reset"]
    ended: bool


@dataclass(frozen=True, slots=True)
class CatchUp(CatchUpRange):
    frames: list[bytes]
    close_reason: Literal["left", "removed"] | None


Extents = dict[tuple[UUID, UUID], LogExtent]  # by room and user
Ranges = list[CatchUpRange | None]  # of one request; None: the client may not read the room


async def load_catch_up(
    reads: DirectReads, requests: Sequence[CatchUpRequest]
) -> list[Sequence[CatchUp | ChatError] | ChatError]:
    """The events since each position, or NotFound or Forbidden.

    Membership and head come from one statement: a member at this head may see everything up to it,
    and a later removal comes to the subscription as an event. A user who left or was removed may
    see everything up to the event that says so, from a position before it, but no message that was
    changed since: an event has its message as it is now. Positions before what the room shows to
    the user are reset.
    """
    pairs = {(position.room, r.actor.user) for r in requests for position in r.positions}
    heads = await reads.memberships.extents(pairs)
    errors = await membership_errors(
        reads, {room for room, user in pairs if (room, user) not in heads}
    )
    ends = await _membership_ends(reads, requests, heads)
    ranges = [list(_plan_ranges(request, heads, ends)) for request in requests]
    log = await _read_log(reads, requests, ranges)
    hidden = await _read_hidden(reads, requests, ranges)  # after the log: no change is missed
    return [
        [
            errors[position.room] if catch_up is None else catch_up
            for position, catch_up in zip(
                request.positions, _load_frames(request, planned, log, hidden), strict=True
            )
        ]
        for request, planned in zip(requests, ranges, strict=True)
    ]


async def _membership_ends(
    reads: DirectReads, requests: Sequence[CatchUpRequest], heads: Extents
) -> Extents:
    """Where memberships ended, for users who are no members and whose position is before that."""
    since = {
        (position.room, request.actor.user): position.since
        for request in requests
        for position in request.positions
        if position.since is not None
        and not request.is_foreign(position)
        and (position.room, request.actor.user) not in heads
    }
    return await reads.memberships.ended_extents(since) if since else {}


def _plan_ranges(
    request: CatchUpRequest, heads: Extents, ends: Extents
) -> Iterator[CatchUpRange | None]:
    """What to read for each position. A log is dense, so the number of events is known before they
    are read."""
    budget = request.max_events
    for position in request.positions:
        key = (position.room, request.actor.user)
        ended = key not in heads
        head, visible_after = ends.get(key, NO_EXTENT) if ended else heads[key]
        is_foreign = request.is_foreign(position)
        since = head if position.since is None else position.since
        is_inside = visible_after <= since <= head and not is_foreign
        if ended and (since == head or not is_inside):
            yield None
            continue
        if not is_inside:
            yield CatchUpRange(head, visible_after, since, head, "reset", ended)
            continue
        after = since
        if head - since > min(request.max_events_per_room, budget):
            after = head - min(request.max_events_per_room // 2, budget)
        budget -= head - after
        state: Literal["ok", "limited"] = "ok" if after == since else "limited"
        yield CatchUpRange(head, visible_after, since, after, state, ended)


class Frame(NamedTuple):
    frame: EventFrame
    is_leave: bool


Log = dict[UUID, dict[int, Frame]]


async def _read_log(
    reads: DirectReads, requests: Sequence[CatchUpRequest], ranges: Sequence[Ranges]
) -> Log:
    """The frames of all ranges. Each room is read once, from the lowest to the highest seq that is
    needed near its head. Memberships may end anywhere: their ranges are read separately."""
    bounds: dict[tuple[UUID, int], tuple[int, int]] = {}
    for request, planned in zip(requests, ranges, strict=True):
        for position, span in zip(request.positions, planned, strict=True):
            if span and span.after < span.head:
                key = (position.room, span.head if span.ended else 0)
                lowest, highest = bounds.get(key, (span.after, span.head))
                bounds[key] = min(lowest, span.after), max(highest, span.head)
    log: Log = {room: {} for room, _ in bounds}
    spans = [(room, after, head) for (room, _), (after, head) in bounds.items()]
    for start in range(0, len(spans), RANGES_PER_QUERY):
        for event in await reads.events.publications_in(spans[start : start + RANGES_PER_QUERY]):
            is_leave = event.kind is PublicationKind.LEFT
            log[event.channel][event.seq] = Frame(EventFrame(event), is_leave)
    return log


_Span = tuple[UUID, int, int]  # a room, and the seqs of a range


async def _read_hidden(
    reads: DirectReads, requests: Sequence[CatchUpRequest], ranges: Sequence[Ranges]
) -> dict[_Span, int]:
    """Of ranges at whose end a membership ended: up to which event they are not shown."""
    spans = {
        (position.room, span.after, span.head)
        for request, planned in zip(requests, ranges, strict=True)
        for position, span in zip(request.positions, planned, strict=True)
        if span and span.ended
    }
    return await reads.events.last_changed(list(spans)) if spans else {}


def _load_frames(
    request: CatchUpRequest, ranges: Ranges, log: Log, hidden: dict[_Span, int]
) -> Iterator[CatchUp | None]:
    """As many of the last frames as fit: a catch-up must not make its own connection slow."""
    budget = request.max_bytes
    for position, span in zip(request.positions, ranges, strict=True):
        if span is None:
            yield None
            continue
        frames: list[bytes] = []
        after = span.head
        while after > hidden.get((position.room, span.after, span.head), span.after):
            frame = log[position.room][after].frame.for_reader(span.visible_after)
            if len(frame) > budget:
                break
            budget -= len(frame)
            frames.append(frame)
            after -= 1
        state = span.state if after == span.after else "limited"
        reason = _close_reason(position, span, log)
        yield CatchUp(
            span.head,
            span.visible_after,
            span.since,
            after,
            state,
            span.ended,
            frames[::-1],
            reason,
        )


def _close_reason(
    position: RoomPosition, span: CatchUpRange, log: Log
) -> Literal["left", "removed"] | None:
    if not span.ended:
        return None
    last = log.get(position.room, {}).get(span.head)
    return "left" if last and last.is_leave else "removed"
