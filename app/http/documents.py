"""What the OpenAPI and the AsyncAPI document share: names of schemas, their form, and the route."""

import asyncio
import json
import re
from collections.abc import Callable
from threading import Lock
from typing import Any

from fastapi import FastAPI
from starlette.responses import JSONResponse, Response

JsonObject = dict[str, Any]

# The public name of a schema, where it differs from its class.
_NAMES = {
    "SetUp": "Setup",
    "SetupOut": "SetupResult",
    "SendMessageRequest": "SendMessage",
    "Live": "Liveness",
    "Me": "Account",
    "ReadOut": "ReadState",
    "Ready": "Readiness",
    "Register": "Registration",
    "SetRead": "MarkRead",
    "TokenForm": "TokenRequest",
    "TokenOut": "TokenPair",
}


def serve_document(app: FastAPI, path: str, build: Callable[[], JsonObject]) -> None:
    """Serve a document that takes some 100 ms to build: once, and in a thread, so that the event
    loop goes on."""
    lock, bodies = Lock(), list[bytes]()

    def encode() -> bytes:
        with lock:
            if not bodies:
                bodies.append(bytes(JSONResponse(build()).body))
            return bodies[0]

    @app.get(path, include_in_schema=False)
    async def document() -> Response:
        return Response(await asyncio.to_thread(encode), media_type="application/json")


def rename_schemas(document: JsonObject) -> JsonObject:
    """Give every schema its public name, in all references too."""
    schemas = document["components"]["schemas"]
    names = {name: public_name(name) for name in schemas}
    document["components"]["schemas"] = {
        names[name]: schemas[name] for name in sorted(schemas, key=public_name)
    }
    prefix = '"#/components/schemas/'
    renamed: JsonObject = json.loads(
        re.sub(rf'{prefix}(\w+)"', lambda ref: f'{prefix}{names[ref[1]]}"', json.dumps(document))
    )
    return renamed


def public_name(name: str) -> str:
    """RoomOut is Room, Page_RoomOut_ is RoomPage."""
    if page := re.fullmatch(r"Page_(\w+)_", name):
        return public_name(page[1]) + "Page"
    return _NAMES.get(name, name.removesuffix("Out"))


def simplify(node: Any) -> None:
    """Remove what generators make unwanted classes of: titles, which only repeat the names, empty
    defaults, and unions of one type and null, which `type` can express. Bounds of integers become
    integers."""
    if isinstance(node, list):
        for part in node:
            simplify(part)
    elif isinstance(node, dict):
        if isinstance(node.get("title"), str):
            del node["title"]
        if node.get("default", 0) in ("", None):
            del node["default"]
        match node:
            case {"anyOf": [{"type": str(kind)} as schema, {"type": "null"}]}:
                del node["anyOf"]
                node |= schema | node | {"type": [kind, "null"]}
            case _:
                pass
        for name, part in node.items():
            if isinstance(part, float) and part.is_integer():
                node[name] = int(part)
            elif name not in ("examples", "example"):
                simplify(part)
