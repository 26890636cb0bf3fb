"""The edge of a send, the same for HTTP and for sockets: limits, the unit of work, doubt."""

from uuid import UUID

from app.core.actor import Actor
from app.core.sends import Sent
from app.messages import service
from app.messages.schemas import Draft
from app.web.context import Context


async def commit_send(context: Context, actor: Actor, room_id: UUID, draft: Draft) -> Sent:
    """Returns after COMMIT. One whose outcome is unknown is settled by the nonce."""
    service.check_length(draft.text, context.settings.limits.text_chars)
    context.sends.spend(actor.user)
    return await context.database.settle(service.send, actor, room_id, draft)
