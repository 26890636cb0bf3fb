"""From rows to wire shapes of invite links."""

from app.persistence.room_tables import RoomInvite
from app.rooms.invites import Preview
from app.wire.schemas.invites import InviteOut, InvitePreview


def invite_out(invite: RoomInvite) -> InviteOut:
    return InviteOut.model_validate(invite, from_attributes=True)


def preview_out(preview: Preview) -> InvitePreview:
    invite, room, members, joined = preview
    return InvitePreview(
        room=room.id,
        kind=room.kind,
        name=room.name,
        topic=room.topic,
        members=members,
        role=invite.role,
        joined=joined,
    )
