"""/docs without a network, /openapi.json and /asyncapi.json."""

import re
from html.parser import HTMLParser
from urllib.parse import urljoin

import httpx

from testkit.answers import assert_ok
from testkit.people import API, Person
from testkit.server import PASSWORD


class References(HTMLParser):
    """The URLs that a page loads, and its inline scripts."""

    def __init__(self) -> None:
        super().__init__()
        self.urls: list[str] = []
        self.inline: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if url := values.get("src") or values.get("href"):
            self.urls.append(url)
        elif tag == "script":
            self.inline.append(tag)
        self.inline += [name for name in values if name.startswith("on")]


async def test_the_docs_page_loads_nothing_from_other_hosts(http: httpx.AsyncClient) -> None:
    page = await http.get("/docs")
    assert page.status_code == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    references = References()
    references.feed(page.text)
    assert references.inline == []
    assert len(references.urls) == 4
    kinds = {"js": "text/javascript", "css": "text/css", "png": "image/png"}
    for url in references.urls:
        assert urljoin("http://here/docs", url).startswith("http://here/docs/")
        asset = await http.get(url)
        assert asset.status_code == 200
        kind = kinds[url.rpartition(".")[2]]
        assert asset.headers["content-type"].partition(";")[0] == kind
        assert "max-age" in asset.headers["cache-control"]
    style = (await http.get("/docs/swagger-ui.css")).text
    assert not [url for url in re.findall(r"url\(([^)]*)\)", style) if "data:" not in url]


async def test_the_docs_page_runs_only_scripts_of_the_server(http: httpx.AsyncClient) -> None:
    policy = (await http.get("/docs")).headers["content-security-policy"]
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    assert rules["default-src"] == "'none'"
    assert rules["script-src"] == rules["connect-src"] == "'self'"
    assert rules["frame-ancestors"] == "'none'"
    assert "unsafe-eval" not in policy
    assert "*" not in policy
    assert "http" not in policy


async def test_the_docs_page_shows_the_openapi_document(http: httpx.AsyncClient) -> None:
    start = (await http.get("/docs/start.js")).text
    (address,) = re.findall(r'url: "(.*?)"', start)
    document = assert_ok(await http.get(address))
    assert document["openapi"].startswith("3.1")


async def test_the_asyncapi_document_is_linked_and_served(http: httpx.AsyncClient) -> None:
    assert "(/asyncapi.json)" in assert_ok(await http.get("/openapi.json"))["info"]["description"]
    document = assert_ok(await http.get("/asyncapi.json"))
    assert document["asyncapi"] == "3.0.0"
    assert document["channels"]["socket"]["address"] == "/ws"


async def test_the_documented_oauth_flow_works(http: httpx.AsyncClient, ada: Person) -> None:
    """The Authorize button of the docs page reads the document and does the same."""
    document = assert_ok(await http.get("/openapi.json"))
    (scheme,) = document["components"]["securitySchemes"].values()
    flow = scheme["flows"]["password"]
    form = {"grant_type": "password", "username": ada.username, "password": PASSWORD}
    token = assert_ok(await http.post(flow["tokenUrl"], data=form))
    bearer = {"Authorization": f"{token['token_type']} {token['access_token']}"}
    assert_ok(await http.get(f"{API}/users/me", headers=bearer))
    renewal = {"grant_type": "refresh_token", "refresh_token": token["refresh_token"]}
    assert_ok(await http.post(flow["refreshUrl"], data=renewal))
