"""Reads at the end what the devices keep of their open rooms."""

from typing import Any

from testkit.message_replica import Message, MessageReplica
from tests.faults.context import Account
from tests.faults.history import FreshRoom
from tests.faults.load import Workload
from tests.faults.tables import Tables

PAGE = 100


class FreshReader:
    """A room is read again when its log has more events than at the last time."""

    def __init__(self, workload: Workload) -> None:
        self._workload, self._context = workload, workload.context
        self._rooms: dict[tuple[str, str, str, int], FreshRoom] = {}

    async def read(self, tables: Tables) -> list[FreshRoom]:
        """By every account, the rooms that it is a member of and has open on a device. The first
        one of a room reads its log, too."""
        fresh: list[FreshRoom] = []
        replayed: set[str] = set()
        for account in self._workload.accounts:
            for room in sorted(self._open_rooms(account)):
                if (room, account.id) not in tables.members:
                    continue
                key = account.id, room, tables.epoch, tables.heads[room]
                if key not in self._rooms:
                    self._rooms[key] = await self._read(account, room, tables.epoch)
                    if room not in replayed:
                        self._rooms[key].replay = await self._read_log(account, room)
                replayed.add(room)
                fresh.append(self._rooms[key])
        return fresh

    def _open_rooms(self, account: Account) -> set[str]:
        return {
            room
            for device in self._workload.devices[account.id]
            for room, replica in device.replicas.items()
            if replica.is_open
        }

    async def _read(self, account: Account, room: str, epoch: str) -> FreshRoom:
        replica = MessageReplica(account.id)
        query = {"limit": PAGE}
        while True:
            page = await self._get(account, f"/rooms/{room}/messages", query)
            replica.load(page)
            if page["before"] is None:
                break
            query["before"] = page["before"]
        replica.quotes.clear()  # the pages have all messages
        pins = await self._get(account, f"/rooms/{room}/pins", {"limit": PAGE})
        replica.load_pins(pins["items"])
        return FreshRoom(account.id, room, epoch, replica)

    async def _read_log(self, account: Account, room: str) -> list[Message]:
        events: list[Message] = []
        after: int | None = 0
        while after is not None:
            page = await self._get(
                account, f"/rooms/{room}/events", {"after": after, "limit": PAGE}
            )
            events += page["items"]
            after = page["next"]
        return events

    async def _get(self, account: Account, path: str, query: dict[str, int]) -> Any:
        answer = await self._context.retry_until_done(account, "GET", path, params=query)
        return answer.json()
