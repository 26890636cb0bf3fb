"""Where a send enters, from HTTP and from sockets."""

from uuid import UUID

from app.application.app_context import AppContext
from app.core import metrics
from app.core.actor import Actor
from app.core.send_request import SendRequest, SendResult
from app.wire.content import Content
from app.wire.errors import ChatError, Invalid

_STORED, _REPEATED = metrics.SENDS.labels("stored"), metrics.SENDS.labels("repeated")


async def submit_message(
    context: AppContext, actor: Actor, room_id: UUID, nonce: str, content: Content
) -> SendResult:
    """Returns after COMMIT. If the outcome is unknown, sending again with the nonce settles it."""
    try:
        _check_length(content.text, context.settings.limits.text_chars)
        result = await context.send_message(SendRequest(actor, room_id, nonce, content))
    except ChatError as error:
        metrics.SENDS.labels(error.code).inc()
        raise
    (_REPEATED if result.duplicate else _STORED).inc()
    return result


def _check_length(text: str, max_chars: int) -> None:
    """The limit is a setting, so it cannot stand in the schema."""
    if len(text) > max_chars:
        raise Invalid(
            f"The text has {len(text)} characters; {max_chars} are allowed. Split it.",
            [{"path": "text", "message": f"String should have at most {max_chars} characters"}],
        )
