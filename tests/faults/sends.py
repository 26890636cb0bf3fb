"""Messages of a fault-injection run, each sent until it is acked."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

from tests.faults.clients import Device
from tests.faults.context import (
    EXPECTED_REFUSALS,
    Account,
    RequestRejected,
    RunContext,
    Unanswered,
)
from tests.faults.history import Change, Send

MAX_ATTEMPTS = 3  # of a change; then the outcome may be unknown
REPLY_REFUSALS = EXPECTED_REFUSALS | {"invalid"}  # the root was deleted
Attempt = Callable[[], Awaitable[Any]]


async def attempt(context: RunContext, change: Change, *ways: Attempt) -> None:
    """Repeat a change on any of the ways; after some attempts it stays as it is."""
    context.history.changes.append(change)
    for _ in range(MAX_ATTEMPTS):
        try:
            await context.rng.choice(ways)()
        except Unanswered:
            await context.rest()
        except RequestRejected as rejection:
            if rejection.retry == "never":
                return
            await asyncio.sleep(rejection.wait_s)
        else:
            change.acked = time.time()
            return


async def deliver(context: RunContext, account: Account, send: Send, devices: list[Device]) -> None:
    """Repeat a message with its nonce, over sockets and HTTP and on both servers, until it is acked
    or refused finally."""
    context.history.sends.append(send)
    while send.seq is None:
        send.attempts += 1
        try:
            send.seq = await _attempt(context, account, send, devices)
            send.acked = time.time()
        except Unanswered:
            await context.rest()
        except RequestRejected as rejection:
            if rejection.retry == "never":
                send.refused = time.time()
                if send.is_member and send.thread is None:
                    context.record_violation(
                        "false refusal", f"{send.nonce} by {account.name}: {rejection}"
                    )
                return
            await asyncio.sleep(rejection.wait_s)


async def _attempt(context: RunContext, account: Account, send: Send, devices: list[Device]) -> int:
    ways: list[Callable[[], Awaitable[int]]] = [
        lambda device=device: _over_socket(device, send)  # type: ignore[misc]
        for device in devices
        if device.is_connected
    ]

    return await context.rng.choice([lambda: over_http(context, account, send), *ways])()


async def over_http(
    context: RunContext, account: Account, send: Send, server: int | None = None
) -> int:
    path, expected = f"/rooms/{send.room}/messages", _expected_refusals(send)
    answer = await context.call(
        account, "POST", path, server=server, expected=expected, json=_content(send)
    )
    return int(answer.json()["seq"])


async def _over_socket(device: Device, send: Send) -> int:
    ack = await device.ask(
        "message.send", expected=_expected_refusals(send), room=send.room, **_content(send)
    )
    return int(ack["seq"])


def _content(send: Send) -> dict[str, Any]:
    content: dict[str, Any] = {"nonce": send.nonce, "text": send.text}
    if send.thread is not None:
        content |= {"thread": send.thread}
        content |= {"also_in_room": True} if send.also_in_room else {}
    return content


def _expected_refusals(send: Send) -> frozenset[str]:
    return EXPECTED_REFUSALS if send.thread is None else REPLY_REFUSALS
