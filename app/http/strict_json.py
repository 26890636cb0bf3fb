"""Parses JSON bodies as I-JSON (RFC 7493): refuses texts that two programs could read differently,
and texts that are not JSON although the standard library accepts them.

The number of values is limited before parsing, because each may become an object and a validation
error, which are a hundred times as large.
"""

import json
from collections.abc import Callable, Coroutine
from typing import Any, NoReturn

from fastapi import HTTPException, Request, Response, params
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from python_multipart.multipart import parse_options_header
from starlette.datastructures import FormData, Headers

from app.http.dependencies import authenticate, get_actor
from app.wire.errors import UnsupportedMediaType
from app.wire.json_text import exceeds_values
from app.wire.validation import MAX_ITEMS

JSON, FORM = "application/json", "application/x-www-form-urlencoded"
MAX_VALUES = MAX_ITEMS + 100  # the longest accepted list and the fields around it
MAX_DIGITS = 100
MAX_FORM_BYTES = 32 * 1024
MAX_FORM_FIELDS = 100
MAX_MEDIA_TYPE_CHARS = 1000
_CHARSETS = (b"utf-8", b"utf8", b"us-ascii")


class StrictRequest(Request):
    async def json(self) -> Any:
        """Raises JSONDecodeError for every kind of error."""
        return parse_json(await self.body())

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
    """The `route_class` of every router whose endpoints take a body or need the caller."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()
        field, needs_caller = self.body_field, _needs_caller(self.dependant)
        media_type = FORM if field and isinstance(field.field_info, params.Form) else JSON

        async def strict_endpoint(request: Request) -> Response:
            if needs_caller:
                await authenticate(request)
            if field:
                check_media_type(request.headers, media_type)
            return await handle(StrictRequest(request.scope, request.receive))

        return strict_endpoint


def _needs_caller(dependant: Dependant) -> bool:
    return dependant.call is get_actor or any(map(_needs_caller, dependant.dependencies))


def check_media_type(headers: Headers, expected: str) -> None:
    """Raises UnsupportedMediaType for a request with a body of another type."""
    if headers.get("content-length", "0") == "0" and "transfer-encoding" not in headers:
        return
    media_type = headers.get("content-type", "")
    if len(media_type) > MAX_MEDIA_TYPE_CHARS:  # the parser is slow with many parameters
        raise UnsupportedMediaType("The `Content-Type` has too many characters.")
    actual, options = parse_options_header(media_type)
    is_json = expected == JSON and actual.startswith(b"application/") and actual.endswith(b"+json")
    is_unicode = options.get(b"charset", b"utf-8").lower() in _CHARSETS
    if not is_unicode or not (is_json or actual == expected.encode()):
        raise UnsupportedMediaType(f"Send the body in UTF-8 as `Content-Type: {expected}`.")


def parse_json(body: bytes) -> Any:
    """Raises JSONDecodeError, also for lone surrogates, duplicate names in an object, NaN, and
    texts beyond the limits of nesting, digits and values."""
    try:
        text = body.decode()
        if exceeds_values(text, MAX_VALUES):
            raise json.JSONDecodeError(f"more than {MAX_VALUES} values", "", 0)
        value = json.loads(
            text,
            object_pairs_hook=_reject_duplicate_names,
            parse_constant=_refuse_constant,
            parse_int=_parse_int,
        )
        if b"\\ud" in body.lower():  # only an escape can be a surrogate
            json.dumps(value, ensure_ascii=False).encode()
        return value
    except RecursionError:
        raise json.JSONDecodeError("nested too deeply", "", 0) from None
    except json.JSONDecodeError:
        raise
    except UnicodeError:
        raise json.JSONDecodeError("not Unicode in UTF-8", "", 0) from None


def _parse_int(digits: str) -> int:
    """Python needs quadratic time for an integer, and refuses more than 4,300 digits."""
    if len(digits) > MAX_DIGITS:
        raise json.JSONDecodeError(f"an integer of more than {MAX_DIGITS} digits", "", 0)
    return int(digits)


def _reject_duplicate_names(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise json.JSONDecodeError("an object has one name twice", "", 0)
    return members


def _refuse_constant(name: str) -> NoReturn:
    raise json.JSONDecodeError(f"{name} is not a JSON value", "", 0)
