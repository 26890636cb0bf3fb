"""/health: for load balancers and supervisors."""

from typing import Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel

from app.http.dependencies import ContextDep
from app.ops.service import MIGRATE_COMMAND, DatabaseState, check_database
from app.persistence.migrations import SchemaStatus
from app.wire.content import optional_field
from app.wire.validation import ResponseModel

router = APIRouter(prefix="/health", tags=["operations"])

DATABASE_TIMEOUT_S = 2.0


class Live(ResponseModel):
    """The process answers."""

    status: Literal["ok"] = "ok"


class Ready(BaseModel):
    """`ready` is false, and the status 503, when new clients should go elsewhere: the process is
    being stopped (`draining`), or the database is `unreachable`, `refuses changes` (it is
    read-only, or has no space) or its schema is too old."""

    ready: bool
    draining: bool
    database: DatabaseState
    bus: Literal["ok", "degraded"]
    hint: str | None = optional_field("A command that solves it.")


@router.get(
    "/live",
    operation_id="check_liveness",
    summary="Check that the process runs",
    response_description="It does.",
)
async def live() -> Live:
    """The process runs and its event loop turns."""
    return Live()


@router.get(
    "/ready",
    operation_id="check_readiness",
    summary="Check that the process can serve",
    response_description="Ready.",
    responses={503: {"model": Ready, "description": "Not ready."}},
)
async def ready(context: ContextDep, response: Response) -> Ready:
    """The database answers, and its schema is this program's, one step older, or newer. A bus that
    is down makes delivery slower, not wrong, so it is shown but does not count."""
    draining = context.draining.is_set()
    database = await check_database(context.database, DATABASE_TIMEOUT_S)
    is_ready = not draining and database not in (
        SchemaStatus.TOO_OLD,
        "unreachable",
        "refuses changes",
    )
    if not is_ready:
        response.status_code = 503
    return Ready(
        ready=is_ready,
        draining=draining,
        database=database,
        bus="ok" if context.bus.healthy else "degraded",
        hint=MIGRATE_COMMAND if database in (SchemaStatus.BEHIND, SchemaStatus.TOO_OLD) else None,
    )
