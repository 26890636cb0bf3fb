"""Scheduled messages of a fault-injection run: created, moved and cancelled until they are due."""

import asyncio
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import uuid4

from tests.faults.context import (
    EXPECTED_REFUSALS,
    Account,
    RequestRejected,
    RunContext,
    Unanswered,
)
from tests.faults.history import Scheduled

PAUSE_S = (0.3, 1.5)  # between two of an account
DUE_S = (-1.0, 5.0)  # from now
MOVED_S = 2.0
MOVED, CANCELLED = 0.2, 0.3  # of all
TOO_LATE = "not_pending"
CHANGE_REFUSALS = EXPECTED_REFUSALS | {TOO_LATE}


async def schedule_loop(context: RunContext, account: Account, rooms: Sequence[str]) -> None:
    """Rooms that the account is a member of all the time. Returns once all are created."""
    rng = context.rng
    changes: set[asyncio.Task[None]] = set()
    try:
        while not context.stopping.is_set():
            await asyncio.sleep(rng.uniform(*PAUSE_S))
            name, due_at = uuid4().hex, time.time() + rng.uniform(*DUE_S)
            scheduled = Scheduled(
                rng.choice(rooms), account.id, name, f"scheduled {name}", _round(due_at)
            )
            context.history.scheduled.append(scheduled)
            await _create(context, account, scheduled)
            changes.add(asyncio.create_task(_change(context, account, scheduled)))
        await asyncio.gather(*changes)
    finally:
        for task in changes:
            task.cancel()
        await asyncio.gather(*changes, return_exceptions=True)


async def _create(context: RunContext, account: Account, scheduled: Scheduled) -> None:
    body = {"nonce": scheduled.nonce, "text": scheduled.text, "due_at": _time(scheduled.due_at)}
    answer = await context.retry_until_done(
        account, "POST", f"/rooms/{scheduled.room}/scheduled", json=body
    )
    scheduled.id, scheduled.acked = answer.json()["id"], time.time()


async def _change(context: RunContext, account: Account, scheduled: Scheduled) -> None:
    """Before it is due, or a moment later."""
    chance = context.rng.random()
    if chance > MOVED + CANCELLED:
        return
    await asyncio.sleep(context.rng.uniform(0, max(0.0, scheduled.due_at - time.time()) + 1))
    if chance < CANCELLED:
        await _cancel(context, account, scheduled)
    else:
        await _move(context, account, scheduled)


async def _move(context: RunContext, account: Account, scheduled: Scheduled) -> None:
    """To a later time: without an answer it may have either of them."""
    due_at = _round(scheduled.due_at + MOVED_S)
    path, body = f"/scheduled/{scheduled.id}", {"due_at": _time(due_at)}
    try:
        await context.call(account, "PATCH", path, json=body, expected=CHANGE_REFUSALS)
    except (Unanswered, RequestRejected):
        return
    scheduled.due_at = due_at


async def _cancel(context: RunContext, account: Account, scheduled: Scheduled) -> None:
    scheduled.cancelling = True
    try:
        await context.call(
            account, "DELETE", f"/scheduled/{scheduled.id}", expected=CHANGE_REFUSALS
        )
    except Unanswered:
        return
    except RequestRejected as rejection:
        if rejection.code == TOO_LATE:
            scheduled.too_late = time.time()
        return
    scheduled.cancelled = time.time()


def _round(at: float) -> float:
    """As it is stored: to the microsecond."""
    return round(at, 6)


def _time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat()
