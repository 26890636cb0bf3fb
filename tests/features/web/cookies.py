"""The cookie endpoints as a page calls them."""

from http.cookies import Morsel, SimpleCookie
from typing import Any

import httpx

from app.http.session_cookie import PLAIN_NAME
from testkit.people import API
from testkit.server import PASSWORD

COOKIE = f"{API}/auth/cookie"


def own_origin(http: httpx.AsyncClient) -> str:
    return str(http.base_url).rstrip("/")


async def cookie_login(
    http: httpx.AsyncClient, username: str, password: str = PASSWORD, **headers: str
) -> httpx.Response:
    form = {"grant_type": "password", "username": username, "password": password}
    return await http.post(
        COOKIE, data=form, headers=_encode({"Origin": own_origin(http)} | headers)
    )


async def renew_with_cookie(
    http: httpx.AsyncClient, token: str, name: str = PLAIN_NAME, **headers: str
) -> httpx.Response:
    return await _post(http, "refresh", f"{name}={token}", headers)


async def cookie_logout(
    http: httpx.AsyncClient, token: str, name: str = PLAIN_NAME, **headers: str
) -> httpx.Response:
    return await _post(http, "logout", f"{name}={token}", headers)


async def _post(
    http: httpx.AsyncClient, what: str, cookie: str, headers: dict[str, str]
) -> httpx.Response:
    fields = {"Origin": own_origin(http), "Cookie": cookie} | headers
    return await http.post(f"{COOKIE}/{what}", headers=_encode(fields))


def _encode(fields: dict[str, str]) -> dict[bytes, bytes]:
    """An empty field is left out."""
    return {name.encode(): value.encode() for name, value in fields.items() if value}


def get_cookie(answer: httpx.Response) -> "Morsel[Any]":
    """The only cookie that an answer sets."""
    [header] = answer.headers.get_list("set-cookie")
    [morsel] = SimpleCookie(header).values()
    return morsel
