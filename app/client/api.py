"""The HTTP API in types of the wire. Every method raises RequestRejected or Unreachable."""

from collections.abc import AsyncIterator
from typing import Any, TypeVar
from uuid import UUID

from pydantic import BaseModel, TypeAdapter

from app.client.errors import RequestRejected
from app.client.session import Session
from app.wire.domain import RoomKind
from app.wire.schemas.messages import EventPage, MessagePage
from app.wire.schemas.pages import Page
from app.wire.schemas.rooms import CreateRoom, MemberOut, PublicRoom, RoomOut
from app.wire.schemas.users import Me, Register, TicketOut, UserOut
from app.wire.user_and_room_names import normalized_name

T = TypeVar("T", bound=BaseModel)
V1 = "/api/v1"
PAGE = 100


class Api:
    def __init__(self, session: Session) -> None:
        self._session = session

    async def register(self, account: Register) -> Me:
        """Create an account. Needs no login."""
        body = account.model_dump(exclude_none=True)
        answer = await self._session.http.request("POST", f"{V1}/auth/register", json=body)
        return Me.model_validate_json(answer)

    async def log_out(self) -> None:
        """End the session; its sockets are closed with 4403."""
        await self._session.request("POST", f"{V1}/auth/logout")

    async def ticket(self) -> str:
        """A single-use ticket for the next `hello`, valid for less than a minute."""
        return (await self._call(TicketOut, "POST", "/ws-tickets")).ticket

    async def me(self) -> Me:
        return await self._call(Me, "GET", "/users/me")

    async def user(self, user: UUID) -> UserOut:
        return await self._call(UserOut, "GET", f"/users/{user}")

    async def users(self, query: str) -> list[UserOut]:
        """The first page of users whose username or display name contains `query`."""
        page = await self._call(Page[UserOut], "GET", "/users", params={"query": query})
        return page.items

    def rooms(self) -> AsyncIterator[RoomOut]:
        """The user's rooms with their unread counts."""
        return self._pages(Page[RoomOut], "/rooms")

    def public_rooms(self, query: str) -> AsyncIterator[PublicRoom]:
        return self._pages(Page[PublicRoom], "/rooms/public", query=query)

    async def find_public(self, name: str) -> PublicRoom | None:
        """The public room of this name; the oldest one if there are several."""
        wanted = normalized_name(name)
        rooms = [r async for r in self.public_rooms(name) if normalized_name(r.name) == wanted]
        return min(rooms, key=lambda room: (room.created_at, room.id), default=None)

    async def create_room(self, spec: CreateRoom) -> RoomOut:
        body = spec.model_dump(mode="json", exclude_none=True)
        return await self._call(RoomOut, "POST", "/rooms", json=body)

    async def join(self, room: UUID) -> RoomOut:
        return await self._call(RoomOut, "POST", f"/rooms/{room}/join")

    async def find_or_create_room(self, name: str) -> RoomOut:
        """The user's own room of this name; else the public one, which is joined; else a new one.

        After creating a room this searches again: two clients that create the same name at the
        same time both join the older room. Raises ValidationError if `name` is not valid.
        """
        own = await self.find_own_room(name)
        if own:
            return own
        if not await self.find_public(name):
            await self.create_room(CreateRoom(kind=RoomKind.PUBLIC, name=name))
        room = await self.find_public(name)
        if room is None:
            raise RequestRejected(
                "not_found", f"There is no room {name!r}, though it was just created."
            )
        return await self.join(room.id)

    async def find_own_room(self, name: str) -> RoomOut | None:
        """A room of this name that the user is a member of and that is not archived."""
        wanted = normalized_name(name)
        async for room in self.rooms():
            if room.name is not None and normalized_name(room.name) == wanted and not room.archived:
                return room
        return None

    def members(self, room: UUID) -> AsyncIterator[MemberOut]:
        return self._pages(Page[MemberOut], f"/rooms/{room}/members")

    async def messages(self, room: UUID, **where: int) -> MessagePage:
        """At most `limit` messages `before`, `after` or `around` a seq; by default the newest."""
        return await self._call(MessagePage, "GET", f"/rooms/{room}/messages", params=where)

    async def events(self, room: UUID, after: int, until: int) -> EventPage:
        """Events after `after` up to `until`, without a gap; `next` is set if there are more."""
        where = {"after": after, "until": until, "limit": PAGE}
        return await self._call(EventPage, "GET", f"/rooms/{room}/events", params=where)

    async def _call(self, model: type[T], method: str, path: str, **content: Any) -> T:
        answer = await self._session.request(method, V1 + path, **content)
        return TypeAdapter(model).validate_json(answer)

    async def _pages(self, model: type[Page[T]], path: str, **where: str) -> AsyncIterator[T]:
        cursor: dict[str, str] = {}
        while True:
            params = {"limit": str(PAGE), **where, **cursor}
            page = await self._call(model, "GET", path, params=params)
            for item in page.items:
                yield item
            if page.next is None:
                return
            cursor = {"cursor": page.next}
