"""The largest bodies that routes accept."""

from collections.abc import Callable
from typing import Any

from app.wire.domain import Permission
from tests.hostile.stage import (
    MANY,
    MAX_POLL_OPTIONS,
    PASSWORD,
    TEXT_CHARS,
    Stage,
    message,
    numbers,
)

# What each route with a body takes at most.
LARGEST: dict[str, Callable[[Stage], dict[str, Any]]] = {
    "POST /api/v1/auth/register": lambda _: {
        "username": f"u{next(numbers)}" + "\ufdfa" * 2,
        "password": "\ufdfa" * 200,
        "display_name": "a" + "\u0316\u0301" * 30,
    },
    "POST /api/v1/auth/token": lambda _: {
        "grant_type": "password",
        "username": "user0",
        "password": PASSWORD,
        "scope": "😀" * 200,
    },
    "POST /api/v1/auth/cookie": lambda _: {
        "grant_type": "password",
        "username": "user0",
        "password": PASSWORD,
        "scope": "😀" * 200,
    },
    "POST /api/v1/setup": lambda _: {
        "code": "😀" * 100,
        "username": f"u{next(numbers)}" + "\ufdfa" * 2,
        "password": "\ufdfa" * 200,
        "display_name": "a" + "\u0316\u0301" * 30,
        "server_name": "a" + "\u0316\u0301" * 30,
        "room_name": "a" + "\u0316\u0301" * 30,
    },
    "PATCH /api/v1/server": lambda _: {"name": "a" + "\u0316\u0301" * 30},
    "PATCH /api/v1/users/me": lambda _: {
        "display_name": "a" + "\u0316\u0301" * 30,
        "title": f"{next(numbers)}" + "\u0316\u0301" * 25,
        "time_zone": "America/Argentina/Buenos_Aires",
        "language": "zh-Hant-TW-variant1-variant2-variant3",
        "status": {"emoji": "🎉", "text": "😀" * 100, "until": "2100-01-01T00:00:00Z"},
    },
    "PUT /api/v1/users/me/password": lambda _: {"old_password": PASSWORD, "new_password": PASSWORD},
    "POST /api/v1/rooms": lambda stage: {
        "kind": "public",
        "name": "a" + "\u0316\u0301" * 30,
        "topic": "😀" * 500,
        "members": stage.users,
    },
    "PATCH /api/v1/rooms/{room_id}": lambda _: {
        "name": "a" + "\u0316\u0301" * 30,
        "topic": f"{next(numbers):0500}",
    },
    "POST /api/v1/rooms/{room_id}/members": lambda stage: {"users": stage.users},
    "PATCH /api/v1/rooms/{room_id}/members/{user_id}": lambda _: {"role": "member"},
    "POST /api/v1/rooms/{room_id}/messages": lambda _: message(
        "".join(f"@user{number} " for number in range(MANY)).ljust(TEXT_CHARS, "@")
    ),
    "PATCH /api/v1/rooms/{room_id}/messages/{seq}": lambda _: {
        "text": "".join(f"@user{number} " for number in range(MANY)).ljust(TEXT_CHARS, "@"),
        "version": 1,
    },
    "POST /api/v1/rooms/{room_id}/deletions": lambda stage: {
        "sender": stage.users[0],
        "since": "2020-01-01T00:00:00Z",
    },
    "POST /api/v1/groups": lambda _: {
        "handle": f"g{next(numbers)}" + "\ufdfa" * 2,
        "display_name": "a" + "\u0316\u0301" * 30,
    },
    "PATCH /api/v1/groups/{group_id}": lambda _: {"display_name": "a" + "\u0316\u0301" * 30},
    "PUT /api/v1/users/me/presence": lambda _: {
        "choice": ("away", "invisible")[next(numbers) % 2],
        "visible_to": "nobody",
    },
    "PUT /api/v1/users/me/notifications": lambda _: {
        "keywords": [f"{next(numbers):064}" for _ in range(50)],
        "schedule": {
            "days": ["monday"] * 7,
            "start": "22:00",
            "end": "07:00",
            "time_zone": "America/Argentina/Buenos_Aires",
        },
    },
    "PUT /api/v1/rooms/{room_id}/notifications": lambda _: {
        "muted": True,
        "muted_until": f"2100-01-01T00:00:00.{next(numbers):06}Z",
    },
    "POST /api/v1/rooms/{room_id}/messages/{seq}/forward": lambda stage: {
        "to": stage.rooms[0],
        **message("".join(f"@user{number} " for number in range(MANY)).ljust(TEXT_CHARS, "@")),
    },
    "PUT /api/v1/rooms/{room_id}/messages/{seq}/vote": lambda _: {
        "options": list(range(1 + next(numbers) % 2, MAX_POLL_OPTIONS + 1))
    },
    "POST /api/v1/rooms/{room_id}/messages/{seq}/poll/options": lambda _: {"text": "😀" * 200},
    "POST /api/v1/rooms/{room_id}/messages/{seq}/reports": lambda _: {
        "reason": "harassment",
        "note": "😀" * 500,
    },
    "POST /api/v1/rooms/{room_id}/members/{user_id}/reports": lambda _: {
        "reason": "harassment",
        "note": "😀" * 500,
    },
    "POST /api/v1/reports/{report_id}/resolution": lambda _: {
        "outcome": "message_deleted",
        "note": "😀" * 500,
    },
    "POST /api/v1/rooms/{room_id}/filters": lambda _: {
        "kind": "pattern",
        "expression": f"{next(numbers)}" + "(a|b)" * 38,
        "action": "report",
        "note": "😀" * 200,
    },
    "POST /api/v1/filters": lambda _: {
        "kind": "word",
        "expression": f"{next(numbers)}" + "a\u0316\u0301" * 60,
        "action": "refuse",
        "note": "😀" * 200,
    },
    "POST /api/v1/rooms/{room_id}/join-requests": lambda _: {"note": "😀" * 500},
    "POST /api/v1/rooms/{room_id}/invites": lambda _: {
        "role": "guest",
        "max_uses": 1,
        "expires_at": "2100-01-01T00:00:00Z",
    },
    "POST /api/v1/rooms/{room_id}/delete": lambda _: {
        "confirmation": "😀" * 500,
        "reason": "😀" * 500,
    },
    # To the owner, who could leave otherwise.
    "POST /api/v1/rooms/{room_id}/transfer": lambda stage: {"user": stage.users[0]},
    "PUT /api/v1/rooms/{room_id}/bans/{user_id}": lambda _: {"reason": "😀" * 500},
    "PUT /api/v1/rooms/{room_id}/time-outs/{user_id}": lambda _: {
        "until": f"2100-01-01T00:00:00.{next(numbers):06}Z",
        "reason": "😀" * 500,
    },
    "PUT /api/v1/rooms/{room_id}/permissions/roles/{role}": lambda _: {
        "allow": ["pin"] * len(Permission),
        "deny": ["send", *["react"] * (len(Permission) - 1)],
    },
    "PUT /api/v1/rooms/{room_id}/permissions/users/{user_id}": lambda _: {
        "deny": ["send", *["react"] * (len(Permission) - 1)]
    },
    "PUT /api/v1/rooms/{room_id}/read": lambda _: {"seq": MANY},
    "PUT /api/v1/rooms/{room_id}/threads/{seq}/read": lambda _: {"seq": MANY},
    "PUT /api/v1/rooms/{room_id}/draft": lambda _: {"text": f"{next(numbers)}" + "\x01" * 3900},
    "PUT /api/v1/rooms/{room_id}/messages/{seq}/saved": lambda _: {"note": "😀" * 500},
    "POST /api/v1/rooms/{room_id}/scheduled": lambda _: (
        message("\x01" * 3900 + "x") | {"due_at": "2000-01-01T00:00:00Z"}
    ),
    "PATCH /api/v1/scheduled/{scheduled_id}": lambda _: {"text": "\x01" * 3900 + "x"},
    "POST /api/v1/users/me/reminders": lambda stage: {
        "room": stage.rooms[0],
        "note": "😀" * 500,
        "due_at": "2000-01-01T00:00:00Z",
    },
    "PATCH /api/v1/users/me/reminders/{reminder_id}": lambda _: {"note": "😀" * 500},
    "POST /api/v1/rooms/{room_id}/unread": lambda _: {"seq": next(numbers) % MANY},
}
