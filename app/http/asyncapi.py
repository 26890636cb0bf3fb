"""The AsyncAPI document: the WebSocket protocol, made from `app/wire`.

The schemas are those of the frames' classes. Frames omit nulls, so there a field that may be null
is one that may be absent; events, items and pages of messages keep them.
"""

import inspect
from collections.abc import Iterable
from typing import get_args

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from app.http.documents import JsonObject, public_name, rename_schemas, simplify
from app.limit_settings import Limits
from app.wire.client_frames import ClientFrame
from app.wire.close_codes import CloseCode
from app.wire.errors import ErrorCode, meaning
from app.wire.events import Event, RoomEvent
from app.wire.examples import find_examples
from app.wire.frames import ANSWERS, SUBPROTOCOL, ErrorFrame, ItemChanged, ServerFrame
from app.wire.schemas.messages import MessagePage

Models = tuple[type[BaseModel], ...]
_ITEMS = tuple(
    value
    for value in get_args(ItemChanged.model_fields["value"].annotation)
    if value is not type(None)
)
_NULL = {"type": "null"}

_INFO = {
    "title": "Chat",
    "description": """\
The frames of the WebSocket at `/ws`; /openapi.json describes the HTTP operations beside it.

A frame is one JSON object in a text message, and `type` says which. The first frame is `hello`,
with a **token**; the server answers with `welcome`, the list of rooms and the rooms that `hello`
opens. A frame of a client may carry an `id`, which the answer or the `error` repeats.

**Events** are the durable changes of a room: each has the next `seq` of the room's log. A client
keeps the last `seq` of each room and resumes from it, so that no event is lost or applied twice.

**Unknown** types of frames and fields are ignored by clients. An event of an unknown type counts
like any other: its `seq` moves the position.
""",
    "license": {"name": "Apache License 2.0"},
}
_HOST = {
    "default": "localhost:8000",
    "description": "Host and port of the server that this document comes from.",
}
_TOKEN = {
    "type": "apiKey",
    "in": "password",
    "description": "`token` of the `hello` frame: a ticket of `POST /api/v1/ws-tickets`, or an "
    "access token. Never in the URL.",
}
_BINDING = {
    "method": "GET",
    "headers": {
        "type": "object",
        "properties": {
            "Sec-WebSocket-Protocol": {
                "type": "string",
                "const": SUBPROTOCOL,
                "description": "The protocol and its version.",
            }
        },
        "required": ["Sec-WebSocket-Protocol"],
    },
    "bindingVersion": "0.1.0",
}
_CLIENT: Models = get_args(get_args(ClientFrame)[0])
_SERVER: Models = get_args(get_args(ServerFrame)[0])
_EVENTS: Models = (*get_args(get_args(Event)[0]), RoomEvent)
_ALL: Models = (*_CLIENT, *_SERVER, *_EVENTS)


def describe_socket(version: str, limits: Limits) -> JsonObject:
    """The document, with the limits that are settings."""
    frames = _schemas(_CLIENT, "validation") | _schemas(_SERVER, "serialization")
    with_nulls = _schemas((*_EVENTS, *_ITEMS, MessagePage), "serialization")
    schemas = _without_nulls(frames) | with_nulls
    _require_types(schemas)
    for model in ("SendMessage", "EditMessage"):
        schemas[model]["properties"]["text"]["maxLength"] = limits.text_chars
    schemas["ErrorCode"]["x-enum-descriptions"] = [meaning(code) for code in ErrorCode]
    messages = {cls.__name__: _message(cls) for cls in _ALL}
    document: JsonObject = {
        "asyncapi": "3.0.0",
        "info": {**_INFO, "version": version},
        "defaultContentType": "application/json",
        "servers": {"secure": _server("wss"), "plain": _server("ws")},
        "channels": {"socket": _channel(messages)},
        "operations": _operations(),
        "components": {
            "messages": messages,
            "schemas": schemas,
            "securitySchemes": {"token": _TOKEN},
        },
    }
    document = rename_schemas(document)
    simplify([document["components"]["schemas"]])
    return document


