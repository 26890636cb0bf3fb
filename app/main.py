"""The ASGI application: every router and every layer around them. Start reading here."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from fastapi import APIRouter, FastAPI

from app.admin.routes import router as admin
from app.blocks.routes import router as blocks
from app.bootstrap import run_server_components
from app.core.origins import ANY
from app.drafts.routes import router as drafts
from app.groups.routes import router as groups
from app.http.asyncapi import describe_socket
from app.http.direct_reads import DirectReadMiddleware
from app.http.documents import serve_document
from app.http.middleware import BodyLimitMiddleware, CorsMiddleware, RequestLogMiddleware
from app.http.openapi import METADATA, extend_openapi
from app.http.problems import METHODS, install_error_handlers
from app.http.proxies import ProxyHeadersMiddleware
from app.http.rate_fields import FIELDS
from app.installation.routes import router as installation
from app.messages.change_routes import router as message_changes
from app.messages.direct_routes import DIRECT_ROUTES
from app.messages.poll_routes import router as polls
from app.messages.routes import router as messages
from app.messages.thread_routes import router as threads
from app.moderation.audit_routes import router as audit_log
from app.moderation.filter_routes import router as filters
from app.moderation.report_routes import router as reports
from app.moderation.routes import router as moderation
from app.notifications.routes import router as notifications
from app.ops.docs import mount_docs
from app.ops.metrics import router as metrics
from app.ops.routes import router as ops
from app.realtime.connection.endpoint import websocket_routes
from app.rooms.invite_routes import router as invites
from app.rooms.join_request_routes import router as join_requests
from app.rooms.permission_routes import router as room_permissions
from app.rooms.routes import router as rooms
from app.rooms.sanction_routes import router as sanctions
from app.saved_messages.pages import DIRECT_ROUTE as SAVED
from app.saved_messages.routes import router as saved_messages
from app.scheduling.reminder_routes import router as reminders
from app.scheduling.routes import router as scheduled
from app.search.routes import router as search
from app.settings import Settings
from app.users.auth_routes import router as auth
from app.users.cookie_routes import router as cookie_logins
from app.users.presence_routes import router as presence
from app.users.routes import router as users
from app.web import build
from app.web.build import load_build
from app.web.routes import page_routes
from app.wire.schemas.users import CookieLoginForm, TokenForm

VERSION = "0.1.0"


def create_app(settings: Settings) -> FastAPI:
    """Creates the application; nothing runs until its lifespan starts."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[dict[str, Any]]:
        async with run_server_components(settings) as state:
            yield state

    app = FastAPI(
        version=VERSION,
        lifespan=lifespan,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        **METADATA,
    )
    api = APIRouter(prefix="/api/v1")
    for router in (
        *(auth, cookie_logins, installation, notifications, drafts, saved_messages, scheduled),
        *(reminders, blocks, presence, users, rooms, room_permissions, sanctions, invites),
        *(join_requests, messages, message_changes, threads, polls, search, groups, moderation),
        *(audit_log, reports, filters, admin),
    ):
        api.include_router(router)
    app.include_router(api)
    app.include_router(ops)
    app.include_router(metrics)
    app.router.routes[:0] = websocket_routes  # first: after a restart all clients reconnect
    mount_docs(app, partial(describe_socket, VERSION, settings.limits))
    if settings.web.enabled:
        app.router.routes += page_routes(load_build(build.FOLDER))
    install_error_handlers(app)
    extend_openapi(app, settings.limits, TokenForm, CookieLoginForm)
    serve_document(app, "/openapi.json", app.openapi)
    serve_document(app, "/asyncapi.json", partial(describe_socket, VERSION, settings.limits))
    _add_middleware(app, settings)
    return app


def _add_middleware(app: FastAPI, settings: Settings) -> None:
    """The last one added is the outermost."""
    app.add_middleware(DirectReadMiddleware, routes=(*DIRECT_ROUTES, SAVED), prefix="/api/v1/")
    app.add_middleware(BodyLimitMiddleware, max_body_bytes=settings.server.max_body_bytes)
    if settings.server.origins:
        app.add_middleware(
            CorsMiddleware,
            allow_origins=settings.server.origins,
            allow_methods=METHODS,
            allow_credentials=ANY not in settings.server.origins,  # see http/session_cookie.py
            allow_headers=["Authorization", "Content-Type", "If-None-Match", "X-Request-ID"],
            expose_headers=["ETag", "X-Request-ID", "Retry-After", "WWW-Authenticate", *FIELDS],
        )
    app.add_middleware(RequestLogMiddleware)
    if settings.server.proxies:
        app.add_middleware(
            ProxyHeadersMiddleware,
            trusted=settings.server.proxies,
            header=settings.server.proxy_header,
        )
