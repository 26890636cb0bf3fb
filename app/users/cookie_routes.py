"""/auth/cookie: logins of pages, whose refresh token is in a cookie (`http/session_cookie.py`)."""

from typing import Annotated

from fastapi import APIRouter, Header, Request, Response

from app.application.app_context import AppContext
from app.http.dependencies import ContextDep
from app.http.problems import problem_response, problem_responses
from app.http.request_origins import check_origin
from app.http.session_cookie import clear_refresh_token, read_refresh_token, set_refresh_token
from app.http.strict_json import StrictRoute
from app.users import sessions
from app.users.logins import (
    issue_device_token,
    log_in,
    renew,
    sign_access_token,
    spend_on_session,
)
from app.users.token_form import TokenFormDep, describe_form
from app.wire.errors import (
    ErrorCode,
    Forbidden,
    InvalidGrant,
    SessionEnded,
    Unauthenticated,
    UnsupportedGrantType,
)
from app.wire.schemas.users import AccessTokenOut, CookieLoginForm

router = APIRouter(prefix="/auth/cookie", tags=["auth"], route_class=StrictRoute)


@router.post(
    "",
    operation_id="log_in_with_cookie",
    summary="Log in from a page",
    responses=problem_responses(
        *(ErrorCode.INVALID_REQUEST, ErrorCode.UNSUPPORTED_GRANT_TYPE, ErrorCode.INVALID_GRANT),
        ErrorCode.FORBIDDEN,
    ),
    openapi_extra=describe_form(CookieLoginForm),
)
async def log_in_with_cookie(
    form: TokenFormDep,
    context: ContextDep,
    request: Request,
    response: Response,
    user_agent: Annotated[str, Header(include_in_schema=False)] = "",
) -> AccessTokenOut:
    """As `issue_token` with `grant_type=password`, but the refresh token comes in a cookie that
    scripts cannot read. A page of another origin that `CHAT_SERVER__ALLOWED_ORIGINS` does not list
    is `forbidden`.
    """
    check_origin(request, context.settings.server.origins, is_required=False)
    if form.grant_type != "password":
        raise UnsupportedGrantType("Only `password` here: POST /auth/cookie/refresh renews.")
    login = await log_in(form, context, user_agent, request)
    return _answer(login, context, request, response, issue_device_token(form, context))


@router.post(
    "/refresh",
    operation_id="renew_cookie",
    summary="Renew the login of a page",
    responses=problem_responses(
        ErrorCode.UNAUTHENTICATED, ErrorCode.SESSION_ENDED, ErrorCode.FORBIDDEN
    ),
    response_model=AccessTokenOut,
)
async def renew_cookie(
    context: ContextDep, request: Request, response: Response
) -> AccessTokenOut | Response:
    """A new access token for the refresh token in the cookie, which is replaced. The rules are
    those of `issue_token` with `grant_type=refresh_token`. A cookie that is not accepted is
    cleared. Without an `Origin`, or from a page of another one, the answer is `forbidden`.
    """
    check_origin(request, context.settings.server.origins, is_required=True)
    token = read_refresh_token(request)
    try:
        if token is None:
            raise Unauthenticated("There is no session in the cookie. Log in again.")
        login = await renew(token, context, request)
    except (InvalidGrant, Unauthenticated, Forbidden) as error:
        refusal = SessionEnded(error.detail) if isinstance(error, InvalidGrant) else error
        problem = problem_response(refusal, request.state.request_id)
        clear_refresh_token(request, problem)
        return problem
    return _answer(login, context, request, response)


@router.post(
    "/logout",
    operation_id="log_out_with_cookie",
    summary="Log out from a page",
    status_code=204,
    responses=problem_responses(ErrorCode.FORBIDDEN),
)
async def log_out_with_cookie(context: ContextDep, request: Request) -> Response:
    """End the session of the cookie, with its sockets, and clear the cookie.

    Again, or without a cookie, it changes nothing. Without an `Origin`, or from a page of another
    one, the answer is `forbidden`.
    """
    check_origin(request, context.settings.server.origins, is_required=True)
    response = Response(status_code=204)
    if token := read_refresh_token(request):
        session = await spend_on_session(token, context, request)
        if session:
            await context.database.transact(sessions.end_session, session)
    clear_refresh_token(request, response)
    return response


def _answer(
    login: sessions.Login,
    context: AppContext,
    request: Request,
    response: Response,
    device_token: str | None = None,
) -> AccessTokenOut:
    auth = context.settings.auth
    set_refresh_token(request, response, login.refresh_token, auth.refresh_token_ttl_s)
    response.headers["Pragma"] = "no-cache"
    return AccessTokenOut(
        access_token=sign_access_token(context, login),
        expires_in=auth.access_token_ttl_s,
        device_token=device_token,
    )