def _server(protocol: str) -> JsonObject:
    return {
        "host": "{host}",
        "protocol": protocol,
        "description": f"Over {'TLS' if protocol == 'wss' else 'TCP'}, on the port of the API.",
        "variables": {"host": _HOST},
        "security": [{"$ref": "#/components/securitySchemes/token"}],
    }


def _channel(messages: Iterable[str]) -> JsonObject:
    return {
        "address": "/ws",
        "title": "The socket",
        "description": "All frames of a client go over one socket.",
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in messages},
        "bindings": {"ws": _BINDING},
        "x-close-codes": [
            {"code": int(code), "name": code.name, "meaning": code.meaning} for code in CloseCode
        ],
    }


def _operations() -> dict[str, JsonObject]:
    """From the side of the server, as AsyncAPI wants it: it receives the frames of clients."""
    received = {cls.__name__: _operation("receive", cls) | _reply(ANSWERS[cls]) for cls in _CLIENT}
    sent = {cls.__name__: _operation("send", cls) for cls in (*_SERVER, *_EVENTS)}
    return {name[0].lower() + name[1:]: operation for name, operation in (received | sent).items()}


def _operation(action: str, cls: type[BaseModel]) -> JsonObject:
    return {
        "action": action,
        "channel": {"$ref": "#/channels/socket"},
        "summary": summarize(cls),
        "messages": _references([cls]),
    }


def _reply(answers: Models) -> JsonObject:
    if not answers:
        return {}
    messages = _references([*answers, ErrorFrame])
    return {"reply": {"channel": {"$ref": "#/channels/socket"}, "messages": messages}}


def _references(classes: Iterable[type[BaseModel]]) -> list[JsonObject]:
    return [{"$ref": f"#/channels/socket/messages/{cls.__name__}"} for cls in classes]


def _message(cls: type[BaseModel]) -> JsonObject:
    message: JsonObject = {
        "name": cls.model_fields["type"].default if cls is not RoomEvent else "event",
        "title": public_name(cls.__name__),
        "summary": summarize(cls),
        "contentType": "application/json",
        "payload": {"$ref": f"#/components/schemas/{cls.__name__}"},
    }
    if examples := [{"payload": example} for example in find_examples(cls)]:
        message["examples"] = examples
    return message


def summarize(cls: type[BaseModel]) -> str:
    """The docstring of a frame or event in one line."""
    return " ".join((inspect.getdoc(cls) or "").split())


def _schemas(classes: Models, mode: JsonSchemaMode) -> JsonObject:
    _, schema = models_json_schema(
        [(cls, mode) for cls in classes], ref_template="#/components/schemas/{model}"
    )
    schemas: JsonObject = schema["$defs"]
    return schemas


def _require_types(schemas: JsonObject) -> None:
    """`type` tells frames apart, so it is never absent, although the classes have a default."""
    for schema in schemas.values():
        match schema.get("properties", {}):
            case {"type": {"const": _} as field}:
                del field["default"]
                field["description"] = "The type of the frame."
                schema["required"] = sorted({"type", *schema.get("required", ())})
            case _:
                pass


def _without_nulls(schemas: JsonObject) -> JsonObject:
    """Fields that may be null may be absent, and are never null."""
    for schema in schemas.values():
        fields = schema.get("properties", {})
        nullable = {name for name, field in fields.items() if _NULL in field.get("anyOf", [])}
        if nullable:
            required = schema.get("required", ())
            schema["required"] = [name for name in required if name not in nullable]
            fields |= {name: _without_null(fields[name]) for name in nullable}
    return schemas


def _without_null(field: JsonObject) -> JsonObject:
    kinds = [kind for kind in field["anyOf"] if kind != _NULL]
    kept = {name: part for name, part in field.items() if name not in ("anyOf", "default")}
    if None in kept.get("examples", []):
        del kept["examples"]
    return (kinds[0] if len(kinds) == 1 else {"anyOf": kinds}) | kept
