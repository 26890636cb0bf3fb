"""JSON Schema as HTML that people read: the type of a field, and the fields of an object."""

import json
from collections.abc import Iterator, Sequence
from html import escape
from typing import Any

from markdown_it import MarkdownIt

Schema = dict[str, Any]
_MARKDOWN = MarkdownIt("commonmark", {"html": False})
_FORMATS = {
    "uuid": "a UUID",
    "date-time": "a time (RFC 3339)",
    "date": "a date",
}
# The keywords for a lower and an upper bound of a type, and what they count.
_BOUNDS = {
    "string": ("minLength", "maxLength", " characters"),
    "array": ("minItems", "maxItems", " of them"),
    "integer": ("minimum", "maximum", ""),
    "number": ("minimum", "maximum", ""),
}
MAX_SAFE_INTEGER = 2**53 - 1  # a bound that says only what JavaScript can count


def render_markdown(text: str) -> str:
    return str(_MARKDOWN.render(text))


def render_inline(text: str) -> str:
    return str(_MARKDOWN.renderInline(text))


def type_anchor(name: str) -> str:
    return f"type-{name}"


def get_name(reference: str) -> str:
    return reference.rpartition("/")[2]


def render_type(schema: Schema) -> str:
    """Such as `list of <a>Message</a>, at most 100`."""
    match schema:
        case {"$ref": ref}:
            name = escape(get_name(ref))
            return f'<a href="#{type_anchor(name)}">{name}</a>'
        case {"const": value}:
            return f"<code>{escape(json.dumps(value, ensure_ascii=False))}</code>"
        case {"enum": values}:
            return ", ".join(f"<code>{escape(str(value))}</code>" for value in values)
        case {"anyOf": kinds} | {"oneOf": kinds}:
            return " or ".join(map(render_type, kinds))
        case {"type": list(names)}:
            return " or ".join(render_type({**schema, "type": name}) for name in names)
        case _:
            return ", ".join([_render_kind(schema), *_bounds(schema)])


def _render_kind(schema: Schema) -> str:
    match schema:
        case {"type": "null"}:
            return "null"
        case {"type": "array", "items": items}:
            return f"list of {render_type(items)}"
        case {"type": "object", "additionalProperties": dict(values)}:
            return f"object of {render_type(values)}"
        case {"type": "string", "format": str(name)} if name in _FORMATS:
            return _FORMATS[name]
        case {"type": name}:
            return escape(str(name))
        case _:
            return "anything"


def _bounds(schema: Schema) -> Iterator[str]:
    lower, upper, unit = _BOUNDS.get(str(schema.get("type")), ("", "", ""))
    minimum, maximum = schema.get(lower), schema.get(upper)
    if maximum is not None and maximum >= MAX_SAFE_INTEGER:
        minimum, maximum = (None if minimum == -maximum else minimum), None
    if minimum is not None and maximum is not None:
        yield f"{minimum} to {maximum}{unit}"
    elif maximum is not None:
        yield f"at most {maximum}{unit}"
    elif minimum is not None:
        yield f"at least {minimum}{unit}"
    if schema.get("uniqueItems"):
        yield "none twice"


def render_fields(schema: Schema) -> str:
    """A table of the fields of an object; of an enumeration, its values."""
    if values := schema.get("enum"):
        meanings = schema.get("x-enum-descriptions")
        if not meanings:
            return f"<p>{render_type(schema)}</p>"
        meaning_rows = [
            (f"<code>{escape(value)}</code>", render_inline(text))
            for value, text in zip(values, meanings, strict=True)
        ]
        return render_table(("value", "meaning"), meaning_rows)
    required = schema.get("required", ())
    rows = [
        _field_row(name, field, is_required=name in required)
        for name, field in schema.get("properties", {}).items()
    ]
    return render_table(("field", "type", "meaning"), rows) if rows else ""


def _field_row(name: str, field: Schema, *, is_required: bool) -> tuple[str, ...]:
    optional = "" if is_required else ' <span class="quiet">may be absent</span>'
    code = f"<code>{escape(name)}</code>{optional}"
    return code, render_type(field), render_inline(field.get("description", ""))


def render_table(heads: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    head = "".join(f'<th scope="col">{text}</th>' for text in heads)
    body = "\n".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return (
        f'<div class="scroll" tabindex="0"><table>\n<thead><tr>{head}</tr></thead>\n'
        f"<tbody>\n{body}\n</tbody></table></div>\n"
    )
