"""Use cases of filters: which words and patterns a room, or the whole server, refuses or reports.

The rules are a document of the room's row, which every send reads with it, as overrides of
permissions are (docs/adr/0031-overrides-are-a-document-of-the-room.md), or of the server's.
"""

from typing import NamedTuple
from uuid import UUID

from app.core.actor import Actor
from app.core.audit import AuditTarget, Values
from app.core.clock import now
from app.core.ids import new_id
from app.core.text_filter import (
    MAX_PATTERNS,
    FilterRule,
    PatternError,
    TextFilter,
    check_expression,
    parse_filter,
)
from app.persistence.tables import Room, ServerSettings
from app.persistence.uow import ReadSession, UnitOfWork
from app.rooms.access import (
    get_visible_room,
    lock_visible_room,
    require_not_archived,
    require_permission,
)
from app.wire.audit import AuditAction
from app.wire.domain import Permission
from app.wire.errors import Forbidden, Invalid, NotFound, QuotaExceeded
from app.wire.filters import FilterKind
from app.wire.schemas.filters import CreateFilterRule

NO_RULE = "There is no such rule."


class _Place(NamedTuple):
    """A locked row that has a filter."""

    row: Room | ServerSettings
    document: str | None  # as it is now
    target: AuditTarget


async def list_room_rules(reader: ReadSession, actor: Actor, room_id: UUID) -> TextFilter:
    """Raises NotFound, Forbidden."""
    room, member = await get_visible_room(reader, actor, room_id)
    require_permission(Permission.MODERATE, room, member, actor)
    return parse_filter(await reader.rooms.filter_document(room.id))


async def list_server_rules(reader: ReadSession, actor: Actor) -> TextFilter:
    """Raises Forbidden."""
    _require_admin(actor)
    settings = await reader.server_settings.get()
    return parse_filter(settings.filters if settings else None)


async def add_room_rule(
    uow: UnitOfWork, actor: Actor, room_id: UUID, spec: CreateFilterRule, max_rules: int
) -> FilterRule:
    """In place of one with the same expression. Raises NotFound, Forbidden, RoomArchived, Invalid,
    QuotaExceeded."""
    place = await _lock_room(uow, actor, room_id)
    return _add(uow, actor, place, spec, max_rules)


async def add_server_rule(
    uow: UnitOfWork, actor: Actor, spec: CreateFilterRule, max_rules: int
) -> FilterRule:
    """Like `add_room_rule`."""
    _require_admin(actor)
    return _add(uow, actor, await _lock_server(uow), spec, max_rules)


async def remove_room_rule(uow: UnitOfWork, actor: Actor, room_id: UUID, id_: UUID) -> None:
    """Raises NotFound, Forbidden, RoomArchived."""
    _remove(uow, actor, await _lock_room(uow, actor, room_id), id_)


async def remove_server_rule(uow: UnitOfWork, actor: Actor, id_: UUID) -> None:
    """Raises NotFound, Forbidden."""
    _require_admin(actor)
    _remove(uow, actor, await _lock_server(uow), id_)


async def _lock_room(uow: UnitOfWork, actor: Actor, room_id: UUID) -> _Place:
    room, member = await lock_visible_room(uow, actor, room_id)
    require_permission(Permission.MODERATE, room, member, actor)
    require_not_archived(room)
    return _Place(room, await uow.rooms.filter_document(room_id), AuditTarget(room_id))


async def _lock_server(uow: UnitOfWork) -> _Place:
    settings = await uow.server_settings.lock()
    return _Place(settings, settings.filters, AuditTarget())


def _require_admin(actor: Actor) -> None:
    if not actor.is_admin:
        raise Forbidden("Only administrators of the server may see and change its filter.")


def _add(
    uow: UnitOfWork, actor: Actor, place: _Place, spec: CreateFilterRule, max_rules: int
) -> FilterRule:
    try:
        check_expression(spec.kind, spec.expression)
    except PatternError as error:
        raise Invalid(
            f"`expression` {error}.", [{"path": "expression", "message": str(error)}]
        ) from None
    rule = FilterRule(
        new_id(), spec.kind, spec.expression, spec.action, spec.note, actor.user, now()
    )
    kept = [
        present
        for present in parse_filter(place.document).rules
        if (present.kind, present.expression) != (rule.kind, rule.expression)
    ]
    _check_number([*kept, rule], max_rules)
    place.row.filters = TextFilter([*kept, rule]).encode()
    after = _describe(rule)
    uow.audit_log.record(actor.user, AuditAction.FILTER_RULE_ADDED, place.target, after=after)
    return rule


def _remove(uow: UnitOfWork, actor: Actor, place: _Place, id_: UUID) -> None:
    rules = parse_filter(place.document).rules
    removed = next((rule for rule in rules if rule.id == id_), None)
    if removed is None:
        raise NotFound(NO_RULE)
    place.row.filters = TextFilter([rule for rule in rules if rule is not removed]).encode()
    before = _describe(removed)
    uow.audit_log.record(actor.user, AuditAction.FILTER_RULE_REMOVED, place.target, before=before)


def _check_number(rules: list[FilterRule], max_rules: int) -> None:
    """Raises QuotaExceeded."""
    if len(rules) > max_rules:
        raise QuotaExceeded(f"A filter has at most {max_rules} rules. Remove one first.")
    if sum(rule.kind is FilterKind.PATTERN for rule in rules) > MAX_PATTERNS:
        raise QuotaExceeded(
            f"A filter has at most {MAX_PATTERNS} patterns. Combine some: (one|another)."
        )


def _describe(rule: FilterRule) -> Values:
    return {
        "rule": rule.id,
        "kind": rule.kind,
        "expression": rule.expression,
        "action": rule.action,
        "note": rule.note,
    }
