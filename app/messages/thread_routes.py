"""Threads: /rooms/{id}/threads and /users/me/threads."""

from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Response

from app.core.paging import (
    decode_cursor,
    decode_seq_cursor,
    encode_cursor,
    parse_seq,
    split_page,
    wrong_cursor,
)
from app.http.audit import audited
from app.http.conditional import CONDITIONAL_RESPONSES, IfNoneMatch, conditional_response
from app.http.dependencies import ActorDep, ContextDep, Cursor, Limit50, Seq
from app.http.problems import problem_responses
from app.http.rates import LIGHT_WRITE, READ, SEARCH, WRITE
from app.http.strict_json import StrictRoute
from app.messages import pages, thread_locks, threads
from app.messages.pages import PagePosition
from app.messages.routes import After, Around, Before
from app.persistence.repositories.threads import ThreadPosition, ThreadView
from app.wire.audit import AuditAction
from app.wire.errors import ErrorCode
from app.wire.events import Message
from app.wire.schemas.messages import MessagePage
from app.wire.schemas.pages import Page
from app.wire.schemas.threads import SetThreadRead, ThreadOut, ThreadRoots
from app.wire.validation import CanonicalUuid

router = APIRouter(tags=["threads"], route_class=StrictRoute)

ERRORS = problem_responses(ErrorCode.NOT_FOUND, ErrorCode.FORBIDDEN)
LOCK_ERRORS = ERRORS | problem_responses(ErrorCode.ROOM_ARCHIVED)
RootSeq = Annotated[Seq, Path(description="`seq` of the message whose thread it is.")]


@router.get(
    "/rooms/{room_id}/threads",
    operation_id="list_threads",
    summary="List threads of a room",
    responses=ERRORS,
    dependencies=[Depends(READ)],
)
async def list_threads(
    room_id: CanonicalUuid,
    actor: ActorDep,
    context: ContextDep,
    limit: Limit50,
    cursor: Cursor = None,
) -> ThreadRoots:
    """The messages of a room that have replies in their threads, those with the newest replies
    first."""
    before = decode_seq_cursor(cursor)
    roots, more = split_page(
        await context.database.read(threads.list_threads, actor, room_id, before, limit + 1), limit
    )
    last = roots[-1].thread_summary if more else None
    return ThreadRoots(items=roots, next=encode_cursor(str(last.last_seq)) if last else None)


@router.get(
    "/rooms/{room_id}/threads/{seq}",
    operation_id="get_thread",
    summary="Get a thread",
    responses=ERRORS,
    dependencies=[Depends(READ)],
)
async def get(
    room_id: CanonicalUuid, seq: RootSeq, actor: ActorDep, context: ContextDep
) -> ThreadOut:
    """The thread of a message, and what the caller has not read in it. Every message has one that
    is not a reply in a thread itself."""
    return _thread_out(await context.database.read(threads.get_thread, actor, room_id, seq))


