"""Changes of messages in a fault-injection run: edits, deletions and reactions."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from testkit.message_replica import Message
from tests.faults.clients import Device
from tests.faults.context import Account, RunContext
from tests.faults.history import Deletion, Edit, Reaction, RoomReplica
from tests.faults.sends import attempt

PAUSE_S = (0.1, 0.8)  # between two changes of an account
NEWEST = 20  # messages that changes are about
EMOJI = ("👍", "🎉", "❤️")
MAX_DELETED_AT_ONCE = 5
DELETED_SINCE_S = 0.5


class MessageChanger:
    """Changes messages that a device of the account knows. `owners` are those of the rooms with
    messages: an owner deletes those of others."""

    def __init__(
        self,
        context: RunContext,
        account: Account,
        devices: Sequence[Device],
        owners: Mapping[str, Account],
    ) -> None:
        self._context, self._account = context, account
        self._devices, self._owners = devices, owners

    async def run(self) -> None:
        rng = self._context.rng
        steps = [
            *[self._edit] * 4,
            *[self._add_reaction] * 5,
            *[self._remove_reaction] * 2,
            self._edit_twice,
            *[self._delete] * 2,
            *[self._delete_many] * 2,
        ]
        while not self._context.stopping.is_set():
            await asyncio.sleep(rng.uniform(*PAUSE_S))
            device = rng.choice(self._devices)
            room = device.choose_open_room()
            if room is not None and room in self._owners:
                await rng.choice(steps)(device, device.replicas[room])

    # The steps.

    async def _edit(self, device: Device, replica: RoomReplica) -> None:
        if message := self._choose(replica, is_own=True):
            await self._edit_message(device, replica.room, message)

    async def _edit_twice(self, device: Device, replica: RoomReplica) -> None:
        """At the same time, over two sockets or servers: at most one edit is accepted."""
        if message := self._choose(replica, is_own=True):
            await asyncio.gather(
                *(self._edit_message(each, replica.room, message) for each in self._devices)
            )

    async def _edit_message(self, device: Device, room: str, message: Message) -> None:
        seq, text = message["seq"], f"edit {uuid4().hex}"
        if self._context.rng.random() < 0.2:
            text += f" @{self._account.name}"  # names nobody, who may have been named before
        version = message.get("edit", {"version": 1})["version"]
        body = {"text": text, "version": version}
        await attempt(
            self._context,
            Edit(room, self._account.id, seq, version, text),
            lambda: device.ask("message.edit", room=room, seq=seq, **body),
            lambda: self._call("PATCH", f"/rooms/{room}/messages/{seq}", json=body),
        )

    async def _add_reaction(self, device: Device, replica: RoomReplica) -> None:
        if message := self._choose(replica):
            emoji = self._context.rng.choice(EMOJI)
            await self._react(device, replica.room, message["seq"], emoji, present=True)

    async def _remove_reaction(self, device: Device, replica: RoomReplica) -> None:
        if replica.messages.reacted:
            seq, emoji = self._context.rng.choice(sorted(replica.messages.reacted))
            await self._react(device, replica.room, seq, emoji, present=False)

    async def _react(
        self, device: Device, room: str, seq: int, emoji: str, *, present: bool
    ) -> None:
        frame, method = ("reaction.add", "PUT") if present else ("reaction.remove", "DELETE")
        await attempt(
            self._context,
            Reaction(room, self._account.id, seq, emoji, present),
            lambda: device.ask(frame, room=room, seq=seq, emoji=emoji),
            lambda: self._call(method, f"/rooms/{room}/messages/{seq}/reactions/{emoji}"),
        )

    async def _delete(self, _: Device, replica: RoomReplica) -> None:
        if message := self._choose(replica, is_own=True):
            path = f"/rooms/{replica.room}/messages/{message['seq']}"
            await attempt(
                self._context,
                Deletion(replica.room, self._account.id, [message["seq"]]),
                lambda: self._call("DELETE", path),
            )

    async def _delete_many(self, _: Device, replica: RoomReplica) -> None:
        """Of anybody, as a moderator; or all that the account has just sent."""
        rng, room = self._context.rng, replica.room
        deletion = Deletion(room, self._account.id, [])
        body: dict[str, Any]
        if self._owners[room] is self._account:
            count = rng.randint(1, MAX_DELETED_AT_ONCE)
            chosen = [self._choose(replica) for _ in range(count)]
            deletion.seqs = sorted({message["seq"] for message in chosen if message})
            body = {"seqs": deletion.seqs}
        else:
            since = datetime.now(UTC) - timedelta(seconds=DELETED_SINCE_S)
            body = {"sender": self._account.id, "since": since.isoformat()}
        if deletion.seqs or "sender" in body:
            await attempt(
                self._context,
                deletion,
                lambda: self._call("POST", f"/rooms/{room}/deletions", json=body),
            )

    # Attempts.

    async def _call(self, method: str, path: str, **options: Any) -> None:
        await self._context.call(self._account, method, path, **options)

    def _choose(self, replica: RoomReplica, *, is_own: bool = False) -> Message | None:
        """One of the newest messages that are not deleted."""
        messages = [
            message
            for message in replica.messages.messages.values()
            if "deletion" not in message and (not is_own or message["sender"] == replica.user)
        ][-NEWEST:]
        return self._context.rng.choice(messages) if messages else None
