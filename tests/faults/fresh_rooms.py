"""Reads at the end what the devices keep of their open rooms."""

from collections.abc import Mapping
from typing import Any

from testkit.message_replica import Message, MessageReplica
from tests.faults.context import Account
from tests.faults.history import FollowedThread, FreshRoom
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
                    self._rooms[key] = await self._read(account, room, tables)
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

    async def _read(self, account: Account, room: str, tables: Tables) -> FreshRoom:
        replica = MessageReplica(account.id)
        timeline = await self._load(account, f"/rooms/{room}/messages", replica)
        threads = {
            root: await self._load(account, f"/rooms/{room}/threads/{root}/messages", replica)
            for in_room, root in tables.replies
            if in_room == room
        }
        replica.quotes.clear()  # the pages have all messages
        pins = await self._get(account, f"/rooms/{room}/pins", {"limit": PAGE})
        replica.load_pins(pins["items"])
        return FreshRoom(account.id, room, tables.epoch, replica, timeline, threads)

    async def _load(self, account: Account, path: str, replica: MessageReplica) -> list[int]:
        """The seqs of all pages, the newest page first."""
        seqs: list[int] = []
        query = {"limit": PAGE}
        while True:
            page = await self._get(account, path, query)
            replica.load(page)
            seqs += [message["seq"] for message in page["items"]]
            if page["before"] is None:
                return seqs
            query["before"] = page["before"]

    async def read_followed(self) -> list[FollowedThread]:
        """The lists of followed threads of all accounts."""
        followed: list[FollowedThread] = []
        for account in self._workload.accounts:
            query: dict[str, int | str] = {"limit": PAGE}
            while True:
                page = await self._get(account, "/users/me/threads", query)
                for item in page["items"]:
                    key = account.id, item["room"], item["root"]["seq"]
                    counts = item["read_seq"], item["unread"], item["mentions"]
                    followed.append(FollowedThread(*key, *counts))
                if page["next"] is None:
                    break
                query["cursor"] = page["next"]
        return followed

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

    async def _get(self, account: Account, path: str, query: Mapping[str, int | str]) -> Any:
        answer = await self._context.retry_until_done(account, "GET", path, params=query)
        return answer.json()
