"""Frames of clients: from text to one of a closed list, or to a refusal."""

import json
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.errors import Code
from app.realtime.protocol import RefusedFrame, SendMessage, encode, error_frame, parse

ROOM = str(uuid4())
SEND = {"type": "message.send", "id": 7, "room": ROOM, "nonce": "n", "text": "hello"}


def read(text: str, most: int = 16_384, depth: int = 32) -> object:
    return parse(text, max_bytes=most, max_depth=depth)


def refusal(text: str, most: int = 16_384, depth: int = 32) -> RefusedFrame:
    with pytest.raises(RefusedFrame) as caught:
        read(text, most, depth)
    return caught.value


def test_a_frame() -> None:
    frame = read(json.dumps(SEND))
    assert isinstance(frame, SendMessage)
    assert (frame.id, str(frame.room), frame.nonce, frame.text) == (7, ROOM, "n", "hello")


@pytest.mark.parametrize(
    "text",
    ["", "x", "null", "5", "[]", '"text"', "{", "{}", '{"id": 7}', '{"type": 5}', "[" * 10, "NaN"],
)
def test_what_is_no_frame(text: str) -> None:
    assert refusal(text).error.code in {Code.BAD_FRAME, Code.UNKNOWN_TYPE}


@pytest.mark.parametrize("kind", ["", "message", "message.created", "MESSAGE.SEND", "welcome"])
def test_a_type_that_clients_do_not_send(kind: str) -> None:
    refused = refusal(json.dumps({"type": kind, "id": "a"}))
    assert (refused.error.code, refused.frame_id) == (Code.UNKNOWN_TYPE, "a")


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"room": None}, "room"),
        ({"room": "x"}, "room"),
        ({"nonce": "a b"}, "nonce"),
        ({"text": " "}, "text"),
        ({"text": "a\0"}, "text"),
        ({"text": 5}, "text"),
        ({"reply_to": "5"}, "reply_to"),
        ({"reply_to": 5.0}, "reply_to"),
        ({"reply_to": True}, "reply_to"),
        ({"reply_to": -1}, "reply_to"),
        ({"reply_to": 2**53}, "reply_to"),
        ({"reply_to": 10**30}, "reply_to"),
        ({"extra": 1}, "extra"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_value_that_is_not_acceptable_is_named(change: dict[str, object], path: str) -> None:
    refused = refusal(json.dumps(SEND | change))
    assert (refused.error.code, refused.frame_id) == (Code.INVALID, 7)
    shown = json.loads(encode(error_frame(refused.error, refused.frame_id)))
    assert shown["errors"][0]["path"] == path
    assert (shown["type"], shown["id"], shown["retry"]) == ("error", 7, "never")


@pytest.mark.parametrize("frame_id", [1, -5, 2**53 - 1, "a", "x" * 32, "é", None])
def test_ids_are_repeated(frame_id: object) -> None:
    refused = refusal(json.dumps({"type": "nonsense", "id": frame_id}))
    assert refused.frame_id == frame_id


@pytest.mark.parametrize("frame_id", ["", "x" * 33, 2**53, 1.5, True, [1], {}])
def test_ids_that_are_none_are_not(frame_id: object) -> None:
    assert refusal(json.dumps(SEND | {"id": frame_id})).frame_id is None


def test_a_frame_has_bytes_not_characters() -> None:
    text = json.dumps(SEND | {"text": "é" * 100}, ensure_ascii=False)
    size = len(text.encode())
    read(text, most=size)
    assert refusal(text, most=size - 1).error.code is Code.TOO_LARGE


def test_depth_is_bounded_and_brackets_in_text_are_not_depth() -> None:
    read(json.dumps(SEND | {"text": '[{"' * 1000}))
    read(json.dumps(SEND | {"text": '\\"[' * 1000}))
    deep = json.dumps(SEND)[:-1] + ', "x": ' + "[" * 40 + "]" * 40 + "}"
    assert refusal(deep).error.code is Code.BAD_FRAME
    assert refusal("[" * 16_000).error.code is Code.BAD_FRAME


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=200))
def test_no_text_breaks_it(text: str) -> None:
    for candidate in (text, json.dumps(SEND | {"text": text}), json.dumps({"type": text})):
        try:
            read(candidate)
        except RefusedFrame as refused:
            encode(error_frame(refused.error, refused.frame_id))
