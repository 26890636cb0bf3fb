"""Responses whose body is written already."""

from fastapi import Response


class JsonResponse(Response):
    media_type = "application/json"
