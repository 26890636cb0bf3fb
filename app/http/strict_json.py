"""JSON bodies, read as strictly as I-JSON asks (RFC 7493): what two programs could read in two ways
is refused, and so is what the standard library would take besides JSON.

What a body may cost is bounded before it is parsed: each value in it may become an object and, if
it is wrong, an error of pydantic, which are a hundred times as large.
"""

import json
from collections.abc import Callable, Coroutine
from typing import Any, NoReturn

from fastapi import HTTPException, Request, Response, params
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from python_multipart.multipart import parse_options_header
from starlette.datastructures import FormData, Headers

from app.http.dependencies import authenticate, current_actor
from app.wire.errors import UnsupportedMediaType
from app.wire.json_text import exceeds_values
from app.wire.validation import MAX_ITEMS

JSON, FORM = "application/json", "application/x-www-form-urlencoded"
MAX_VALUES = MAX_ITEMS + 100  # the longest list that is accepted, and what is around it
MAX_DIGITS = 100
MAX_FORM_BYTES = 32 * 1024
MAX_FORM_FIELDS = 100
MAX_MEDIA_TYPE_CHARS = 1000
_CHARSETS = (b"utf-8", b"utf8", b"us-ascii")


class StrictRequest(Request):
    async def json(self) -> Any:
        """Raises JSONDecodeError, whatever it is that is wrong with the body."""
        return parse(await self.body())

    async def _get_form(self, **limits: Any) -> FormData:
        """Raises HTTPException."""
        if len(self.headers.get("content-type", "")) > MAX_MEDIA_TYPE_CHARS:
            raise HTTPException(400, "The `Content-Type` has too many characters")
        body = await self.body()
        if len(body) > MAX_FORM_BYTES:
            raise HTTPException(413)
        if body.count(b"&") >= MAX_FORM_FIELDS:
            raise HTTPException(400, f"A form has at most {MAX_FORM_FIELDS} fields")
        return await super()._get_form(**limits)


class StrictRoute(APIRoute):
    """The `route_class` of every router that takes a body or needs to know the caller."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()
        field, needs_caller = self.body_field, _needs_caller(self.dependant)
        media_type = FORM if field and isinstance(field.field_info, params.Form) else JSON

        async def strictly(request: Request) -> Response:
            if needs_caller:
                await authenticate(request)
            if field:
                check_media_type(request.headers, media_type)
            return await handle(StrictRequest(request.scope, request.receive))

        return strictly


def _needs_caller(dependant: Dependant) -> bool:
    return dependant.call is current_actor or any(map(_needs_caller, dependant.dependencies))


def check_media_type(headers: Headers, expected: str) -> None:
    """Of a request with a body. Raises UnsupportedMediaType."""
    if headers.get("content-length", "0") == "0" and "transfer-encoding" not in headers:
        return
    media_type = headers.get("content-type", "")
    if len(media_type) > MAX_MEDIA_TYPE_CHARS:  # its parser takes long for thousands of parameters
        raise UnsupportedMediaType("The `Content-Type` has too many characters.")
    found, options = parse_options_header(media_type)
    is_json = expected == JSON and found.startswith(b"application/") and found.endswith(b"+json")
    is_unicode = options.get(b"charset", b"utf-8").lower() in _CHARSETS
    if not is_unicode or not (is_json or found == expected.encode()):
        raise UnsupportedMediaType(f"Send the body in UTF-8 as `Content-Type: {expected}`.")


def parse(body: bytes) -> Any:
    """UTF-8, no half of a surrogate pair, no name twice in one object, no NaN, nothing that is too
    deep, too long or too much to read. Raises JSONDecodeError."""
    try:
        text = body.decode()
        if exceeds_values(text, MAX_VALUES):
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
