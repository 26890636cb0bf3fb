"""Polls: /rooms/{room_id}/messages/{seq}/vote, /votes and /poll; and forwarding."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response

from app.core.forward_content import ForwardContent
from app.core.paging import decode_cursor, encode_cursor, split_page
from app.http.audit import audited
from app.http.dependencies import ActorDep, ContextDep, Cursor, Limit100
from app.http.problems import problem_responses
from app.http.rates import READ, SEND
from app.http.strict_json import StrictRoute
from app.messages import polls
from app.messages.change_routes import LIMITED_ERRORS, READ_ERRORS, WRITE_ERRORS, MessageSeq
from app.messages.routes import DUPLICATE_RESPONSE
from app.messages.send.submit import submit_forward
from app.persistence.repositories.polls import Vote
from app.wire.audit import AuditAction
from app.wire.content import MAX_OPTIONS
from app.wire.errors import ErrorCode, Invalid
from app.wire.events import Message
from app.wire.schemas.messages import (
    AddOption,
    ForwardMessage,
    OptionNumber,
    SetVote,
    VoteOut,
    VoteResult,
)
from app.wire.schemas.pages import Page
from app.wire.validation import CanonicalUuid

router = APIRouter(
    prefix="/rooms/{room_id}/messages/{seq}", tags=["messages"], route_class=StrictRoute
)


@router.post(
    "/forward",
    status_code=201,
    operation_id="forward_message",
    summary="Forward a message",
    responses=DUPLICATE_RESPONSE | WRITE_ERRORS | problem_responses(ErrorCode.NONCE_CONFLICT),
    dependencies=[Depends(SEND)],
)
async def forward(
    room_id: CanonicalUuid,
    seq: MessageSeq,
    body: ForwardMessage,
    actor: ActorDep,
    context: ContextDep,
    response: Response,
) -> Message:
    """Send a copy of a message into another room. Later edits and deletions of the message do not
    change the copy. 201 means that it is committed; the same nonce again is a 200."""
    content = ForwardContent(text=body.text or "", source_room=room_id, source_seq=seq)
    message, duplicate = await submit_forward(context, actor, body.to, body.nonce, content)
    if duplicate:
        response.status_code = 200
    return message


@router.put(
    "/vote",
    operation_id="vote",
    summary="Vote in a poll",
    responses=WRITE_ERRORS,
    dependencies=[Depends(SEND)],
)
async def vote(
    room_id: CanonicalUuid, seq: MessageSeq, body: SetVote, actor: ActorDep, context: ContextDep
) -> VoteResult:
    """Vote for these options, and for no others. A closed poll is `forbidden`."""
    message = await context.database.transact(polls.vote, actor, room_id, seq, body.options)
    return VoteResult(message=message, options=sorted(set(body.options)))


@router.get(
    "/votes",
    operation_id="list_votes",
    summary="List votes in a poll",
    responses=READ_ERRORS,
    dependencies=[Depends(READ)],
)
async def list_votes(
    room_id: CanonicalUuid,
    seq: MessageSeq,
    actor: ActorDep,
    context: ContextDep,
    limit: Limit100,
    cursor: Cursor = None,
    option: Annotated[
        OptionNumber | None, Query(description="The `number` of an option. Absent: all options.")
    ] = None,
) -> Page[VoteOut]:
    """Who has voted for what, by option. An anonymous poll is `forbidden`."""
    after = _vote_cursor(decode_cursor(cursor))
    rows = await context.database.read(
        polls.list_votes, actor, room_id, seq, option, after, limit + 1
    )
    votes, more = split_page(rows, limit)
    return Page(
        items=[VoteOut(option=number, user=user) for number, user in votes],
        next=encode_cursor(f"{votes[-1][1]}{votes[-1][0]}") if more else None,
    )


@router.post(
    "/poll/options",
    operation_id="add_poll_option",
    summary="Add an option to a poll",
    responses=LIMITED_ERRORS,
    dependencies=[Depends(SEND)],
)
async def add_option(
    room_id: CanonicalUuid, seq: MessageSeq, body: AddOption, actor: ActorDep, context: ContextDep
) -> Message:
    """Add an option to a poll that allows it. Adding one that is there changes nothing."""
    max_options = context.settings.limits.max_poll_options
    return await context.database.transact(
        polls.add_option, actor, room_id, seq, body.text, max_options
    )


@router.post(
    "/poll/close",
    operation_id="close_poll",
    summary="Close a poll",
    responses=WRITE_ERRORS,
    openapi_extra=audited(AuditAction.POLL_CLOSED),
    dependencies=[Depends(SEND)],
)
async def close(
    room_id: CanonicalUuid, seq: MessageSeq, actor: ActorDep, context: ContextDep
) -> Message:
    """Close an own poll, or as a moderator that of somebody else. It takes no votes any more."""
    return await context.database.transact(polls.close_poll, actor, room_id, seq)


def _vote_cursor(key: str | None) -> Vote | None:
    if key is None:
        return None
    try:
        option, user = int(key[36:]), UUID(key[:36])
        if 0 < option <= MAX_OPTIONS:
            return option, user
    except ValueError:
        pass
    raise Invalid("`cursor` is not one that this server gave. Start without it.")
