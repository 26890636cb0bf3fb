"""Looks users up by id, with a TTL."""

import time
from uuid import UUID

from app.client.api import Api
from app.client.errors import ClientError
from app.wire.schemas.users import UserOut

TTL_S = 300.0  # display names change
MAX_MEMBERS_SHOWN = 5000


class UserCache:
    def __init__(self, api: Api) -> None:
        self._api = api
        self._entries: dict[UUID, tuple[float, UserOut]] = {}  # by id, the oldest first

    def put(self, user: UserOut) -> None:
        self._entries.pop(user.id, None)
        self._entries[user.id] = (time.monotonic(), user)
        if len(self._entries) > MAX_MEMBERS_SHOWN:
            del self._entries[next(iter(self._entries))]

    async def user(self, user_id: UUID) -> UserOut:
        """Raises RequestRejected if there is no such user, Unreachable."""
        at, user = self._entries.get(user_id, (0.0, None))
        if user is None or time.monotonic() - at > TTL_S:
            user = await self._api.user(user_id)
            self.put(user)
        return user

    async def name(self, user_id: UUID) -> str:
        """The display name; without an answer the last known one, or the end of the id."""
        try:
            return (await self.user(user_id)).display_name
        except ClientError:
            _, user = self._entries.get(user_id, (0.0, None))
            return user.display_name if user else f"user {str(user_id)[-6:]}"
