"""python -m tests.generators.protocol [--check]: docs/protocol.md and docs/notifications.md, as the
program defines them.

Tables, examples and the exchange stand between `<!-- name -->` and `<!-- end -->`.
"""

import json
import re
import sys
from collections.abc import Callable, Iterable
from typing import Any, get_args

from pydantic import BaseModel

from app.http.asyncapi import summarize
from app.http.problems import STATUS
from app.notifications.decide import LEVELS_BY_KIND
from app.notifications.decide import RULES as NOTIFICATION_RULES
from app.rooms.policy import ANY, MEMBERS, RANK, RULES
from app.wire.close_codes import CloseCode
from app.wire.domain import Role, RoomKind
from app.wire.errors import ErrorCode, error_classes, meaning
from app.wire.events import EVENT_SPECS, RoomEvent
from app.wire.examples import CLIENT_EXAMPLES, EVENT_EXAMPLES, SERVER_EXAMPLES, frame_json
from app.wire.frames import ANSWERS, ServerFrame
from tests.architecture.documents import models
from tests.architecture.source import ROOT

PROTOCOL = ROOT / "docs" / "protocol.md"
NOTIFICATIONS = ROOT / "docs" / "notifications.md"
WIDTH = 108
MAX_NESTED = 12
# From hello to ack, as (direction, type): the n-th use of a type shows its n-th example.
EXCHANGE = (
    ("→", "hello"),
    ("←", "welcome"),
    ("←", "rooms"),
    ("←", "room.opened"),
    ("←", "message.created"),
    ("→", "message.send"),
    ("←", "message.created"),
    ("←", "ack"),
)


def events() -> str:
    rows = (
        (code(spec.type), summarize(spec.cls), fields(spec.cls, RoomEvent.model_fields))
        for spec in EVENT_SPECS
    )
    return table(("type", "what happened", "has"), rows)


def client_frames() -> str:
    rows = (
        (code(type_name(cls)), summarize(cls), fields(cls, ("type", "id")), answers(classes))
        for cls, classes in ANSWERS.items()
    )
    return table(("type", "what it does", "has", "answer"), rows)


def server_frames() -> str:
    rows = (
        (code(type_name(cls)), summarize(cls), fields(cls, ("type", "id")))
        for cls in models(ServerFrame)
    )
    return table(("type", "what it says", "has"), rows)


def close_codes() -> str:
    rows = ((code(int(c)), code(c.name), c.meaning) for c in CloseCode)
    return table(("code", "name", "meaning"), rows)


def errors() -> str:
    rows = (
        (code(c.value), str(int(STATUS[c])), error_classes()[c].retry.value, meaning(c))
        for c in ErrorCode
    )
    return table(("code", "status", "retry", "meaning"), rows)


def permissions() -> str:
    rows = (
        (code(permission), rule.phrase, *(roles(rule.roles[kind]) for kind in RoomKind))
        for permission, rule in RULES.items()
    )
    return table(("name", "permission", *map(code, RoomKind)), rows)


def roles(allowed: frozenset[Role]) -> str:
    if allowed == ANY:
        return "all"
    if allowed == MEMBERS:
        return "all but guests"
    by_rank: list[Role] = sorted(allowed, key=RANK.__getitem__, reverse=True)
    return ", ".join(by_rank) or "none"


def notification_rules() -> str:
    rows = (
        (code(rule.reason), rule.meaning, rule.counts.value, "yes" if rule.notifies else "no")
        for rule in NOTIFICATION_RULES
    )
    return table(("reason", "when", "counts", "notifies"), rows)


def notification_levels() -> str:
    head = tuple(map(code, LEVELS_BY_KIND))
    return table(head, [tuple(map(code, LEVELS_BY_KIND.values()))])


def exchange() -> str:
    left = [frame_json(frame) for frame in (*CLIENT_EXAMPLES, *SERVER_EXAMPLES, *EVENT_EXAMPLES)]
    lines = []
    for direction, name in EXCHANGE:
        frame = next(frame for frame in left if frame["type"] == name)
        left.remove(frame)
        lines.append(f"{direction} {layout(frame)}")
    return block("text", lines)


def examples(frames: Iterable[BaseModel]) -> str:
    return block("json", (layout(frame_json(frame)) for frame in frames))


PARTS: dict[str, Callable[[], str]] = {
    "events": events,
    "event examples": lambda: examples(EVENT_EXAMPLES),
    "client frames": client_frames,
    "client examples": lambda: examples(CLIENT_EXAMPLES),
    "server frames": server_frames,
    "server examples": lambda: examples(SERVER_EXAMPLES),
    "close codes": close_codes,
    "errors": errors,
    "permissions": permissions,
    "exchange": exchange,
}
NOTIFICATION_PARTS: dict[str, Callable[[], str]] = {
    "notification rules": notification_rules,
    "notification levels": notification_levels,
}
DOCUMENTS = {PROTOCOL: PARTS, NOTIFICATIONS: NOTIFICATION_PARTS}


def render(document: str) -> str:
    """The document with all parts as they are defined. Raises KeyError for an unknown part."""
    return re.sub(
        r"(<!-- ([a-z ]+) -->\n).*?(<!-- end -->)",
        lambda part: f"{part[1]}{(PARTS | NOTIFICATION_PARTS)[part[2]]()}\n{part[3]}",
        document,
        flags=re.DOTALL,
    )


def type_name(cls: type[BaseModel]) -> str:
    name: str = cls.model_fields["type"].default
    return name


def code(value: object) -> str:
    return f"`{value}`"


def fields(cls: type[BaseModel], without: Iterable[str]) -> str:
    """The names of the fields in JSON, with those of nested objects unless they are many."""
    shown = []
    for name, field in cls.model_fields.items():
        if name not in without:
            nested = [
                part for inner in nested_models(field.annotation) for part in inner.model_fields
            ]
            objects = f" ({', '.join(map(code, nested))})" if 0 < len(nested) <= MAX_NESTED else ""
            shown.append(f"{code(field.alias or name)}{objects}")
    return ", ".join(shown)


def nested_models(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in get_args(annotation) for model in nested_models(part)]


def answers(classes: Iterable[type[BaseModel]]) -> str:
    return ", ".join(code(type_name(cls)) for cls in classes) or "none"


def table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def block(language: str, lines: Iterable[str]) -> str:
    return "\n".join([f"```{language}", *lines, "```"])


def layout(frame: dict[str, Any]) -> str:
    """JSON that is broken between its values, at the width of the document."""
    parts = json.dumps(frame, ensure_ascii=False, separators=(",\n", ": ")).split("\n")
    lines = [""]
    for part in parts:
        if len(lines[-1]) + len(part) > WIDTH:
            lines.append("   ")
        lines[-1] += f" {part}" if lines[-1] else part
    return "\n".join(lines)


def main() -> None:
    for document in DOCUMENTS:
        written = document.read_text(encoding="utf-8")
        rendered = render(written)
        if "--check" not in sys.argv:
            document.write_text(rendered, encoding="utf-8")
        elif rendered != written:
            name = document.relative_to(ROOT)
            sys.exit(f"{name} is outdated. Run 'make protocol' and commit it.")


if __name__ == "__main__":
    main()
