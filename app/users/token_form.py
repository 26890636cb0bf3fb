"""The form of logins. Its errors are those of OAuth (RFC 6749), unlike other requests."""

from typing import Annotated, Any

from fastapi import Depends, Request
from pydantic import BaseModel, ValidationError
from starlette.exceptions import HTTPException

from app.http.strict_json import FORM, check_media_type
from app.wire.errors import InvalidRequest, UnsupportedGrantType
from app.wire.schemas.users import TokenForm
from app.wire.validation import invalid_from_pydantic

MAX_PARAMETERS = 50
REQUIRED_PARAMETERS = {"password": ("username", "password"), "refresh_token": ("refresh_token",)}


def describe_form(model: type[BaseModel]) -> dict[str, Any]:
    """The request body of an operation, since FastAPI does not see what `parse_token_form` reads.
    `main.py` adds the schema of the model."""
    schema = {"$ref": f"#/components/schemas/{model.__name__}"}
    return {"requestBody": {"required": True, "content": {FORM: {"schema": schema}}}}


async def parse_token_form(request: Request) -> TokenForm:
    """Raises UnsupportedMediaType, InvalidRequest and UnsupportedGrantType (RFC 6749, 5.2)."""
    check_media_type(request.headers, FORM)
    parameters = await _read_parameters(request)
    grant = parameters.get("grant_type")
    if grant is None:
        raise InvalidRequest("`grant_type` is missing: send `password` or `refresh_token`.")
    if grant not in REQUIRED_PARAMETERS:
        raise UnsupportedGrantType("`grant_type` is `password` or `refresh_token` here.")
    missing = [name for name in REQUIRED_PARAMETERS[grant] if name not in parameters]
    if missing:
        raise InvalidRequest(f"`{missing[0]}` is missing: grant_type={grant} needs it.")
    try:
        return TokenForm.model_validate(parameters)
    except ValidationError as error:
        problem = invalid_from_pydantic(error.errors())
        raise InvalidRequest(problem.detail, problem.errors) from None


async def _read_parameters(request: Request) -> dict[str, Any]:
    """A parameter without a value counts as omitted, and a repeated one is an error (3.2)."""
    try:
        async with request.form(max_files=0, max_fields=MAX_PARAMETERS) as form:
            items = form.multi_items()
    except HTTPException as error:
        if error.status_code != 400:
            raise
        raise InvalidRequest(f"The form cannot be read: {error.detail.rstrip('.')}.") from None
    if len(dict(items)) < len(items):
        raise InvalidRequest("A parameter is there twice.")
    return {name: value for name, value in items if value != ""}


TokenFormDep = Annotated[TokenForm, Depends(parse_token_form)]
