"""Messages of a fault-injection run, each sent until it is acked."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from tests.faults.clients import Device
from tests.faults.context import Account, RequestRejected, RunContext, Unanswered
from tests.faults.history import Send


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
                if send.is_member:
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
    body = {"nonce": send.nonce, "text": send.text}
    path = f"/rooms/{send.room}/messages"
    answer = await context.call(account, "POST", path, server=server, json=body)
    return int(answer.json()["seq"])


async def _over_socket(device: Device, send: Send) -> int:
    ack = await device.ask("message.send", room=send.room, nonce=send.nonce, text=send.text)
    return int(ack["seq"])
