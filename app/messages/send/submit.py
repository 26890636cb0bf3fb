"""The edge of a send, the same for HTTP and for sockets: its length, then the way to the log."""

from uuid import UUID

from app.application.app_context import Context
from app.core import metrics
from app.core.actor import Actor
from app.core.send_request import Send, Sent
from app.messages import service
from app.persistence.uow import Database
from app.wire.errors import ChatError
from app.wire.schemas.messages import Draft

_STORED, _REPEATED = metrics.SENDS.labels("stored"), metrics.SENDS.labels("repeated")


async def commit_send(context: Context, actor: Actor, room_id: UUID, draft: Draft) -> Sent:
    """Returns after COMMIT. One whose outcome is unknown is settled by the nonce."""
    try:
        service.check_length(draft.text, context.settings.limits.text_chars)
        sent = await context.record(Send(actor, room_id, draft.nonce, draft.text, draft.reply_to))
    except ChatError as error:
        metrics.SENDS.labels(error.code).inc()
        raise
    (_REPEATED if sent.duplicate else _STORED).inc()
    return sent


async def send_alone(database: Database, send: Send) -> Sent:
    """In a unit of work of its own; `send/group_commit.py` has the other way."""
    actor, room_id, nonce, text, reply_to = send
    draft = Draft.model_construct(nonce=nonce, text=text, reply_to=reply_to)
    return await database.settle(service.send, actor, room_id, draft)
