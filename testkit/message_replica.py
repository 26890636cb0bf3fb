"""The messages of a room as a client keeps them, by the rules of docs/protocol.md."""

from collections.abc import Mapping
from typing import Any

Message = dict[str, Any]
QUOTE_CHARS = 200
# What a deleted message keeps: its place in a thread, and the replies in its own one, too.
KEPT = ("seq", "sender", "at", "nonce", "thread", "also_in_room", "thread_summary")


class MessageReplica:
    """Pages of messages that events continue. What was not loaded is not kept."""

    def __init__(self, user: str) -> None:
        self.user = user
        self.messages: dict[int, Message] = {}
        self.reacted: set[tuple[int, str]] = set()  # by the user: seq and emoji
        self.quotes: dict[int, Message] = {}  # of messages that were not loaded
        self.pins: dict[int, Message] = {}

    def load(self, page: Mapping[str, Any]) -> None:
        """A page of messages."""
        for message in page["items"]:
            self.messages[message["seq"]] = message
            self._forget_reactions(message["seq"])
        self.reacted |= {(own["seq"], own["emoji"]) for own in page.get("reacted", ())}
        self.quotes |= {quote["seq"]: quote for quote in page.get("quoted", ())}

    def load_pins(self, messages: list[Message]) -> None:
        self.pins = {message["seq"]: message for message in messages}

    def apply(self, event: Mapping[str, Any]) -> None:
        """The next event of the room. Others than those of messages change nothing here."""
        if event["type"] == "messages.deleted":
            for seq in event["seqs"]:
                self._delete(seq, {"by": event["actor"], "at": event["at"]})
        elif "message" in event:
            self._replace(event["message"], is_new=event["type"] == "message.created")
            self._note_reaction(event)

    def missing_quotes(self) -> set[int]:
        """The messages that others reply to, and that are not known."""
        replies = {message["reply_to"] for message in self.messages.values()} - {None}
        return replies - self.messages.keys() - self.quotes.keys()

    def shown_quotes(self) -> dict[int, Message]:
        """What is shown with the replies, by seq of the message that is replied to."""
        known = self.quotes | {seq: quote(message) for seq, message in self.messages.items()}
        replies = {message["reply_to"] for message in self.messages.values()} - {None}
        return {seq: known[seq] for seq in sorted(replies)}

    def _replace(self, message: Message, *, is_new: bool) -> None:
        """The message as the server had it when it wrote the event, or later."""
        seq = message["seq"]
        if is_new or seq in self.messages:
            self.messages[seq] = message
        if seq in self.quotes:
            self.quotes[seq] = quote(message)
        if "pin" in message:
            self.pins[seq] = message
        else:
            self.pins.pop(seq, None)

    def _note_reaction(self, event: Mapping[str, Any]) -> None:
        if event["actor"] != self.user or event["message"]["seq"] not in self.messages:
            return
        own = event["message"]["seq"], event.get("emoji", "")
        if event["type"] == "reaction.added":
            self.reacted.add(own)
        elif event["type"] == "reaction.removed":
            self.reacted.discard(own)

    def _delete(self, seq: int, deletion: Message) -> None:
        if seq in self.messages:
            self.messages[seq] = tombstone(self.messages[seq], deletion)
            self._forget_reactions(seq)
        if seq in self.quotes:
            self.quotes[seq] = self.quotes[seq] | {"text": "", "deleted": True}
        self.pins.pop(seq, None)

    def _forget_reactions(self, seq: int) -> None:
        self.reacted = {own for own in self.reacted if own[0] != seq}


def tombstone(message: Message, deletion: Message) -> Message:
    """What is left of a message that was deleted."""
    kept = {name: message[name] for name in KEPT if name in message}
    return {"text": "", "reply_to": None, **kept, "deletion": deletion}


def quote(message: Message) -> Message:
    return {
        "seq": message["seq"],
        "sender": message["sender"],
        "text": message["text"][:QUOTE_CHARS],
        "deleted": "deletion" in message,
    }


def differences(replica: MessageReplica, truth: MessageReplica) -> list[str]:
    """Where a replica differs from another one, by part, seq and field."""
    lines = []
    for part in ("messages", "pins", "shown_quotes"):
        shown, true = (_by_seq(each, part) for each in (replica, truth))
        for seq in sorted(shown.keys() | true.keys()):
            own, other = shown.get(seq, {}), true.get(seq, {})
            lines += [
                f"{part} {seq} {name}: {own.get(name)!r} instead of {other.get(name)!r}"
                for name in sorted(own.keys() | other.keys())
                if own.get(name) != other.get(name)
            ]
    wrong = sorted(replica.reacted ^ truth.reacted)
    return lines + [
        f"reacted {seq} {emoji}: {(seq, emoji) in replica.reacted}" for seq, emoji in wrong
    ]


def _by_seq(replica: MessageReplica, part: str) -> dict[int, Message]:
    return replica.shown_quotes() if part == "shown_quotes" else getattr(replica, part)
