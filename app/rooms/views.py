"""From rows to wire shapes."""

from functools import lru_cache
from typing import Any
from uuid import UUID

from app.core.actor import Actor
from app.core.clock import now
from app.core.json_encoding import encode_json
from app.persistence.repositories.room_lists import RoomListRow
from app.persistence.tables import Room
from app.rooms.policy import Permissions
from app.rooms.service import MemberView, RoomView
from app.rooms.standing import Standing, shown_permissions
from app.users.views import user_out
from app.wire.domain import Permission
from app.wire.room_settings import parse_settings
from app.wire.schemas.rooms import MemberOut, RoomOut


def room_state(view: RoomView, *, is_server_admin: bool) -> dict[str, Any]:
    """The fields of `RoomState` that are not null."""
    state: dict[str, Any] = {
        "kind": view.kind,
        "name": view.name,
        "topic": view.topic,
        "archived": view.archived_at is not None,
        "seq": view.seq,
    }
    if view.name is None:
        del state["name"]
    if view.settings is not None:
        state["settings"] = _encodable_settings(view.settings)
    if pair := view.direct_key:
        state["users"] = [UUID(bytes=pair[:16]), UUID(bytes=pair[16:])]
    if isinstance(view, RoomListRow):
        return state | _membership(view, is_server_admin=is_server_admin)
    if is_server_admin and (permissions := _acting_permissions(view)):
        state["permissions"] = permissions
    return state


def _acting_permissions(room: Room) -> list[str]:
    """Of an administrator of the server who is no member."""
    standing = Standing(room.id, True, room.kind, None, None, None)
    return _names(shown_permissions(standing, archived=room.archived_at is not None))


@lru_cache(maxsize=1000)
def _encodable_settings(document: str) -> dict[str, Any]:
    """Shared, and not to be changed."""
    return parse_settings(document).model_dump()


@lru_cache(maxsize=10_000)
def _names(permissions: Permissions) -> list[str]:
    """In the order of their definition; shared, and not to be changed."""
    return [permission.value for permission in Permission if permission in permissions]


def _membership(row: RoomListRow, *, is_server_admin: bool) -> dict[str, Any]:
    until = row.timed_out_until
    if until is not None and until <= now():
        until = None
    standing = Standing(
        row.user, is_server_admin, row.kind, row.role, row.overrides, row.settings, until
    )
    permissions = shown_permissions(standing, archived=row.archived_at is not None)
    membership: dict[str, Any] = {
        "role": row.role,
        "permissions": _names(permissions),
        "read_seq": row.read_seq,
        "unread": row.unread,
        "mentions": row.mentions,
    }
    if until is not None:
        membership["timed_out_until"] = until
    if row.unread_threads:
        membership["unread_threads"] = row.unread_threads
    if row.last_seq is not None:
        membership["last_message"] = {
            "seq": row.last_seq,
            "sender": row.last_sender,
            "at": row.last_at,
            "text": row.last_text,
        }
    return membership


def encode_entry(row: RoomListRow, *, is_server_admin: bool) -> bytes:
    """The JSON of a `RoomEntry`, as the entry would be encoded, in a fifth of the time."""
    return encode_json(room_state(row, is_server_admin=is_server_admin) | {"room": row.id})


def room_out(view: RoomView, actor: Actor) -> RoomOut:
    state = room_state(view, is_server_admin=actor.is_admin)
    return RoomOut(id=view.id, created_at=view.created_at, **{"name": None} | state)


def member_out(view: MemberView) -> MemberOut:
    member, user, read_seq = view
    return MemberOut(
        user=user_out(user),
        role=member.role,
        joined_at=member.joined_at,
        read_seq=read_seq,
    )
