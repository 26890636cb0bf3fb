"""From rows to wire shapes."""

from typing import Any
from uuid import UUID

from app.persistence.tables import Member, User
from app.rooms.service import RoomView
from app.wire.schemas.rooms import MemberOut, RoomOut
from app.wire.schemas.users import UserOut


def room_state(view: RoomView) -> dict[str, Any]:
    """The fields of `RoomState`."""
    room, member, badge = view
    pair = room.direct_key
    return {
        "kind": room.kind,
        "name": room.name,
        "topic": room.topic,
        "archived": room.archived_at is not None,
        "seq": room.seq,
        "users": [UUID(bytes=pair[:16]), UUID(bytes=pair[16:])] if pair else None,
        "role": member.role if member else None,
        "read_seq": badge.read_seq if badge else None,
        "unread": badge.unread if badge else None,
        "mentions": badge.mentions if badge else None,
    }


def room_out(view: RoomView) -> RoomOut:
    return RoomOut(id=view.room.id, created_at=view.room.created_at, **room_state(view))


def member_out(member: Member, user: User) -> MemberOut:
    return MemberOut(
        user=UserOut.model_validate(user, from_attributes=True),
        role=member.role,
        joined_at=member.joined_at,
        read_seq=member.read_seq,
    )
