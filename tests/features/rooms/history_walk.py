"""Calls every operation, and sends every frame, that could show what is hidden from somebody."""

from collections.abc import Iterator
from typing import Any, NamedTuple
from urllib.parse import quote
from uuid import uuid4

from app.main import create_app
from app.settings import load_settings
from testkit.people import API, UNKNOWN_ID, Person
from tests.features.rooms.hidden_past import CANARY, HiddenPast, later

# They end what the walk needs, or have another subject than rooms.
EXCLUDED = frozenset(
    {
        *("log_out", "leave_room", "archive_room", "update_room", "transfer_room"),
        "delete_room",
        *("register_account", "issue_token", "log_in_with_cookie", "set_up_server"),
        *("log_out_with_cookie", "update_server", "change_password", "update_me", "create_room"),
        *("set_notifications", "set_room_notifications", "add_members", "set_member_role"),
        *("set_role_permissions", "set_member_permissions", "ban_from_room", "time_out_member"),
        *("create_invite", "ask_to_join", "create_group", "update_group"),
        *("update_scheduled_message", "update_reminder", "forward_message"),
        *("set_presence_settings", "add_room_filter_rule", "add_filter_rule"),
        *("report_member", "resolve_report"),
    }
)
METHODS = ("GET", "PUT", "POST", "PATCH", "DELETE")
# Answered by two layers: requests in another form reach the second one.
DIRECT = frozenset({"list_messages", "get_message", "list_events", "list_thread_messages"})
QUERIES: dict[str, list[dict[str, Any]]] = {
    "list_messages": [{}, {"before": 10**6}, {"after": 0}, {"limit": 3}],
    "list_events": [{}, {"after": 0}, {"after": 0, "limit": 5}, {"after": 0, "until": 10}],
    "list_thread_messages": [{}, {"after": 0}, {"before": 10**6}],
    "search_messages": [
        {"q": query} | order
        for query in (
            CANARY,
            "cana",
            "is:saved",
            "mentions:me",
            "is:thread",
            "is:pinned",
            "has:poll",
        )
        for order in ({}, {"order": "relevance"})
    ],
    "search": [{"q": CANARY}],
    "search_users": [{"query": "a"}],
    "search_public_rooms": [{"query": ""}],
    "search_groups": [{"query": ""}],
    "list_message_counts": [{"from": "2020-01-01", "to": "2020-01-02"}],
}


class Answer(NamedTuple):
    operation: str
    request: str
    status: int
    text: str


class Call(NamedTuple):
    operation: str
    method: str
    path: str
    body: dict[str, Any] | None = None
    query: dict[str, Any] | None = None


def bodies(past: HiddenPast, seq: int) -> dict[str, list[dict[str, Any]]]:
    """What each operation with a body is called with, about a message."""
    message = {"nonce": uuid4().hex, "text": "x"}
    reply, in_thread = message | {"reply_to": seq}, message | {"thread": seq}
    return {
        "send_message": [reply, in_thread | {"nonce": uuid4().hex}],
        "edit_message": [{"text": "x", "version": 1}],
        "save_draft": [{"text": "x", "thread": seq}],
        "save_message": [{"note": "x"}],
        "schedule_message": [reply | {"due_at": later()}],
        "add_reminder": [{"room": past.room, "seq": seq, "due_at": later()}],
        "mark_read": [{"seq": seq}],
        "mark_unread": [{"seq": seq}],
        "delete_messages": [{"seqs": [past.hidden["absence"]]}],
        "set_thread_read": [{"seq": seq}],
        "mark_thread_read": [{"seq": seq}],
        "vote": [{"options": [1]}],
        "add_poll_option": [{"text": "x"}],
        "report_message": [{"reason": "spam"}],
    }


def list_calls(past: HiddenPast) -> Iterator[Call]:
    """Those that read first. An operation with a body that is in no list is a KeyError."""
    paths = create_app(load_settings()).openapi()["paths"]
    operations = [
        (method.upper(), path, operation)
        for path, methods in paths.items()
        for method, operation in methods.items()
        if operation["operationId"] not in EXCLUDED and path.startswith(API)
    ]
    for seq in past.chosen:
        place = f"/rooms/{past.room}/messages/{seq}"
        for target in (past.room, past.other_room):
            body = {"to": target, "nonce": uuid4().hex}
            yield Call("forward_message", "POST", f"{place}/forward", body)
    for method, path, operation in sorted(operations, key=_order):
        yield from _calls_of(past, method, path, operation)


def _order(item: tuple[str, str, dict[str, Any]]) -> tuple[int, bool]:
    """Reads first, deletions last."""
    return METHODS.index(item[0]), item[2]["operationId"] == "delete_messages"


def _calls_of(
    past: HiddenPast, method: str, path: str, operation: dict[str, Any]
) -> Iterator[Call]:
    name = operation["operationId"]
    around = {"around"} & {p["name"] for p in operation.get("parameters", ())}
    in_thread = "/threads/" in path
    for seq in past.chosen if "{seq}" in path or "requestBody" in operation else past.chosen[:1]:
        filled = _fill(path, past.room, seq)
        queries = QUERIES.get(name, [{}])
        if around:
            places = past.chosen if not in_thread else [seq]
            queries = [*queries, *({"around": place} for place in places)]
        for body in bodies(past, seq)[name] if "requestBody" in operation else [None]:
            for query in queries if method == "GET" else [None]:
                yield Call(name, method, filled, body, query)


def _fill(path: str, room: str, seq: int) -> str:
    values = {"room_id": room, "seq": str(seq), "emoji": quote("👀"), "role": "guest", "code": "x"}
    filled = path.removeprefix(API)
    for part in path.split("/"):
        if part.startswith("{"):
            filled = filled.replace(part, values.get(part[1:-1], UNKNOWN_ID))
    return filled


async def walk(person: Person, past: HiddenPast) -> list[Answer]:
    """Everything that the person is answered."""
    answers = []
    for call in list_calls(past):
        options: dict[str, Any] = {} if call.body is None else {"json": call.body}
        forms = [call.query or {}]
        if call.operation in DIRECT:
            forms.append(forms[0] | {"unknown": "x"})
        for query in forms:
            response = await person.call(call.method, call.path, params=query, **options)
            request = f"{call.method} {call.path} {query} {call.body}"
            answers.append(Answer(call.operation, request, response.status_code, response.text))
    return answers
