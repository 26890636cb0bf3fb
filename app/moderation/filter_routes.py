"""/rooms/{id}/filters and /filters."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Response

from app.http.audit import audited
from app.http.dependencies import ActorDep, ContextDep
from app.http.problems import problem_responses
from app.http.rates import HEAVY_WRITE, READ, WRITE
from app.http.strict_json import StrictRoute
from app.moderation import filters
from app.moderation.filter_views import rule_out, rules_out
from app.wire.audit import AuditAction
from app.wire.errors import ErrorCode
from app.wire.schemas.filters import CreateFilterRule, FilterRuleOut, FilterRules
from app.wire.validation import CanonicalUuid

router = APIRouter(tags=["moderation"], route_class=StrictRoute)

READ_ERRORS = problem_responses(ErrorCode.NOT_FOUND, ErrorCode.FORBIDDEN)
REMOVE_ERRORS = READ_ERRORS | problem_responses(ErrorCode.ROOM_ARCHIVED)
ADD_ERRORS = READ_ERRORS | problem_responses(ErrorCode.ROOM_ARCHIVED, ErrorCode.TOO_MANY)
RuleId = Annotated[CanonicalUuid, Path(description="The rule's id.")]


@router.get(
    "/rooms/{room_id}/filters",
    operation_id="list_room_filter_rules",
    summary="List rules of the filter of a room",
    responses=READ_ERRORS,
    dependencies=[Depends(READ)],
)
async def list_room_rules(
    room_id: CanonicalUuid, actor: ActorDep, context: ContextDep
) -> FilterRules:
    """For those who may delete messages of others. The filter does not apply to them."""
    return rules_out(await context.database.read(filters.list_room_rules, actor, room_id))


@router.post(
    "/rooms/{room_id}/filters",
    status_code=201,
    operation_id="add_room_filter_rule",
    summary="Add a rule to the filter of a room",
    responses=ADD_ERRORS,
    openapi_extra=audited(AuditAction.FILTER_RULE_ADDED),
    dependencies=[Depends(HEAVY_WRITE)],
)
async def add_room_rule(
    room_id: CanonicalUuid, body: CreateFilterRule, actor: ActorDep, context: ContextDep
) -> FilterRuleOut:
    """For those who may delete messages of others. It applies to what is sent and edited from now
    on, and replaces a rule with the same expression."""
    max_rules = context.settings.limits.max_filter_rules
    return rule_out(
        await context.database.transact(filters.add_room_rule, actor, room_id, body, max_rules)
    )


@router.delete(
    "/rooms/{room_id}/filters/{rule_id}",
    status_code=204,
    operation_id="remove_room_filter_rule",
    summary="Remove a rule from the filter of a room",
    responses=REMOVE_ERRORS,
    openapi_extra=audited(AuditAction.FILTER_RULE_REMOVED),
    dependencies=[Depends(WRITE)],
)
async def remove_room_rule(
    room_id: CanonicalUuid, rule_id: RuleId, actor: ActorDep, context: ContextDep
) -> Response:
    """For those who may delete messages of others."""
    await context.database.transact(filters.remove_room_rule, actor, room_id, rule_id)
    return Response(status_code=204)


@router.get(
    "/filters",
    operation_id="list_filter_rules",
    summary="List rules of the filter of the server",
    responses=problem_responses(ErrorCode.FORBIDDEN),
    dependencies=[Depends(READ)],
)
async def list_rules(actor: ActorDep, context: ContextDep) -> FilterRules:
    """For administrators of the server. The filter does not apply to them."""
    return rules_out(await context.database.read(filters.list_server_rules, actor))


@router.post(
    "/filters",
    status_code=201,
    operation_id="add_filter_rule",
    summary="Add a rule to the filter of the server",
    responses=problem_responses(ErrorCode.FORBIDDEN, ErrorCode.TOO_MANY),
    openapi_extra=audited(AuditAction.FILTER_RULE_ADDED),
    dependencies=[Depends(HEAVY_WRITE)],
)
async def add_rule(body: CreateFilterRule, actor: ActorDep, context: ContextDep) -> FilterRuleOut:
    """For administrators of the server. It applies in all rooms, also to moderators."""
    max_rules = context.settings.limits.max_filter_rules
    return rule_out(
        await context.database.transact(filters.add_server_rule, actor, body, max_rules)
    )


@router.delete(
    "/filters/{rule_id}",
    status_code=204,
    operation_id="remove_filter_rule",
    summary="Remove a rule from the filter of the server",
    responses=READ_ERRORS,
    openapi_extra=audited(AuditAction.FILTER_RULE_REMOVED),
    dependencies=[Depends(WRITE)],
)
async def remove_rule(rule_id: RuleId, actor: ActorDep, context: ContextDep) -> Response:
    """For administrators of the server."""
    await context.database.transact(filters.remove_server_rule, actor, rule_id)
    return Response(status_code=204)
