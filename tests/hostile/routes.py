"""All routes and frames of the application, so that new ones are tested, too."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, get_args

from fastapi.dependencies.models import Dependant
from fastapi.routing import iter_route_contexts

from app.main import create_app
from app.settings import load_settings
from app.users.token_form import parse_token_form
from app.wire.client_frames import ClientFrame
from app.wire.schemas.users import TokenForm


@dataclass(frozen=True)
class Route:
    name: str  # such as "POST /api/v1/rooms"
    path: str
    dependant: Dependant
    fields: tuple[str, ...]  # of its body
    original: Any  # the route as it was declared

    @property
    def is_form(self) -> bool:
        return parse_token_form in calls(self.dependant)

    @property
    def method(self) -> str:
        return self.name.partition(" ")[0]


def every_route() -> list[Route]:
    app = create_app(load_settings(auth={"secret_key": "k" * 32}))
    return [
        Route(f"{method} {route.path}", str(route.path), route.dependant, _fields(route), route)
        for route in iter_route_contexts(app.routes)
        if isinstance(getattr(route, "dependant", None), Dependant)
        for method in sorted((route.methods or set()) - {"HEAD"})
    ]


def calls(dependant: Dependant) -> Iterator[Any]:
    """The endpoint and all of its dependencies."""
    yield dependant.call
    for below in dependant.dependencies:
        yield from calls(below)


def _fields(route: Any) -> tuple[str, ...]:
    if parse_token_form in calls(route.dependant):
        return tuple(TokenForm.model_fields)
    if route.body_field is None:
        return ()
    model = route.body_field.field_info.annotation
    return tuple(getattr(model, "model_fields", ()))


CLIENT_FRAMES = {
    frame.model_fields["type"].default: frame for frame in get_args(get_args(ClientFrame)[0])
}
