"""/metrics: for Prometheus."""

import asyncio
import hmac
import os

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from app.core.metrics import DIRECTORY_VARIABLE, REGISTRY, flush_buffered
from app.http.dependencies import ContextDep
from app.wire.errors import NotFound, TokenMissing, Unauthenticated

router = APIRouter()


@router.get("/metrics", include_in_schema=False)
async def metrics(request: Request, context: ContextDep) -> Response:
    """Of all workers of this machine. In a thread: with many of them it takes milliseconds."""
    check_token(context.settings.metrics.token, request.headers.get("Authorization", ""))
    flush_buffered()
    return Response(await asyncio.to_thread(render), media_type=CONTENT_TYPE_LATEST)


def check_token(token: str, authorization: str) -> None:
    """Raises NotFound where no token is set, or Unauthenticated."""
    if not token:
        raise NotFound("There are no metrics here: CHAT_METRICS__TOKEN is not set.")
    scheme, _, bearer = authorization.partition(" ")
    if scheme.lower() != "bearer":
        raise TokenMissing("Metrics need `Authorization: Bearer` with the token of the server.")
    if not hmac.compare_digest(bearer.strip().encode(), token.encode()):
        raise Unauthenticated("This is not the token of the metrics.")


def render() -> bytes:
    registry = REGISTRY
    if directory := os.environ.get(DIRECTORY_VARIABLE):
        registry = CollectorRegistry()
        MultiProcessCollector(registry, directory)  # type: ignore[no-untyped-call]
    return generate_latest(registry)
