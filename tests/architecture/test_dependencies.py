"""No part of a request runs in a thread, except for password hashing."""

import inspect
from collections.abc import Callable, Iterator
from typing import Any

from fastapi import APIRouter, Depends, FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import iter_route_contexts

from app.main import create_app
from app.settings import load_settings


def _calls(dependant: Dependant) -> Iterator[Callable[..., Any]]:
    if dependant.call is not None:
        yield dependant.call
    for below in dependant.dependencies:
        yield from _calls(below)


def _is_coroutine(call: Callable[..., Any]) -> bool:
    return inspect.iscoroutinefunction(call) or inspect.iscoroutinefunction(
        getattr(call, "__call__", None)  # noqa: B004  # not whether: which one
    )


def plain_functions(app: FastAPI) -> set[str]:
    """Endpoints and dependencies that FastAPI would run in one of its forty threads."""
    dependants = [
        context.dependant
        for context in iter_route_contexts(app.routes)
        if hasattr(context, "dependant")
    ]
    return {
        getattr(call, "__qualname__", repr(call))
        for dependant in dependants
        for call in _calls(dependant)
        if not _is_coroutine(call)
    }


def test_every_endpoint_and_dependency_is_a_coroutine() -> None:
    assert not plain_functions(create_app(load_settings(auth={"secret_key": "k" * 32})))


def test_a_plain_function_is_found_at_any_depth() -> None:
    def deep() -> None: ...

    async def middle(_: None = Depends(deep)) -> None: ...

    async def endpoint(_: None = Depends(middle)) -> None: ...

    router, app = APIRouter(), FastAPI()
    router.get("/x")(endpoint)
    app.include_router(router)
    assert any("deep" in name for name in plain_functions(app))
