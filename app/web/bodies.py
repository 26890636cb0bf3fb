"""JSON bodies, read as strictly as I-JSON asks (RFC 7493): what two programs could read in two ways
is refused, and so is what the standard library would take besides JSON."""

import json
from collections.abc import Callable, Coroutine
from typing import Any, NoReturn

from fastapi import Request, Response
from fastapi.routing import APIRoute


class StrictRequest(Request):
    async def json(self) -> Any:
        """Raises JSONDecodeError, whatever it is that is wrong with the body."""
        return parse(await self.body())


class StrictRoute(APIRoute):
    """The `route_class` of every router that takes JSON."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def strictly(request: Request) -> Response:
            return await handle(StrictRequest(request.scope, request.receive))

        return strictly


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
