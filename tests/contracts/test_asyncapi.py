"""The AsyncAPI document: every frame and event, with its schema, its description and an example."""

import json
import threading
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute

from app.http.asyncapi import describe_socket
from app.http.documents import JsonObject, serve_document
from app.main import VERSION
from app.settings import load_settings
from app.wire.client_frames import ClientFrame
from app.wire.close_codes import CloseCode
from app.wire.errors import ErrorCode
from app.wire.events import Event
from app.wire.frames import ServerFrame
from app.wire.schemas.limits import ServerLimits
from tests.architecture.documents import types_of

TYPES = [*types_of(ClientFrame), *types_of(ServerFrame), *types_of(Event)]
SETTINGS = load_settings(auth={"secret_key": "k" * 32}, limits={"text_chars": 1234})


@pytest.fixture(scope="module")
def document() -> JsonObject:
    return describe_socket(VERSION, SETTINGS.limits)


def fields(document: JsonObject) -> Iterator[tuple[str, JsonObject]]:
    for name, schema in document["components"]["schemas"].items():
        for field, part in schema.get("properties", {}).items():
            yield f"{name}.{field}", part


def messages(document: JsonObject) -> Iterator[tuple[str, JsonObject]]:
    yield from document["components"]["messages"].items()


def test_every_frame_and_event_is_a_message_of_the_channel(document: JsonObject) -> None:
    described = [message["name"] for _, message in messages(document)]
    assert sorted(described) == sorted([*TYPES, "event"])
    channel = document["channels"]["socket"]
    assert channel["address"] == "/ws"
    assert channel["messages"].keys() == document["components"]["messages"].keys()
    headers = channel["bindings"]["ws"]["headers"]["properties"]
    assert headers["Sec-WebSocket-Protocol"]["const"] == "chat.v1"


def test_clients_send_what_the_server_receives(document: JsonObject) -> None:
    """The document names operations from the side of the server."""
    received = [op for op in document["operations"].values() if op["action"] == "receive"]
    sent = [op for op in document["operations"].values() if op["action"] == "send"]
    assert len(received) == len(types_of(ClientFrame))
    assert len(received) + len(sent) == len(TYPES) + 1
    hello = document["operations"]["hello"]["reply"]["messages"]
    names = [message["$ref"].rpartition("/")[2] for message in hello]
    assert names == ["Welcome", "RoomList", "ItemChanged", "RoomOpened", "ErrorFrame"]
    assert "reply" not in document["operations"]["typing"]


def test_every_schema_and_field_is_described(document: JsonObject) -> None:
    schemas = document["components"]["schemas"]
    assert [name for name, schema in schemas.items() if not schema.get("description")] == []
    undescribed = [name for name, part in fields(document) if not {"description", "$ref"} & {*part}]
    assert undescribed == []


def test_every_message_has_an_example_of_its_schema(document: JsonObject) -> None:
    for name, message in messages(document):
        examples = message.get("examples", [])
        assert examples or name == "RoomEvent", name
        for example in examples:
            schema = message["payload"] | {"components": document["components"]}
            validator = jsonschema_rs.validator_for(schema, validate_formats=True)
            validator.validate(example["payload"])
            assert example["payload"]["type"] == message["name"]


def test_the_type_is_required_and_a_field_of_a_frame_is_never_null(document: JsonObject) -> None:
    schemas = document["components"]["schemas"]
    for name, message in messages(document):
        schema = schemas[message["payload"]["$ref"].rpartition("/")[2]]
        assert "type" in schema["required"], name
        if message["name"] not in (*types_of(Event), "event"):
            assert "null" not in json.dumps(schema), name
    assert schemas["RoomDetails"]["properties"]["name"]["type"] == ["string", "null"]


def test_codes_have_their_meaning(document: JsonObject) -> None:
    closes = {c["code"]: c for c in document["channels"]["socket"]["x-close-codes"]}
    assert closes.keys() == {int(code) for code in CloseCode}
    assert all(close["meaning"] for close in closes.values())
    codes = document["components"]["schemas"]["ErrorCode"]
    assert codes["enum"] == [code.value for code in ErrorCode]
    assert len(codes["x-enum-descriptions"]) == len(codes["enum"])
    assert all(codes["x-enum-descriptions"])


def test_limits_that_are_settings_are_in_the_document(document: JsonObject) -> None:
    schemas = document["components"]["schemas"]
    assert schemas["SendMessage"]["properties"]["text"]["maxLength"] == 1234
    assert schemas["ServerLimits"]["required"] == list(ServerLimits.model_fields)


async def test_a_document_is_built_once_and_not_on_the_event_loop() -> None:
    threads: list[Any] = []

    def build() -> JsonObject:
        threads.append(threading.current_thread())
        return {"é": 1}

    app = FastAPI(openapi_url=None)
    serve_document(app, "/document.json", build)
    (route,) = (route for route in app.routes if isinstance(route, APIRoute))
    bodies = [(await route.endpoint()).body for _ in range(2)]
    assert bodies == ['{"é":1}'.encode()] * 2
    assert len(threads) == 1
    assert threads[0] is not threading.current_thread()
