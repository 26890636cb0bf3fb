"""JSON bodies, read as strictly as I-JSON asks (RFC 7493): what two programs could read in two ways
is refused, and so is what the standard library would take besides JSON."""

import json
from collections.abc import Callable, Coroutine
from typing import Any, NoReturn

from fastapi import Request, Response, params
from fastapi.routing import APIRoute
from python_multipart.multipart import parse_options_header
from starlette.datastructures import Headers

from app.core.errors import UnsupportedMediaType

JSON, FORM = "application/json", "application/x-www-form-urlencoded"
_CHARSETS = (b"utf-8", b"utf8", b"us-ascii")


class StrictRequest(Request):
    async def json(self) -> Any:
        """Raises JSONDecodeError, whatever it is that is wrong with the body."""
        return parse(await self.body())


class StrictRoute(APIRoute):
    """The `route_class` of every router that takes JSON."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()
        field = self.body_field
        media_type = FORM if field and isinstance(field.field_info, params.Form) else JSON

        async def strictly(request: Request) -> Response:
            if field:
                check_media_type(request.headers, media_type)
            return await handle(StrictRequest(request.scope, request.receive))

        return strictly


def check_media_type(headers: Headers, expected: str) -> None:
    """Of a request with a body. Raises UnsupportedMediaType."""
    if headers.get("content-length", "0") == "0" and "transfer-encoding" not in headers:
        return
    found, options = parse_options_header(headers.get("content-type"))
    is_json = expected == JSON and found.startswith(b"application/") and found.endswith(b"+json")
    is_unicode = options.get(b"charset", b"utf-8").lower() in _CHARSETS
    if not is_unicode or not (is_json or found == expected.encode()):
        raise UnsupportedMediaType(f"Send the body in UTF-8 as `Content-Type: {expected}`.")


def parse(body: bytes) -> Any:
    """UTF-8, no half of a surrogate pair, no name twice in one object, no NaN, nothing that is too
    deep or too long to read. Raises JSONDecodeError."""
    try:
        found = json.loads(
            body.decode(), object_pairs_hook=_each_once, parse_constant=_refuse_constant
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
    except ValueError:
        raise json.JSONDecodeError("an integer of thousands of digits", "", 0) from None


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise json.JSONDecodeError("an object has one name twice", "", 0)
    return found


def _refuse_constant(name: str) -> NoReturn:
    raise json.JSONDecodeError(f"{name} is not a JSON value", "", 0)
