"""What is done with a message after it was sent: /rooms/{room_id}/messages/{seq}, and pins."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path

from app.core.message_commands import EditRequest
from app.core.paging import (
    decode_cursor,
    decode_seq_cursor,
    encode_cursor,
    split_page,
    wrong_cursor,
)
from app.http.audit import audited
from app.http.dependencies import ActorDep, ContextDep, Cursor, Limit50, Limit100, Seq
from app.http.problems import problem_responses
from app.http.rates import READ, SEND, WRITE
from app.http.strict_json import StrictRoute
from app.messages import deletion, pins, versions
from app.messages.send.submit import submit_edit, submit_reaction
from app.persistence.uow import ReadSession
from app.rooms.access import get_member_room
from app.wire.audit import AuditAction
from app.wire.errors import ErrorCode
from app.wire.events import Message
from app.wire.schemas.messages import (
    DeletedMessages,
    DeleteMessages,
    EditMessage,
    MessageVersions,
    PinnedMessages,
    ReactionOut,
)
from app.wire.schemas.pages import Page
from app.wire.validation import CanonicalUuid, EmojiText

router = APIRouter(prefix="/rooms/{room_id}", tags=["messages"], route_class=StrictRoute)

READ_ERRORS = problem_responses(ErrorCode.NOT_FOUND, ErrorCode.FORBIDDEN)
WRITE_ERRORS = READ_ERRORS | problem_responses(ErrorCode.ROOM_ARCHIVED)
LIMITED_ERRORS = WRITE_ERRORS | problem_responses(ErrorCode.TOO_MANY)
MessageSeq = Annotated[Seq, Path(description="`seq` of the message.")]
Emoji = Annotated[EmojiText, Path(description="One emoji of Unicode's RGI set, URL-encoded.")]


@router.patch(
    "/messages/{seq}",
    operation_id="edit_message",
    summary="Edit a message",
    responses=LIMITED_ERRORS | problem_responses(ErrorCode.VERSION_CONFLICT),
    dependencies=[Depends(SEND)],
)
async def edit(
    room_id: CanonicalUuid,
    seq: MessageSeq,
    body: EditMessage,
    actor: ActorDep,
    context: ContextDep,
) -> Message:
    """Change the text of an own message. If it has another version by now, nothing is changed."""
    return await submit_edit(context, EditRequest(actor, room_id, seq, body.text, body.version))


@router.delete(
    "/messages/{seq}",
    operation_id="delete_message",
    summary="Delete a message",
    responses=WRITE_ERRORS,
    openapi_extra=audited(AuditAction.MESSAGES_DELETED),
    dependencies=[Depends(WRITE)],
)
async def delete(
    room_id: CanonicalUuid, seq: MessageSeq, actor: ActorDep, context: ContextDep
) -> Message:
    """Delete an own message, or as a moderator that of somebody else. What is left says who sent
    it, who deleted it, and when."""
    return await context.database.transact(deletion.delete_message, actor, room_id, seq)


@router.post(
    "/deletions",
    operation_id="delete_messages",
    summary="Delete many messages",
    responses=WRITE_ERRORS,
    openapi_extra=audited(AuditAction.MESSAGES_DELETED),
    dependencies=[Depends(WRITE)],
)
async def delete_many(
    room_id: CanonicalUuid, body: DeleteMessages, actor: ActorDep, context: ContextDep
) -> DeletedMessages:
    """Delete these messages, all or none; or the newest ones of a sender since a time, as many as
    one request may."""
    if body.seqs is not None:
        messages = await context.database.transact(
            deletion.delete_messages, actor, room_id, body.seqs
        )
        return DeletedMessages(count=len(messages), more=False)
    assert body.sender is not None
    assert body.since is not None
    count, more = await context.database.transact(
        deletion.delete_by_sender,
        actor,
        room_id,
        body.sender,
        body.since,
        context.settings.limits.max_bulk_deletions,
    )
    return DeletedMessages(count=count, more=more)


@router.get(
    "/messages/{seq}/versions",
    operation_id="list_message_versions",
    summary="List what a message said before",
    responses=READ_ERRORS,
    dependencies=[Depends(READ)],
)
async def list_versions(
    room_id: CanonicalUuid, seq: MessageSeq, actor: ActorDep, context: ContextDep
) -> MessageVersions:
    """All versions of a message. A setting of the room says who may read them."""
    return MessageVersions(
        items=await context.database.read(versions.list_versions, actor, room_id, seq)
    )


@router.put(
    "/messages/{seq}/reactions/{emoji}",
    operation_id="add_reaction",
    summary="React to a message",
    responses=LIMITED_ERRORS,
    dependencies=[Depends(SEND)],
)
async def add_reaction(
    room_id: CanonicalUuid, seq: MessageSeq, emoji: Emoji, actor: ActorDep, context: ContextDep
) -> Message:
    """React to a message. Adding a reaction again changes nothing."""
    return await submit_reaction(context, actor, room_id, seq, emoji, present=True)


@router.delete(
    "/messages/{seq}/reactions/{emoji}",
    operation_id="remove_reaction",
    summary="Take a reaction back",
    responses=WRITE_ERRORS,
    dependencies=[Depends(SEND)],
)
async def remove_reaction(
    room_id: CanonicalUuid, seq: MessageSeq, emoji: Emoji, actor: ActorDep, context: ContextDep
) -> Message:
    """Take an own reaction back. Removing one that is not there changes nothing."""
    return await submit_reaction(context, actor, room_id, seq, emoji, present=False)


@router.get(
    "/messages/{seq}/reactions",
    operation_id="list_reactions",
    summary="List reactions to a message",
    responses=READ_ERRORS,
    dependencies=[Depends(READ)],
)
async def list_reactions(
    room_id: CanonicalUuid,
    seq: MessageSeq,
    actor: ActorDep,
    context: ContextDep,
    limit: Limit100,
    cursor: Cursor = None,
) -> Page[ReactionOut]:
    """Who has reacted to a message, by emoji."""

    async def read(reader: ReadSession) -> list[tuple[str, UUID]]:
        await get_member_room(reader, actor, room_id)
        return await reader.messages.list_reactions(room_id, seq, actor.user, after, limit + 1)

    after = _reaction_cursor(decode_cursor(cursor))
    rows, more = split_page(await context.database.read(read), limit)
    return Page(
        items=[ReactionOut(emoji=emoji, user=user) for emoji, user in rows],
        next=encode_cursor(f"{rows[-1][1]}{rows[-1][0]}") if more else None,
    )


@router.put(
    "/messages/{seq}/pin",
    operation_id="pin_message",
    summary="Pin a message",
    responses=LIMITED_ERRORS,
    openapi_extra=audited(AuditAction.MESSAGE_PINNED),
    dependencies=[Depends(WRITE)],
)
async def pin(
    room_id: CanonicalUuid, seq: MessageSeq, actor: ActorDep, context: ContextDep
) -> Message:
    """Pin a message in its room. Pinning it again changes nothing."""
    max_pins = context.settings.limits.max_pins
    return await context.database.transact(pins.pin_message, actor, room_id, seq, max_pins)


@router.delete(
    "/messages/{seq}/pin",
    operation_id="unpin_message",
    summary="Unpin a message",
    responses=WRITE_ERRORS,
    openapi_extra=audited(AuditAction.MESSAGE_UNPINNED),
    dependencies=[Depends(WRITE)],
)
async def unpin(
    room_id: CanonicalUuid, seq: MessageSeq, actor: ActorDep, context: ContextDep
) -> Message:
    """Unpin a message. Unpinning one that is not pinned changes nothing."""
    return await context.database.transact(pins.unpin_message, actor, room_id, seq)


@router.get(
    "/pins",
    operation_id="list_pins",
    summary="List pinned messages",
    responses=READ_ERRORS,
    dependencies=[Depends(READ)],
)
async def list_pins(
    room_id: CanonicalUuid,
    actor: ActorDep,
    context: ContextDep,
    limit: Limit50,
    cursor: Cursor = None,
) -> PinnedMessages:
    """The pinned messages of a room, the newest first."""

    async def read(reader: ReadSession) -> list[Message]:
        await get_member_room(reader, actor, room_id)
        return await reader.messages.list_pinned(room_id, actor.user, before, limit + 1)

    before = decode_seq_cursor(cursor)
    messages, more = split_page(await context.database.read(read), limit)
    return PinnedMessages(
        items=messages, next=encode_cursor(str(messages[-1].seq)) if more else None
    )


def _reaction_cursor(key: str | None) -> tuple[str, UUID] | None:
    if key is None:
        return None
    try:
        return key[36:], UUID(key[:36])
    except ValueError as error:
        raise wrong_cursor() from error
