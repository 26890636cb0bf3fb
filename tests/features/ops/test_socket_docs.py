"""/docs/socket: the AsyncAPI document for people."""

import json
import re
from html import unescape
from html.parser import HTMLParser
from typing import Any

import httpx
import pytest

from app.ops.socket_page import render_socket_page
from app.wire.client_frames import ClientFrame
from app.wire.close_codes import CloseCode
from app.wire.errors import ErrorCode
from app.wire.events import Event
from app.wire.frames import ServerFrame
from testkit.answers import assert_ok
from tests.architecture.documents import types_of

VOID = {"meta", "link", "br"}


class Page(HTMLParser):
    """Its anchors, links, headings and elements."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.tags: list[str] = []
        self.attributes: set[str] = set()
        self.headings: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.tags.append(tag)
        self.attributes |= values.keys()
        self.ids += [value for name, value in attrs if name == "id" and value]
        self.links += [value for name, value in attrs if name == "href" and value]
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if {"h2", "h3"} & set(self._open):
            self.headings.append(data)


@pytest.fixture
async def answer(http: httpx.AsyncClient) -> httpx.Response:
    return await http.get("/docs/socket")


@pytest.fixture
def page(answer: httpx.Response) -> Page:
    return Page(answer.text)


async def test_the_page_has_no_script_and_loads_nothing(answer: httpx.Response, page: Page) -> None:
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    policy = answer.headers["content-security-policy"]
    assert re.fullmatch(
        r"default-src 'none'; style-src 'sha256-[\w+/]{43}='; base-uri 'none'; "
        r"form-action 'none'; frame-ancestors 'none'",
        policy,
    )
    assert not {"script", "img", "link", "iframe"} & set(page.tags)
    assert "style" not in page.attributes
    assert page.tags.count("style") == 1
    assert all(link.startswith(("#", "/")) for link in page.links)


async def test_every_link_leads_somewhere(http: httpx.AsyncClient, page: Page) -> None:
    assert len(page.ids) == len(set(page.ids)) > 50
    assert {link[1:] for link in page.links if link.startswith("#")} <= set(page.ids)
    for link in {link for link in page.links if link.startswith("/")}:
        assert (await http.get(link)).status_code == 200, link


def test_every_frame_and_event_has_a_section(page: Page) -> None:
    names = {*types_of(ClientFrame), *types_of(ServerFrame), *types_of(Event)}
    assert names <= set(page.headings)


def test_every_close_code_and_error_code_is_explained(answer: httpx.Response) -> None:
    text = unescape(answer.text)
    for code in CloseCode:
        assert f"<code>{int(code)}</code>" in text
    for error in ErrorCode:
        assert f"<code>{error}</code>" in text


async def test_examples_are_those_of_the_document(
    http: httpx.AsyncClient, answer: httpx.Response
) -> None:
    document = assert_ok(await http.get("/asyncapi.json"))
    expected = [
        example["payload"]
        for operation in document["operations"].values()
        for message in operation["messages"]
        for example in document["components"]["messages"][message["$ref"].rpartition("/")[2]].get(
            "examples", ()
        )
    ]
    shown = re.findall(r"<pre><code>(.*?)</code></pre>", answer.text, re.DOTALL)
    assert len(shown) > 20
    by_text = {json.dumps(example, sort_keys=True) for example in expected}
    assert {json.dumps(json.loads(unescape(text)), sort_keys=True) for text in shown} == by_text


def test_texts_of_the_document_are_no_markup() -> None:
    hostile = "<script>alert(1)</script>"
    schema: dict[str, Any] = {
        "description": hostile,
        "properties": {
            "type": {"const": hostile},
            hostile: {"type": "string", "description": hostile},
        },
    }
    message = {
        "name": hostile,
        "summary": hostile,
        "payload": {"$ref": "#/components/schemas/A"},
        "examples": [{"payload": {"text": hostile}}],
    }
    document = {
        "info": {"description": hostile},
        "channels": {"socket": {"title": hostile, "x-close-codes": []}},
        "operations": {
            "a": {"action": "send", "messages": [{"$ref": "#/channels/socket/messages/A"}]}
        },
        "components": {"messages": {"A": message}, "schemas": {"A": schema, "B": schema}},
    }
    rendered = render_socket_page(document)
    assert "script" not in Page(f"<main>{rendered}</main>").tags
    assert rendered.count("&lt;script&gt;") > 8
