"""Where a send enters, from HTTP and from sockets."""

from uuid import UUID

from app.application.app_context import Context
from app.core.actor import Actor
from app.core.send_request import SendRequest, SendResult
from app.wire.content import Content
from app.wire.errors import Invalid


async def submit_message(
    context: Context, actor: Actor, room_id: UUID, nonce: str, content: Content
) -> SendResult:
    """Returns after COMMIT. If the outcome is unknown, sending again with the nonce settles it."""
    _check_length(content.text, context.settings.limits.text_chars)
    return await context.record(SendRequest(actor, room_id, nonce, content))


def _check_length(text: str, max_chars: int) -> None:
    """The limit is a setting, so it cannot stand in the schema."""
    if len(text) > max_chars:
        raise Invalid(
            f"The text has {len(text)} characters; {max_chars} are allowed. Split it.",
            [{"path": "text", "message": f"String should have at most {max_chars} characters"}],
        )
