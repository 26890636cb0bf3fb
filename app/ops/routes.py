"""/health: for load balancers and supervisors."""

from typing import Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel

from app.ops.service import DatabaseState, check_database
from app.web.deps import ContextDep

router = APIRouter(prefix="/health", tags=["operations"])

READY_WITHIN_S = 2.0


class Live(BaseModel):
    status: Literal["ok"] = "ok"


class Ready(BaseModel):
    """`ready` is false, and the status 503, when new clients should go elsewhere."""

    ready: bool
    database: DatabaseState
    bus: Literal["ok", "degraded"]


@router.get("/live", response_description="It does.")
async def live() -> Live:
    """The process runs and its event loop turns."""
    return Live()


@router.get(
    "/ready",
    response_description="Ready.",
    responses={503: {"model": Ready, "description": "Not ready."}},
)
async def ready(context: ContextDep, response: Response) -> Ready:
    """The database answers and has all migrations. A bus that is down makes delivery slower, not
    wrong, so it is shown but does not count."""
    database = await check_database(context.database, READY_WITHIN_S)
    if database != "ok":
        response.status_code = 503
    return Ready(
        ready=database == "ok", database=database, bus="ok" if context.bus.healthy else "degraded"
    )
