"""/docs/socket: the AsyncAPI document as a page, without a script."""

import json
from collections.abc import Iterator
from html import escape
from typing import Any, NamedTuple

from app.ops.schema_html import (
    get_name,
    render_fields,
    render_inline,
    render_markdown,
    render_table,
    type_anchor,
)

Document = dict[str, Any]
_INTRODUCTION = """<p><a href="/asyncapi.json">/asyncapi.json</a> is this page for programs;
<a href="/docs">/docs</a> has the HTTP operations.</p>
"""


class Frame(NamedTuple):
    """A message of the document, with the messages that answer it."""

    name: str  # its `type`
    schema: str
    summary: str
    examples: list[Any]
    answers: list[str]  # names of schemas


class Group(NamedTuple):
    title: str
    anchor: str
    direction: str
    frames: list[Frame]


def render_socket_page(document: Document) -> str:
    """The body of the page."""
    groups = _list_groups(document)
    frames = {frame.schema for group in groups for frame in group.frames}
    schemas = document["components"]["schemas"]
    types = {name: schema for name, schema in schemas.items() if name not in frames}
    parts = [
        f"<h1>{escape(document['channels']['socket']['title'])}</h1>\n",
        render_markdown(document["info"]["description"]),
        _INTRODUCTION,
        _render_contents(groups, types),
        *(_render_group(group, schemas) for group in groups),
        _render_close_codes(document["channels"]["socket"]["x-close-codes"]),
        '<h2 id="types">Types</h2>\n',
        *(_render_type_section(name, schema) for name, schema in types.items()),
    ]
    return "".join(parts)


def _list_groups(document: Document) -> list[Group]:
    frames = {"receive": list[Frame](), "send": list[Frame](), "event": list[Frame]()}
    messages = document["components"]["messages"]
    for operation in document["operations"].values():
        key = get_name(operation["messages"][0]["$ref"])
        message, action = messages[key], operation["action"]
        is_event = action == "send" and _is_event(message, document)
        replies = operation.get("reply", {}).get("messages", [])
        frame = Frame(
            name=message["name"],
            schema=get_name(message["payload"]["$ref"]),
            summary=message["summary"],
            examples=[example["payload"] for example in message.get("examples", ())],
            answers=[
                get_name(messages[get_name(ref["$ref"])]["payload"]["$ref"]) for ref in replies
            ],
        )
        frames["event" if is_event else action].append(frame)
    return [
        Group("Frames of the client", "client", "client → server", frames["receive"]),
        Group("Frames of the server", "server", "server → client", frames["send"]),
        Group("Events of rooms", "events", "server → client", frames["event"]),
    ]


def _is_event(message: Document, document: Document) -> bool:
    """Events have a place in a room's log."""
    schema = document["components"]["schemas"][get_name(message["payload"]["$ref"])]
    fields: Document = schema["properties"]
    return {"seq", "actor", "at"} <= fields.keys()


def _render_contents(groups: list[Group], types: Document) -> str:
    lists = [
        (group.anchor, group.title, [(type_anchor(f.schema), f.name) for f in group.frames])
        for group in groups
    ]
    lists += [
        ("close-codes", "Close codes", []),
        ("types", "Types", [(type_anchor(name), name) for name in types]),
    ]
    return "<nav>\n" + "".join(_render_links(*entry) for entry in lists) + "</nav>\n"


def _render_links(anchor: str, title: str, links: list[tuple[str, str]]) -> str:
    items = "".join(f'<li><a href="#{to}">{escape(text)}</a></li>\n' for to, text in links)
    heading = f'<h2><a href="#{anchor}">{escape(title)}</a></h2>\n'
    return f"{heading}<ul>\n{items}</ul>\n" if items else heading


def _render_group(group: Group, schemas: Document) -> str:
    sections = "".join(
        "".join(_render_frame(frame, group.direction, schemas)) for frame in group.frames
    )
    return f'<h2 id="{group.anchor}">{escape(group.title)}</h2>\n{sections}'


def _render_frame(frame: Frame, direction: str, schemas: Document) -> Iterator[str]:
    yield _render_heading(frame.schema, frame.name, direction)
    yield f"<p>{render_inline(frame.summary)}</p>\n"
    yield render_fields(schemas[frame.schema])
    if frame.answers:
        names = ", ".join(_link_frame(name, schemas) for name in frame.answers)
        yield f"<p>Answers: {names}</p>\n"
    for example in frame.examples:
        text = json.dumps(example, indent=2, ensure_ascii=False)
        yield f"<pre><code>{escape(text)}</code></pre>\n"


def _link_frame(schema: str, schemas: Document) -> str:
    name = schemas[schema]["properties"]["type"].get("const", schema)
    return f'<a href="#{type_anchor(schema)}">{escape(name)}</a>'


def _render_heading(schema: str, title: str, note: str = "") -> str:
    anchor = type_anchor(schema)
    small = f" <small>{escape(note)}</small>" if note else ""
    return f'<h3 id="{anchor}"><a href="#{anchor}">{escape(title)}</a>{small}</h3>\n'


def _render_type_section(name: str, schema: Document) -> str:
    summary = render_markdown(schema.get("description", ""))
    return _render_heading(name, name) + summary + render_fields(schema)


def _render_close_codes(codes: list[Document]) -> str:
    rows = [
        (f"<code>{code['code']}</code>", escape(code["name"]), render_inline(code["meaning"]))
        for code in codes
    ]
    return '<h2 id="close-codes">Close codes</h2>\n' + render_table(
        ("code", "name", "meaning"), rows
    )
