"""/server and /setup."""

import asyncio

from fastapi import APIRouter, Depends, Request

from app.application.app_context import AppContext
from app.core.password_policy import check_password
from app.core.rate_limit import PolicyName, address_key
from app.core.setup_code import is_setup_code
from app.http.audit import audited
from app.http.dependencies import ActorDep, ContextDep, get_client_address, watch_disconnect
from app.http.problems import problem_responses
from app.http.rates import LIGHT_WRITE, AddressRate
from app.http.strict_json import StrictRoute
from app.installation import service
from app.installation.service import Installation
from app.persistence.direct_reads import DirectReads
from app.persistence.repositories.server_state import Reading
from app.rooms.views import room_out
from app.users.accounts import NewAccount
from app.users.views import me_out
from app.wire.audit import AuditAction
from app.wire.errors import ErrorCode, Forbidden
from app.wire.schemas.server import ServerOut, SetUp, SetupOut, UpdateServer

router = APIRouter(tags=["server"], route_class=StrictRoute)

READ_BY_ADDRESS = AddressRate(PolicyName.READS)
SETUP = AddressRate(PolicyName.SETUPS)


@router.get(
    "/server",
    operation_id="get_server",
    summary="Get what anybody may know of the server",
    dependencies=[Depends(READ_BY_ADDRESS)],
)
async def get_server(context: ContextDep, request: Request) -> ServerOut:
    """The name of the server, whether it has still to be set up, and whether anybody may register
    an account."""
    installation = await context.database.read(service.get_installation)
    return _server_out(installation, context, request)


@router.patch(
    "/server",
    operation_id="update_server",
    summary="Rename the server",
    responses=problem_responses(ErrorCode.FORBIDDEN),
    openapi_extra=audited(AuditAction.SERVER_UPDATED),
    dependencies=[Depends(LIGHT_WRITE)],
)
async def update_server(
    body: UpdateServer, actor: ActorDep, context: ContextDep, request: Request
) -> ServerOut:
    """For administrators of the server."""
    installation = await context.database.transact(service.rename, actor, body.name)
    return _server_out(installation, context, request)


@router.post(
    "/setup",
    status_code=201,
    operation_id="set_up_server",
    summary="Set the server up",
    responses=problem_responses(ErrorCode.FORBIDDEN, ErrorCode.USERNAME_TAKEN),
    openapi_extra=audited(AuditAction.ADMINISTRATOR_CREATED),
    dependencies=[Depends(SETUP)],
)
async def set_up_server(body: SetUp, context: ContextDep, request: Request) -> SetupOut:
    """Make the first account, an administrator, name the server and make a first public room, once.

    The `code` proves that the caller operates the server. With a wrong one, or when the server is
    set up already, the answer is `forbidden`.
    """
    service.require_pending(await context.database.read(service.get_installation))
    reading = await context.database.read_directly(_read_state)
    keys = context.settings.auth.keys
    if reading is None or not is_setup_code(body.code, keys, reading.state.epoch):
        raise Forbidden("The code is wrong. The server prints it when it starts, and logs it.")
    made = await context.database.transact(
        service.set_up,
        await _create_account(body, context, request),
        body.server_name,
        body.room_name,
        context.settings.limits.rooms_per_user,
    )
    return SetupOut(user=me_out(made.user), room=room_out(made.room, made.actor))


async def _read_state(reads: DirectReads) -> Reading | None:
    """As it is in the database: `context.server_state` may write the time of its clock."""
    return await reads.server_state.read()


async def _create_account(body: SetUp, context: AppContext, request: Request) -> NewAccount:
    display_name = body.display_name or body.username
    await asyncio.to_thread(check_password, body.password, "password", body.username, display_name)
    keys = [address_key(get_client_address(request))]
    async with watch_disconnect(request) as disconnected:
        password_hash = await context.passwords.hash(body.password, keys, disconnected)
    return NewAccount(body.username, display_name, password_hash, is_admin=True)


def _server_out(installation: Installation, context: AppContext, request: Request) -> ServerOut:
    return ServerOut(
        name=installation.name,
        needs_setup=installation.needs_setup,
        registration=context.settings.auth.registration,
        version=request.app.version,
    )
