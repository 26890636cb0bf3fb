"""The refresh token of a browser: a cookie that no script reads and no other site sends.

Pages keep the access token in memory. The cookie authenticates no request for data: it renews and
logs out, which needs an `Origin`, too (`request_origins.py`).
"""

import re

from fastapi import Request, Response
from starlette.datastructures import State
from starlette.types import Scope

PATH = "/api/v1/auth"
# Browsers take a name with this prefix only over TLS, so a forged page of plain HTTP cannot set it.
SECURE_NAME, PLAIN_NAME = "__Secure-chat-refresh", "chat-refresh"

_HEADER = b"cookie"
_STATE = "cookie_headers"
_TOKEN = re.compile(rb"[A-Za-z0-9_-]{1,200}")


def set_cookies_apart(scope: Scope) -> None:
    """Removes the Cookie headers from a request, and keeps them for `read_refresh_token`."""
    cookies = [value for name, value in scope["headers"] if name == _HEADER]
    if cookies:
        scope["headers"] = [pair for pair in scope["headers"] if pair[0] != _HEADER]
        scope["state"][_STATE] = cookies


def read_refresh_token(request: Request) -> str | None:
    """None if there is no cookie, none that could be a token, or several: another host of the
    domain may have added one."""
    name = _get_name(request).encode()
    values = [
        value.strip()
        for header in _get_headers(request.state)
        for key, _, value in (pair.partition(b"=") for pair in header.split(b";"))
        if key.strip() == name
    ]
    if len(values) != 1 or not _TOKEN.fullmatch(values[0]):
        return None
    return values[0].decode()


def _get_headers(state: State) -> list[bytes]:
    headers: list[bytes] = getattr(state, _STATE, [])
    return headers


def set_refresh_token(request: Request, response: Response, token: str, max_age_s: int) -> None:
    response.set_cookie(
        _get_name(request),
        token,
        max_age=max_age_s,
        path=PATH,
        secure=_is_secure(request),
        httponly=True,
        samesite="strict",
    )


def clear_refresh_token(request: Request, response: Response) -> None:
    response.delete_cookie(
        _get_name(request),
        path=PATH,
        secure=_is_secure(request),
        httponly=True,
        samesite="strict",
    )


def _get_name(request: Request) -> str:
    return SECURE_NAME if _is_secure(request) else PLAIN_NAME


def _is_secure(request: Request) -> bool:
    """Whether the browser's connection is TLS, here or at a trusted proxy (`proxies.py`)."""
    return bool(request.scope["scheme"] == "https")
