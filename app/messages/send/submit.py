"""Where sends, edits and reactions enter, from HTTP and from sockets."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import orjson

from app.application.app_context import AppContext
from app.core import metrics
from app.core.actor import Actor
from app.core.emoji_sequences import canonical_emoji
from app.core.forward_content import ForwardContent
from app.core.message_commands import EditRequest, ReactionRequest
from app.core.send_request import SendRequest, SendResult
from app.limit_settings import Limits
from app.messages.forwarding import prepare_forward
from app.messages.send.here import find_online
from app.wire.content import Content, NewContent, NewPoll
from app.wire.errors import ChatError, Invalid, NotFound
from app.wire.events import Message

_STORED, _REPEATED = metrics.SENDS.labels("stored"), metrics.SENDS.labels("repeated")


async def submit_message(
    context: AppContext, actor: Actor, room_id: UUID, nonce: str, content: Content
) -> SendResult:
    """Returns after COMMIT. If the outcome is unknown, sending again with the nonce settles it."""
    try:
        check_content(content, context.settings.limits)
        online = await find_online(context, actor, room_id, content.text)
        send = SendRequest(actor, room_id, nonce, content, online)
        result = await context.send_message(send)
    except ChatError as error:
        metrics.SENDS.labels(error.code).inc()
        raise
    (_REPEATED if result.duplicate else _STORED).inc()
    return result


async def submit_forward(
    context: AppContext, actor: Actor, room_id: UUID, nonce: str, content: ForwardContent
) -> SendResult:
    """Returns after COMMIT, like `submit_message`."""
    send = SendRequest(actor, room_id, nonce, content)
    prepared = await context.database.read(prepare_forward, send, content)
    if isinstance(prepared, SendResult):
        return prepared
    return await submit_message(context, actor, room_id, nonce, prepared.content)


async def submit_edit(context: AppContext, edit: EditRequest) -> Message:
    """Returns after COMMIT."""
    check_length(edit.text, context.settings.limits.text_chars)
    online = await find_online(context, edit.actor, edit.room, edit.text)
    return (await context.change_message(edit._replace(online=online))).message


async def submit_reaction(
    context: AppContext, actor: Actor, room_id: UUID, seq: int, emoji: str, *, present: bool
) -> Message:
    """Returns after COMMIT, when the reaction is there or not. Raises NotFound for what is no
    emoji."""
    canonical = canonical_emoji(emoji)
    if canonical is None:
        raise NotFound("There is no such emoji. Take one of Unicode's RGI set.")
    reaction = ReactionRequest(actor, room_id, seq, canonical, present)
    return (await context.change_message(reaction)).message


def check_content(content: Content, limits: Limits) -> None:
    """What is a setting, or a rule between fields, and so not in the schema. Raises Invalid."""
    check_length(content.text, limits.text_chars)
    _check_thread(content)
    _check_metadata(content.metadata, limits.metadata_bytes)
    if isinstance(content, NewContent) and content.poll:
        _check_options(content.poll, limits.max_poll_options)


def check_length(text: str, max_chars: int) -> None:
    """The limit is a setting, so it cannot stand in the schema. Raises Invalid."""
    if len(text) > max_chars:
        raise Invalid(
            f"The text has {len(text)} characters; {max_chars} are allowed. Split it.",
            [{"path": "text", "message": f"String should have at most {max_chars} characters"}],
        )


def _check_options(poll: NewPoll, max_options: int) -> None:
    if len(poll.options) > max_options:
        raise Invalid(
            f"The poll has {len(poll.options)} options; {max_options} are allowed.",
            [{"path": "poll.options", "message": f"should have at most {max_options} items"}],
        )


def _check_thread(content: Content) -> None:
    if content.also_in_room and content.thread is None:
        raise Invalid(
            "`also_in_room` is for replies in a thread: it needs `thread`.",
            [{"path": "also_in_room", "message": "needs `thread`"}],
        )


def _check_metadata(metadata: Mapping[str, Any] | None, max_bytes: int) -> None:
    size = len(orjson.dumps(metadata)) if metadata is not None else 0
    if size > max_bytes:
        raise Invalid(
            f"`metadata` has {size} bytes as JSON; {max_bytes} are allowed.",
            [{"path": "metadata", "message": f"should have at most {max_bytes} bytes as JSON"}],
        )
