"""Who is behind an id: looked up once in a while."""

import time
from uuid import UUID

from app.client.api import Api
from app.client.errors import ClientError
from app.wire.schemas.users import UserOut

KEEP_S = 300.0  # display names change
MOST = 5000


class People:
    def __init__(self, api: Api) -> None:
        self._api = api
        self._known: dict[UUID, tuple[float, UserOut]] = {}  # by id, the oldest first

    def learn(self, user: UserOut) -> None:
        self._known.pop(user.id, None)
        self._known[user.id] = (time.monotonic(), user)
        if len(self._known) > MOST:
            del self._known[next(iter(self._known))]

    async def user(self, user_id: UUID) -> UserOut:
        """Raises Refused for an id that nobody has, Unreachable."""
        at, user = self._known.get(user_id, (0.0, None))
        if user is None or time.monotonic() - at > KEEP_S:
            user = await self._api.user(user_id)
            self.learn(user)
        return user

    async def name(self, user_id: UUID) -> str:
        """The display name; the last one known, or a piece of the id, if there is no answer now."""
        try:
            return (await self.user(user_id)).display_name
        except ClientError:
            _, user = self._known.get(user_id, (0.0, None))
            return user.display_name if user else f"user {str(user_id)[-6:]}"
