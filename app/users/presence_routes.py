"""/users/me/presence."""

from fastapi import APIRouter, Depends

from app.http.dependencies import ActorDep, ContextDep
from app.http.rates import READ, WRITE
from app.http.strict_json import StrictRoute
from app.persistence.repositories.presence_settings import ChosenPresence
from app.users import presence
from app.wire.schemas.presence import PresenceSettingsOut, SetPresence

router = APIRouter(prefix="/users/me/presence", tags=["users"], route_class=StrictRoute)


@router.get(
    "",
    operation_id="get_presence_settings",
    summary="Get what others see of the caller's presence",
    dependencies=[Depends(READ)],
)
async def get(actor: ActorDep, context: ContextDep) -> PresenceSettingsOut:
    """What the caller has chosen."""
    return _settings_out(await context.database.read(presence.get_presence, actor))


@router.put(
    "",
    operation_id="set_presence_settings",
    summary="Set what others see of the caller's presence",
    dependencies=[Depends(WRITE)],
)
async def update(body: SetPresence, actor: ActorDep, context: ContextDep) -> PresenceSettingsOut:
    """Replace what the caller has chosen. `do_not_disturb` is shown while the notification settings
    say so (`PUT /users/me/notifications`)."""
    return _settings_out(await context.database.transact(presence.set_presence, actor, body))


def _settings_out(chosen: ChosenPresence) -> PresenceSettingsOut:
    return PresenceSettingsOut(choice=chosen.choice, visible_to=chosen.visible_to)
