"""Parsing of client frames: one of a closed list, or a refusal."""

import json
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.server_state import ServerState
from app.core.sync_tokens import SyncTokens
from app.realtime.connection import frame_handler
from app.wire.client_frames import Hello, Pong, SendMessage
from app.wire.errors import ErrorCode
from app.wire.frame_parser import RefusedFrame, parse, parse_frame_id
from app.wire.frames import encode, error_frame

ROOM = str(uuid4())
SEND = {"type": "message.send", "id": 7, "room": ROOM, "nonce": "n", "text": "hello"}


def read(text: str, most: int = 16_384, depth: int = 32) -> object:
    return parse(text, max_bytes=most, max_depth=depth)


def refusal(text: str, most: int = 16_384, depth: int = 32) -> RefusedFrame:
    with pytest.raises(RefusedFrame) as caught:
        read(text, most, depth)
    return caught.value


ODD_IDS = [
    f"urn:uuid:{ROOM}",
    f"{{{ROOM}}}",
    ROOM.replace("-", ""),
    f"{ROOM} ",
    f"{ROOM}\n",
    ROOM[:-1],
    ROOM[:-1] + "g",
    ROOM.replace("-", "\u2010"),
]
WITH_IDS: dict[str, dict[str, object]] = {
    "open": {"rooms": [{"room": ROOM}]},
    "close": {"rooms": [ROOM]},
    "history": {"room": ROOM},
    "read": {"room": ROOM, "seq": 1},
    "presence.subscribe": {"users": [ROOM]},
    "typing": {"room": ROOM},
    "hello": {"token": "t", "rooms": [{"room": ROOM}]},
    "message.send": {"room": ROOM, "nonce": "n", "text": "hello"},
}


@pytest.mark.parametrize("type_", WITH_IDS)
def test_a_uuid_in_a_frame_has_one_spelling_in_either_case(type_: str) -> None:
    text = json.dumps({"type": type_, "id": 1} | WITH_IDS[type_])
    assert read(text) == read(text.replace(ROOM, ROOM.upper()))
    for odd in ODD_IDS:
        refused = refusal(text.replace(json.dumps(ROOM), json.dumps(odd)))
        assert (refused.error.code, refused.frame_id) == (ErrorCode.INVALID, 1), odd


# Whatever is wrong with a frame, as long as it has an `id`.
WRONG = {
    "NaN": '{"type":"pong","n":NaN,"id":7}',
    "NaN before a string": '{"n":NaN,"type":"pong","x":"\\"id\\":8","id":7}',
    "infinity": '{"id":7,"type":"pong","n":-Infinity}',
    "5,000 digits": '{"id":7,"type":"pong","n":' + "9" * 5000 + "}",
    "1e400": '{"id":7,"type":"pong","n":1e400}',
    "too deep": '{"type":"pong","n":' + "[" * 5000 + "]" * 5000 + ',"id":7}',
    "too deep, and open": '{"id":7,"type":"pong","n":' + "[" * 5000,
    "too large": '{"id":7,"type":"pong","n":"' + "x" * 20_000 + '"}',
    "too large, at the end": '{"type":"pong","n":"' + "x" * 20_000 + '","id":7}',
    "too many values": '{"id":7,"type":"close","rooms":[' + "0," * 5000 + "0]}",
    "too many names": '{"id":7,"type":"pong",' + ",".join(f'"{n}":0' for n in range(1500)) + "}",
    "a name twice": '{"id":7,"type":"pong","n":1,"n":2}',
    "half a pair": '{"id":7,"type":"message.send","text":"\\ud800"}',
    "half a pair as a name": '{"\\ud800":1,"id":7}',
    "a wrong escape": '{"id":7,"type":"\\x"}',
    "a control character": '{"id":7,"type":"\n"}',
    "an unknown type": '{"id":7,"type":"x"}',
    "no type": '{"id":7}',
    "a type of a number": '{"id":7,"type":5}',
    "a comma too many": '{"id":7,"type":"pong","n":1,}',
    "cut off": '{"id":7,"type":"pong"',
    "another id within": '{"x":{"id":8},"y":[{"id":9}],"id":7}',
    "an id in a text": '{"text":"\\"id\\":8","id":7}',
    "white space": '{ "id" :\n\t7 , "type" : "x" }',
}


@pytest.mark.parametrize("text", WRONG.values(), ids=WRONG)
def test_a_refusal_has_the_id_of_the_frame(text: str) -> None:
    assert refusal(text).frame_id == 7
    named = refusal(text.replace('"id":7', '"id":"\\ud83d\\ude00 x"').replace(":\n\t7", ':"😀 x"'))
    assert named.frame_id == "😀 x"


@pytest.mark.parametrize(
    "text",
    [
        *('{"id":7.5}', '{"id":7e0}', '{"id":true}', '{"id":null}', '{"id":[7]}', '{"id":""}'),
        *('{"id":"' + "x" * 33 + '"}', '{"id":9007199254740992}', '[{"id":7}]', '{"x":{"id":7}}'),
        *('{"id":"\\ud800"}', '{"id":07}', '"id":7', '{"text":"\\"id\\":7"}', '{"id"', ""),
    ],
)
def test_an_invalid_id_is_not_repeated_in_a_refusal(text: str) -> None:
    assert refusal(text).frame_id is None


JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=5)
    | st.sampled_from(["id", '"id":1']),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.sampled_from(["id", "x", '"id', "\\"]), inner)
    ),
    max_leaves=10,
)


