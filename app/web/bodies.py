"""JSON bodies, read as strictly as I-JSON asks (RFC 7493): what two programs could read in two ways
is refused, and so is what the standard library would take besides JSON.

What a body may cost is bounded before it is parsed: each value in it may become an object and, if
it is wrong, an error of pydantic, which are a hundred times as large.
"""

import json
from collections.abc import Callable, Coroutine
from typing import Any, NoReturn

from fastapi import HTTPException, Request, Response
from fastapi.routing import APIRoute
from starlette.datastructures import FormData

from app.core.json_text import has_many_values
from app.web.deps import authentication

MAX_VALUES = 1000
MAX_DIGITS = 100
MAX_FORM_BYTES = 32 * 1024
MAX_FORM_FIELDS = 100


class StrictRequest(Request):
    async def json(self) -> Any:
        """Raises JSONDecodeError, whatever it is that is wrong with the body."""
        return parse(await self.body())

    async def form(self, **limits: Any) -> FormData:  # type: ignore[override]
        """As an awaitable only. Raises HTTPException."""
        body = await self.body()
        if len(body) > MAX_FORM_BYTES:
            raise HTTPException(413)
        if body.count(b"&") >= MAX_FORM_FIELDS:
            raise HTTPException(400, f"A form has at most {MAX_FORM_FIELDS} fields")
        return await super().form(**limits)


class StrictRoute(APIRoute):
    """The `route_class` of every router that takes a body or needs to know the caller."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()
        needs_caller = any(below.call is authentication for below in self.dependant.dependencies)

        async def strictly(request: Request) -> Response:
            if needs_caller:
                await authentication.authenticate(request)
            return await handle(StrictRequest(request.scope, request.receive))

        return strictly


def parse(body: bytes) -> Any:
    """UTF-8, no half of a surrogate pair, no name twice in one object, no NaN, nothing that is too
    deep, too long or too much to read. Raises JSONDecodeError."""
    try:
        text = body.decode()
        if has_many_values(text, MAX_VALUES):
            raise json.JSONDecodeError(f"more than {MAX_VALUES} values", "", 0)
        found = json.loads(
            text,
            object_pairs_hook=_each_once,
            parse_constant=_refuse_constant,
            parse_int=_short_int,
        )
        if b"\\ud" in body.lower():  # only an escape can bring a surrogate
            json.dumps(found, ensure_ascii=False).encode()
        return found
    except RecursionError:
        raise json.JSONDecodeError("nested too deeply", "", 0) from None
    except json.JSONDecodeError:
        raise
    except UnicodeError:
        raise json.JSONDecodeError("not Unicode in UTF-8", "", 0) from None


def _short_int(digits: str) -> int:
    """Python takes quadratic time for an integer, and refuses more than 4,300 digits."""
    if len(digits) > MAX_DIGITS:
        raise json.JSONDecodeError(f"an integer of more than {MAX_DIGITS} digits", "", 0)
    return int(digits)


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise json.JSONDecodeError("an object has one name twice", "", 0)
    return found


def _refuse_constant(name: str) -> NoReturn:
    raise json.JSONDecodeError(f"{name} is not a JSON value", "", 0)
