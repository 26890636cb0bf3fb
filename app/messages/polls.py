"""Use cases of polls: vote, add an option, close, and who has voted.

Votes are counted in the message, under the lock of its room. No event of an anonymous poll names
the user who has voted.
"""

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from app.core.actor import Actor
from app.core.audit import AuditTarget
from app.core.clock import now
from app.core.text_filter import FilterBudget
from app.messages import poll_rules
from app.messages.send.change_rules import DELETED, NO_MESSAGE
from app.messages.send.filtering import check_texts, filter_report
from app.persistence.repositories.filters import FilterDocuments
from app.persistence.repositories.polls import Vote
from app.persistence.repositories.rooms import LockedRoom
from app.persistence.tables import Member
from app.persistence.uow import ReadSession, UnitOfWork
from app.rooms.access import (
    find_standing,
    get_member_room,
    lock_member_room,
    require_not_archived,
    require_permission,
)
from app.wire.audit import AuditAction
from app.wire.domain import Permission
from app.wire.errors import Forbidden, NotFound
from app.wire.events import Message, PollUpdated
from app.wire.polls import Poll

NO_POLL = "The message is no poll."


class _LockedPoll(NamedTuple):
    room: LockedRoom
    member: Member
    message: Message
    poll: Poll


async def vote(
    uow: UnitOfWork, actor: Actor, room_id: UUID, seq: int, options: Sequence[int]
) -> Message:
    """The actor has voted for exactly these options afterwards; for none: the vote is withdrawn.
    Voting the same again changes nothing. Raises NotFound, Forbidden, Invalid."""
    locked = await _lock_poll(uow, actor, room_id, seq)
    require_permission(Permission.REACT, locked.room, locked.member, actor)
    after = set(options)
    poll_rules.check_vote(locked.poll, after)
    before = await uow.polls.list_options(room_id, seq, actor.user)
    if after == before:
        return locked.message
    await uow.polls.replace_votes(room_id, seq, actor.user, before - after, sorted(after - before))
    shown_actor = locked.message.sender if locked.poll.anonymous else actor.user
    poll = poll_rules.count_vote(locked.poll, actor.user, before, after)
    return await _update(uow, locked, poll, shown_actor)


async def add_option(
    uow: UnitOfWork, actor: Actor, room_id: UUID, seq: int, text: str, max_options: int
) -> Message:
    """An option that is there stays as it is. Raises NotFound, Forbidden, QuotaExceeded."""
    locked = await _lock_poll(uow, actor, room_id, seq)
    require_permission(Permission.REACT, locked.room, locked.member, actor)
    poll = poll_rules.add_option(locked.poll, text, max_options)
    if poll is not locked.poll:
        await _filter(uow, actor, locked, text)
    return await _update(uow, locked, poll, actor.user)


async def close_poll(uow: UnitOfWork, actor: Actor, room_id: UUID, seq: int) -> Message:
    """A poll that is closed stays as it is. Raises NotFound, Forbidden."""
    locked = await _lock_poll(uow, actor, room_id, seq)
    if locked.message.sender != actor.user:
        require_permission(Permission.MODERATE, locked.room, locked.member, actor)
    poll = poll_rules.close(locked.poll, now())
    if poll is not locked.poll and locked.message.sender != actor.user:
        target = AuditTarget(room_id, locked.message.sender, seq)
        uow.audit_log.record(actor.user, AuditAction.POLL_CLOSED, target)
    return await _update(uow, locked, poll, actor.user)


async def list_votes(
    reader: ReadSession,
    actor: Actor,
    room_id: UUID,
    seq: int,
    option: int | None,
    after: Vote | None,
    limit: int,
) -> list[Vote]:
    """By option and user. Raises NotFound, Forbidden."""
    await get_member_room(reader, actor, room_id)
    message = await reader.messages.get(room_id, seq, actor.user)
    if _poll(message).anonymous:
        raise Forbidden("The poll is anonymous.")
    return await reader.polls.list_votes(room_id, seq, actor.user, option, after, limit)


async def _lock_poll(uow: UnitOfWork, actor: Actor, room_id: UUID, seq: int) -> _LockedPoll:
    room, member = await lock_member_room(uow, actor, room_id)
    require_not_archived(room)
    message = await uow.messages.get(room_id, seq, actor.user)
    poll = _poll(message)
    assert message is not None
    return _LockedPoll(room, member, message, poll)


def _poll(message: Message | None) -> Poll:
    """Raises NotFound."""
    if message is None:
        raise NotFound(NO_MESSAGE)
    if message.deletion:
        raise NotFound(DELETED)
    if message.poll is None:
        raise NotFound(NO_POLL)
    return message.poll


async def _filter(uow: UnitOfWork, actor: Actor, locked: _LockedPoll, text: str) -> None:
    """Raises Filtered. The report of a rule has the option instead of the question."""
    server = await uow.server_settings.get()
    room_filters = await uow.rooms.filter_document(locked.room.id)
    documents = FilterDocuments(room_filters, server.filters if server else None)
    standing = find_standing(locked.room, locked.member, actor)
    if rule := check_texts(documents, standing, [text], FilterBudget()):
        option = locked.message.model_copy(update={"text": text, "sender": actor.user})
        await uow.message_batch.add_reports([filter_report(locked.room.id, option, rule, now())])


async def _update(uow: UnitOfWork, locked: _LockedPoll, poll: Poll, shown_actor: UUID) -> Message:
    """Store and announce the poll, unless it is the same object."""
    room, message = locked.room, locked.message
    if poll is locked.poll:
        return message
    updated = message.model_copy(update={"poll": poll})
    has_new_option = len(poll.options) > len(locked.poll.options)
    await uow.messages.update(room.id, [updated], reindexed=has_new_option)
    uow.append_event(
        room,
        lambda event_seq: PollUpdated(
            room=room.id, seq=event_seq, actor=shown_actor, at=now(), message=updated
        ),
    )
    return updated
