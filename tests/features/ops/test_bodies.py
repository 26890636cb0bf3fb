"""Invalid bodies are problems of the client, never internal errors."""

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from testkit.answers import assert_ok, assert_problem
from testkit.people import API, Person

JSON = {"Content-Type": "application/json"}
LIMIT = 256 * 1024

NOT_JSON: dict[str, bytes] = {
    "blank": b" ",
    "half": b'{"kind": "public"',
    "a word": b"nul",
    "quotes": b"{'kind': 'public'}",
    "a comma": b'{"kind": "public",}',
    "a comment": b'{"kind": "public" /* x */}',
    "two": b'{"kind": "public"}{"kind": "public"}',
    "a control character": b'{"kind": "pub\nlic"}',
    "a wrong escape": rb'{"kind": "\x"}',
    "no UTF-8": b'{"kind": "\xff"}',
    "a surrogate in UTF-8": b'{"kind": "\xed\xa0\x80"}',
    "UTF-16": '{"kind": "public", "name": "x"}'.encode("utf-16"),
    "a byte order mark": b'\xef\xbb\xbf{"kind": "public", "name": "x"}',
    "NaN": b'{"kind": "public", "name": NaN}',
    "Infinity": b'{"kind": "public", "x": -Infinity}',
    "a name twice": b'{"kind": "public", "kind": "private", "name": "x"}',
    "a name twice, within": b'{"kind": "public", "name": "x", "y": [{"a": 1, "a": 1}]}',
    "deep lists": b"[" * 5000,
    "deep lists that end": b"[" * 5000 + b"]" * 5000,
    "deep objects": b'{"x":' * 5000 + b"1" + b"}" * 5000,
    "deep in a field": b'{"kind": "public", "name": ' + b"[" * 5000 + b"]" * 5000 + b"}",
    "5,000 digits": b'{"kind": "public", "name": ' + b"9" * 5000 + b"}",
    "half a pair in a value": rb'{"kind": "public", "name": "\ud800"}',
    "half a pair in a name": rb'{"kind": "public", "name": "x", "\uDFFF": 1}',
}
NOT_AN_OBJECT: dict[str, bytes] = {
    "null": b"null",
    "a list": b"[]",
    "a text": b'"public"',
    "a number": b"5",
    "1e400": b"1e400",
    "4,000 digits": b"9" * 4000,
}


async def make_room(ada: Person, body: Any, **headers: str) -> httpx.Response:
    return await ada.call("POST", "/rooms", content=body, headers=JSON | headers)


@pytest.mark.parametrize("body", NOT_JSON.values(), ids=NOT_JSON)
async def test_a_body_that_is_not_json_is_refused(ada: Person, body: bytes) -> None:
    problem = assert_problem(await make_room(ada, body), "invalid", "body")
    assert "JSON" in problem["detail"]
    assert assert_ok(await ada.get("/rooms"))["items"] == []


@pytest.mark.parametrize("body", NOT_AN_OBJECT.values(), ids=NOT_AN_OBJECT)
async def test_a_json_body_that_is_not_an_object_is_refused(ada: Person, body: bytes) -> None:
    assert_problem(await make_room(ada, body), "invalid", "body")


async def test_a_missing_body_is_refused(ada: Person) -> None:
    assert_problem(await make_room(ada, b""), "invalid", "body")
    assert_problem(await ada.call("POST", "/rooms"), "invalid", "body")


@pytest.mark.parametrize(
    "kind",
    [
        *("", "text/plain", "application/x-www-form-urlencoded", "application/jsonx", "json"),
        *("text/json", "application/json; charset=utf-16", 'application/json; charset="latin-1"'),
        *("application/json, text/plain", "multipart/form-data; boundary=x"),
    ],
)
async def test_json_needs_its_content_type(ada: Person, kind: str) -> None:
    """Otherwise a page of another origin could send JSON without a preflight request."""
    body = b'{"kind": "public", "name": "x"}'
    answer = await ada.call("POST", "/rooms", content=body, headers={"Content-Type": kind})
    problem = assert_problem(answer, "unsupported_media_type")
    assert "application/json" in problem["detail"]


async def test_json_without_a_content_type_is_refused_in_chunks_too(ada: Person) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield b'{"kind": "public", "name": "x"}'

    assert_problem(await ada.call("POST", "/rooms", content=chunks()), "unsupported_media_type")


@pytest.mark.parametrize(
    "kind",
    [
        *(
            "application/json; charset=utf-8",
            "APPLICATION/JSON",
            'application/json;charset="UTF-8"',
        ),
        *("application/json; odata=verbose", "application/merge-patch+json"),
    ],
)
async def test_spellings_of_the_json_content_type_are_accepted(ada: Person, kind: str) -> None:
    assert_ok(
        await make_room(ada, b'{"kind": "public", "name": "x"}', **{"Content-Type": kind}), 201
    )