@router.get(
    "/rooms/{room_id}/threads/{seq}/messages",
    operation_id="list_thread_messages",
    summary="List replies in a thread",
    response_model=MessagePage,
    responses=ERRORS | CONDITIONAL_RESPONSES,
    dependencies=[Depends(READ)],
)
async def page(
    room_id: CanonicalUuid,
    seq: RootSeq,
    actor: ActorDep,
    context: ContextDep,
    limit: Limit50,
    before: Before = None,
    after: After = None,
    around: Around = None,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """A page of the replies in a thread by `seq`, without its root: the newest, or those before,
    after or around one."""
    window = await context.database.read_directly(
        pages.get_thread_page, actor.user, room_id, seq, PagePosition(before, after, around), limit
    )
    return conditional_response(pages.encode_messages(window), if_none_match)


@router.put(
    "/rooms/{room_id}/threads/{seq}/follow",
    operation_id="follow_thread",
    summary="Follow a thread",
    responses=ERRORS,
    dependencies=[Depends(WRITE)],
)
async def follow(
    room_id: CanonicalUuid, seq: RootSeq, actor: ActorDep, context: ContextDep
) -> ThreadOut:
    """Follow a thread; its replies so far count as read. Following it again changes nothing."""
    view = await context.database.transact(
        threads.follow_thread, actor, room_id, seq, following=True
    )
    return _thread_out(view)


@router.delete(
    "/rooms/{room_id}/threads/{seq}/follow",
    operation_id="unfollow_thread",
    summary="Stop following a thread",
    responses=ERRORS,
    dependencies=[Depends(WRITE)],
)
async def unfollow(
    room_id: CanonicalUuid, seq: RootSeq, actor: ActorDep, context: ContextDep
) -> ThreadOut:
    """Do not follow a thread, also if somebody mentions the caller in it or the caller replies."""
    view = await context.database.transact(
        threads.follow_thread, actor, room_id, seq, following=False
    )
    return _thread_out(view)


@router.put(
    "/rooms/{room_id}/threads/{seq}/read",
    operation_id="mark_thread_read",
    summary="Move the caller's marker in a thread",
    responses=ERRORS,
    dependencies=[Depends(LIGHT_WRITE)],
)
async def mark_read(
    room_id: CanonicalUuid,
    seq: RootSeq,
    body: SetThreadRead,
    actor: ActorDep,
    context: ContextDep,
) -> ThreadOut:
    """Move the caller's marker in a thread that the caller follows; a lower `seq` changes
    nothing."""
    view = await context.database.transact(threads.mark_thread_read, actor, room_id, seq, body.seq)
    return _thread_out(view)


@router.get(
    "/users/me/threads",
    operation_id="list_my_threads",
    summary="List threads that the caller follows",
    dependencies=[Depends(SEARCH)],
)
async def list_followed(
    actor: ActorDep, context: ContextDep, limit: Limit50, cursor: Cursor = None
) -> Page[ThreadOut]:
    """The threads with replies that the caller follows, in all of the caller's rooms, those with
    the newest replies first."""
    after = _position_cursor(decode_cursor(cursor))
    views, more = split_page(
        await context.database.read(threads.list_followed_threads, actor, after, limit + 1), limit
    )
    return Page(items=list(map(_thread_out, views)), next=_next_cursor(views[-1]) if more else None)


def _thread_out(view: ThreadView) -> ThreadOut:
    return ThreadOut(
        room=view.room,
        root=view.root,
        following=bool(view.is_following),
        read_seq=view.read_seq,
        unread=view.unread,
        mentions=view.mentions,
    )


def _next_cursor(view: ThreadView) -> str | None:
    summary = view.root.thread_summary
    if summary is None:
        return None
    return encode_cursor(f"{summary.last_at.isoformat()} {view.room} {view.root.seq}")


def _position_cursor(key: str | None) -> ThreadPosition | None:
    if key is None:
        return None
    try:
        at, room, root = key.split(" ")
        return ThreadPosition(
            datetime.fromisoformat(at).astimezone(UTC), UUID(room), parse_seq(root)
        )
    except (ValueError, OverflowError) as error:
        raise wrong_cursor() from error


@router.put(
    "/rooms/{room_id}/threads/{seq}/lock",
    operation_id="lock_thread",
    summary="Lock a thread",
    responses=LOCK_ERRORS,
    openapi_extra=audited(AuditAction.THREAD_LOCKED),
    dependencies=[Depends(WRITE)],
)
async def lock(
    room_id: CanonicalUuid, seq: RootSeq, actor: ActorDep, context: ContextDep
) -> Message:
    """Only those who may delete messages of others reply in it from now on."""
    return await context.database.transact(
        thread_locks.set_thread_lock, actor, room_id, seq, locked=True
    )


@router.delete(
    "/rooms/{room_id}/threads/{seq}/lock",
    operation_id="unlock_thread",
    summary="Unlock a thread",
    responses=LOCK_ERRORS,
    openapi_extra=audited(AuditAction.THREAD_UNLOCKED),
    dependencies=[Depends(WRITE)],
)
async def unlock(
    room_id: CanonicalUuid, seq: RootSeq, actor: ActorDep, context: ContextDep
) -> Message:
    """Members with the permission `send_in_threads` may reply in it again."""
    return await context.database.transact(
        thread_locks.set_thread_lock, actor, room_id, seq, locked=False
    )
