"""Use cases of what a user has chosen others to see of their presence."""

from app.core.actor import Actor
from app.core.publications import Publication
from app.persistence.repositories.presence_settings import ChosenPresence
from app.persistence.uow import ReadSession, UnitOfWork
from app.wire.events import PublicationKind
from app.wire.items import ItemKey, ItemKind
from app.wire.schemas.presence import SetPresence


async def get_presence(reads: ReadSession, actor: Actor) -> ChosenPresence:
    return await reads.presence_settings.get(actor.user)


async def set_presence(uow: UnitOfWork, actor: Actor, spec: SetPresence) -> ChosenPresence:
    """The processes that the user is connected to learn of the choice as the devices do."""
    before = await uow.presence_settings.get(actor.user)
    chosen = ChosenPresence(spec.choice, spec.visible_to)
    if chosen == before:
        return chosen
    await uow.presence_settings.set(actor.user, chosen)
    uow.user_logs.add_item(actor.user, ItemKey(ItemKind.PRESENCE, actor.user))
    if chosen.visible_to != before.visible_to:
        uow.publish(Publication(PublicationKind.VISIBILITY, actor.user, 0, actor.user))
    return chosen