async def test_the_size_of_a_refusal_does_not_depend_on_the_body(ada: Person) -> None:
    """Many unknown fields, and a field name of a hundred kilobytes."""
    many = json.dumps({f"x{number}": 0 for number in range(900)})
    problem = assert_problem(await make_room(ada, many), "invalid")
    assert len(problem["errors"]) == 20
    long = json.dumps({"kind": "group", "x" * 100_000: 0})
    answer = await make_room(ada, long)
    assert_problem(answer, "invalid", "x" * 64)
    assert len(answer.content) < 1000


@pytest.mark.parametrize(
    "values",
    [
        json.dumps({f"x{number}": 0 for number in range(20_000)}),
        json.dumps([[]] * 20_000),
        json.dumps({"name": [{}] * 2_000, "topic": '[{,\\"'}),
        "[" + '"",' * 2_000 + '"]',
    ],
    ids=["names", "lists", "objects", "a string without end"],
)
async def test_a_body_with_too_many_json_values_is_refused(ada: Person, values: str) -> None:
    problem = assert_problem(await make_room(ada, values), "invalid", "body")
    assert "more than 1100 values" in problem["detail"]


@pytest.mark.parametrize("text", ["a, b, " * 600, "[{[{" * 900, '\\",[' * 1000, '",' * 1999])
async def test_json_values_inside_strings_do_not_count(ada: Person, text: str) -> None:
    room = await ada.makes_room()
    assert assert_ok(await ada.sends(room, text), 201)["text"] == text


async def test_an_integer_with_too_many_digits_is_refused(ada: Person) -> None:
    body = b'{"kind": "public", "name": ' + b"9" * 101 + b"}"
    assert "more than 100 digits" in assert_problem(await make_room(ada, body), "invalid")["detail"]


async def test_a_body_of_the_maximum_size_is_read(ada: Person) -> None:
    body = b'{"kind": "public", "name": "x"' + b" " * (LIMIT - 31) + b"}"
    assert len(body) == LIMIT
    assert_ok(await make_room(ada, body), 201)


@pytest.mark.parametrize("path", ["/rooms", "/auth/token", "/users/me", "/auth/logout"])
async def test_a_body_above_the_maximum_size_is_refused(ada: Person, path: str) -> None:
    method = "PATCH" if path == "/users/me" else "POST"
    answer = await ada.call(method, path, content=b"x" * (LIMIT + 1), headers=JSON)
    assert_problem(answer, "too_large")


@pytest.mark.parametrize("path", ["/rooms", "/auth/token"])
async def test_a_chunked_body_above_the_maximum_size_is_refused(ada: Person, path: str) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(5):
            yield b" " * (LIMIT // 4)

    kind = JSON if path == "/rooms" else {"Content-Type": "application/x-www-form-urlencoded"}
    answer = await ada.call("POST", path, content=chunks(), headers=kind)
    assert_problem(answer, "too_large")


async def test_a_small_chunked_body_is_read(ada: Person) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for piece in (b'{"kind": "pub', b'lic", "name": "\xf0\x9f', b'\x91\x8b"}'):
            yield piece

    answer = await ada.call("POST", "/rooms", content=chunks(), headers=JSON)
    assert assert_ok(answer, 201)["name"] == "👋"


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/json", b'{"grant_type": "password", "username": "a", "password": "b"}'),
        ("multipart/form-data", b"x"),
        ("multipart/form-data; boundary=x", b"--y"),
        ("multipart/form-data; boundary=x", b'--x\r\nContent-Disposition: form-data; name="'),
        ("application/x-www-form-urlencoded", b"grant_typ\xff=%ff&%ff=%00"),
        ("application/x-www-form-urlencoded", b"&" * 10_000 + b"="),
        ("application/x-www-form-urlencoded", b"a=1&" * 5_000),
        ("", b"grant_type=password"),
    ],
    ids=["JSON", "no boundary", "another", "cut off", "bytes", "empty", "many", "nothing"],
)
async def test_invalid_forms_are_refused(http: httpx.AsyncClient, kind: str, body: bytes) -> None:
    headers = {"Content-Type": kind}
    code = "invalid_request" if "urlencoded" in kind else "unsupported_media_type"
    assert_problem(await http.post(f"{API}/auth/token", content=body, headers=headers), code)


async def test_a_form_has_its_own_maximum_size(http: httpx.AsyncClient) -> None:
    body = b"grant_type=password&username=" + b"%61" * 11_000
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    assert_problem(await http.post(f"{API}/auth/token", content=body, headers=headers), "too_large")


async def test_a_file_upload_is_not_a_form_field(http: httpx.AsyncClient) -> None:
    files = {"grant_type": b"password", "username": b"x", "password": b"x"}
    assert_problem(await http.post(f"{API}/auth/token", files=files), "unsupported_media_type")
