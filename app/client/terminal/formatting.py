"""Formats messages and events as lines of text, free of control characters."""

import unicodedata
from datetime import date, datetime
from typing import assert_never

from app.wire.events import (
    MemberJoined,
    MemberLeft,
    MemberRemoved,
    MemberRoleChanged,
    MemberTimeout,
    Message,
    MessageCreated,
    MessageEdited,
    MessageHidden,
    MessagePinned,
    MessagesDeleted,
    MessageUnpinned,
    PermissionsChanged,
    PollUpdated,
    ReactionAdded,
    ReactionRemoved,
    RoomChanged,
    RoomCreated,
    RoomDeleted,
    RoomEvent,
    ThreadUpdated,
    is_known,
)

# Embeddings, overrides and isolates of Unicode's bidirectional algorithm: left open in a message,
# they turn around what stands behind it.
_BIDI = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_INDENT = " " * 6
MAX_EXCERPT_CHARS = 60


def clean(text: str) -> str:
    """Remove control characters and bidirectional overrides; line breaks stay."""
    text = text.replace("\r\n", "\n").replace("\t", "    ")
    return "".join(c if _is_harmless(c) else "\ufffd" for c in text if c not in _BIDI)


def clean_line(text: str) -> str:
    return " ".join(clean(text).split())


def _is_harmless(character: str) -> bool:
    return character == "\n" or unicodedata.category(character) not in ("Cc", "Zl", "Zp")


class Style:
    """ANSI escapes at a terminal; plain text otherwise."""

    def __init__(self, *, colours: bool) -> None:
        self._colours = colours

    def bold(self, text: str) -> str:
        return f"\x1b[1m{text}\x1b[0m" if self._colours else text

    def dim(self, text: str) -> str:
        return f"\x1b[2m{text}\x1b[0m" if self._colours else text


def _excerpt(message: Message) -> str:
    line = clean_line(message.text)
    return line if len(line) <= MAX_EXCERPT_CHARS else line[: MAX_EXCERPT_CHARS - 1] + "…"


def message_line(style: Style, message: Message, name: str) -> str:
    """With the local time; further lines are indented. A reply in a thread names its root."""
    clock = style.dim(local(message.at).strftime("%H:%M"))
    shown = "(deleted)" if message.deletion else message.text
    shown = "\n".join([*([shown] if shown else []), *_attached_lines(message)])
    text = clean(shown).replace("\n", "\n" + _INDENT)
    thread = "" if message.thread is None else style.dim(f"[thread {message.thread}] ")
    return f"{clock} {style.bold(clean_line(name))}: {thread}{text}"


def _attached_lines(message: Message) -> list[str]:
    lines = []
    if message.forwarded:
        lines += [f"> {line}" for line in message.forwarded.text.splitlines()]
    if message.poll:
        lines += [f"[{o.number}] {o.text} ({o.votes})" for o in message.poll.options]
    return lines


def day_line(style: Style, day: date) -> str:
    return style.dim(f"-- {day:%A, %d %B %Y} --")


def local(at: datetime) -> datetime:
    return at.astimezone()


def describe_event(event: RoomEvent, actor: str, member: str) -> str | None:
    """The line for an event that is no message; None for an unknown type, for one that comes with
    a message, and for one about a message that the reader may not see."""
    if not is_known(event):
        return None
    match event:
        case MemberJoined() if event.actor == event.member.user:
            return f"{member} joined"
        case MemberJoined():
            return f"{actor} added {member}"
        case MemberLeft():
            return f"{member} left"
        case MemberRemoved():
            return f"{actor} removed {member}"
        case MemberRoleChanged():
            return f"{actor} made {member} {event.member.role}"
        case MemberTimeout() if event.until:
            return f"{actor} timed {member} out until {local(event.until):%d %B %Y, %H:%M}"
        case MemberTimeout():
            return f"{actor} let {member} write again"
        case PermissionsChanged():
            return f"{actor} changed the permissions of {event.override.role or 'a member'}"
        case RoomChanged():
            state = "archived" if event.details.archived else event.details.topic or "no topic"
            return f"{actor} changed the room: {event.details.name} ({state})"
        case RoomDeleted():
            return f"{actor} deleted the room"
        case RoomCreated():
            return f"{actor} made the room"
        case MessageEdited():
            return f"{actor} edited: {clean_line(event.message.text)}"
        case MessagesDeleted() if len(event.seqs) == 1:
            return f"{actor} deleted message {event.seqs[0]}"
        case MessagesDeleted():
            return f"{actor} deleted {len(event.seqs)} messages"
        case ReactionAdded():
            return f"{actor} reacted {event.emoji} to: {_excerpt(event.message)}"
        case ReactionRemoved():
            return f"{actor} took {event.emoji} back from: {_excerpt(event.message)}"
        case MessagePinned():
            return f"{actor} pinned: {_excerpt(event.message)}"
        case MessageUnpinned():
            return f"{actor} unpinned: {_excerpt(event.message)}"
        case PollUpdated():
            return f"The poll has changed: {_excerpt(event.message)}"
        case MessageCreated() | ThreadUpdated() | MessageHidden():
            return None
        case _:
            assert_never(event)