@given(st.dictionaries(st.sampled_from(["id", "x", "y", '"id"', "\\"]), JSON_VALUES))
def test_the_id_of_a_refused_frame_is_what_a_parser_finds(frame: dict[str, object]) -> None:
    expected = frame.get("id")
    if isinstance(expected, bool) or not isinstance(expected, str | int):
        expected = None
    if isinstance(expected, str) and not 1 <= len(expected) <= 32:
        expected = None
    if isinstance(expected, int) and abs(expected) >= 2**53:
        expected = None
    assert parse_frame_id(json.dumps(frame)) == expected


def test_more_than_100_errors_are_counted_and_not_listed() -> None:
    names = ",".join(f'"{n}":0' for n in range(101))
    error = refusal('{"type":"pong","n":1,' + names + "}").error
    assert error.code == ErrorCode.INVALID
    assert "More than 100" in error.detail


@pytest.mark.parametrize("snapshot", ["", "x" * 201, "x" * 60_000, "é", "\0", "=" * 300])
def test_a_broken_snapshot_does_not_refuse_a_hello(snapshot: str) -> None:
    frame = read(json.dumps({"type": "hello", "token": "t", "snapshot": snapshot}), most=65_536)
    assert isinstance(frame, Hello)
    state = ServerState("an epoch", restores=0, clock_steps=0)
    assert SyncTokens([b"key"]).parse(uuid4(), snapshot, state) is None


def test_valid_frames_are_parsed() -> None:
    frame = read(json.dumps(SEND))
    assert isinstance(frame, SendMessage)
    assert (frame.id, str(frame.room), frame.nonce, frame.text) == (7, ROOM, "n", "hello")


@pytest.mark.parametrize(
    "text",
    ["", "x", "null", "5", "[]", '"text"', "{", "{}", '{"id": 7}', '{"type": 5}', "[" * 10, "NaN"],
)
def test_invalid_frames_are_refused(text: str) -> None:
    assert refusal(text).error.code in {ErrorCode.BAD_FRAME, ErrorCode.UNKNOWN_TYPE}


@pytest.mark.parametrize("kind", ["", "message", "message.created", "MESSAGE.SEND", "welcome"])
def test_an_unknown_frame_type_is_refused(kind: str) -> None:
    refused = refusal(json.dumps({"type": kind, "id": "a"}))
    assert (refused.error.code, refused.frame_id) == (ErrorCode.UNKNOWN_TYPE, "a")


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
def test_an_invalid_value_in_a_frame_is_named(change: dict[str, object], path: str) -> None:
    refused = refusal(json.dumps(SEND | change))
    assert (refused.error.code, refused.frame_id) == (ErrorCode.INVALID, 7)
    shown = json.loads(encode(error_frame(refused.error, refused.frame_id)))
    assert shown["errors"][0]["path"] == path
    assert (shown["type"], shown["id"], shown["retry"]) == ("error", 7, "never")


@pytest.mark.parametrize("frame_id", [1, -5, 2**53 - 1, "a", "x" * 32, "é", None])
def test_frame_ids_are_repeated(frame_id: object) -> None:
    refused = refusal(json.dumps({"type": "nonsense", "id": frame_id}))
    assert refused.frame_id == frame_id


@pytest.mark.parametrize("frame_id", ["", "x" * 33, 2**53, 1.5, True, [1], {}])
def test_invalid_frame_ids_are_not_repeated(frame_id: object) -> None:
    assert refusal(json.dumps(SEND | {"id": frame_id})).frame_id is None


def test_the_frame_size_is_counted_in_bytes() -> None:
    text = json.dumps(SEND | {"text": "é" * 100}, ensure_ascii=False)
    size = len(text.encode())
    read(text, most=size)
    assert refusal(text, most=size - 1).error.code is ErrorCode.TOO_LARGE


def test_json_depth_is_bounded_and_ignores_brackets_in_strings() -> None:
    read(json.dumps(SEND | {"text": '[{"' * 1000}))
    read(json.dumps(SEND | {"text": '\\"[' * 1000}))
    deep = json.dumps(SEND)[:-1] + ', "x": ' + "[" * 40 + "]" * 40 + "}"
    assert refusal(deep).error.code is ErrorCode.BAD_FRAME
    assert refusal("[" * 16_000).error.code is ErrorCode.BAD_FRAME


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=200))
def test_the_frame_parser_accepts_any_text(text: str) -> None:
    for candidate in (text, json.dumps(SEND | {"text": text}), json.dumps({"type": text})):
        try:
            read(candidate)
        except RefusedFrame as refused:
            encode(error_frame(refused.error, refused.frame_id))


@pytest.mark.parametrize(
    ("text", "is_recognised"),
    [
        ('{"type":"pong","n":1}', True),
        ('{"type": "pong", "n": 0}', True),
        ('{"n":123456789012345,"type":"pong"}', True),
        ('{"type":"pong","n":1,"id":"a"}', False),
        ('{ "type":"pong","n":1}', False),
        ('{"type":"pong","n":01}', False),
        ('{"type":"pong","n":-1}', False),
        ('{"type":"pong","n":1,"n":1}', False),
        ('{"type":"pong","n":1}x', False),
        ('{"type":"pong"}', False),
    ],
)
def test_a_pong_that_is_recognised_without_the_parser_is_one(
    text: str, *, is_recognised: bool
) -> None:
    """All others are left to the parser, which takes some of them."""
    assert bool(frame_handler._PONG.fullmatch(text.encode())) is is_recognised
    if is_recognised:
        assert isinstance(read(text), Pong)
