"""The request of an operation in a cell, with ids of the stage in place of those of the example.

A request that is to be refused is about objects that stay. One that is to succeed may use one up.
"""

import itertools
from typing import Any, NamedTuple
from urllib.parse import quote
from uuid import uuid4

import httpx

from app.http.session_cookie import PLAIN_NAME
from app.wire.domain import Permission, RoomKind
from testkit.answers import assert_ok
from testkit.people import Person
from testkit.server import PASSWORD, new_session, unique_username
from tests.authorization.documents import Operation
from tests.authorization.rules import DONE, Cell, Rule, find_answers
from tests.authorization.stage import FUTURE, POLL, Stage
from tests.authorization.standings import ROLES, WITHOUT_SESSION, Standing
from tests.features.use_cases import tomorrow

_numbers = itertools.count(1)
# They end the session, or the account's other sessions.
ENDING = {"log_out", "change_password"}
OF_POLLS = {"vote", "list_votes", "add_poll_option", "close_poll"}
USES_MESSAGE_UP = {"delete_message", "delete_messages", "close_poll"}


class Request(NamedTuple):
    stage: Stage
    operation: Operation
    case: str  # of the operation; empty if it has one only
    rule: Rule
    cell: Cell

    @property
    def succeeds(self) -> bool:
        return find_answers(self.rule, self.cell) == DONE

    @property
    def room(self) -> str:
        return self.stage.find_room(self.cell.standing)

    @property
    def caller(self) -> Person:
        return self.stage.people[self.cell.standing]

    @property
    def owner(self) -> Person:
        """Of the object; those who have no session have none."""
        is_callers = self.cell.own and self.cell.standing not in WITHOUT_SESSION
        return self.caller if is_callers else self.stage.founder


def is_possible(request: Request) -> bool:
    """Whether the object can exist."""
    stage, operation, standing = request.stage, request.operation, request.cell.standing
    if not request.cell.own:
        return True
    if operation.id == "revoke_invite":
        return standing in ROLES and stage.may(Permission.ADD, standing)
    if operation.id == "forward_message" and request.case == "into":
        return False
    if operation.takes("seq") or operation.id == "delete_messages":
        return (request.room, request.caller.id) in stage.messages
    return True


async def send(request: Request) -> httpx.Response:
    """The answer to the request."""
    stage, operation = request.stage, request.operation
    ids = await _find_ids(request)
    path = operation.path
    for name, value in ids.items():
        path = path.replace(f"{{{name}}}", quote(str(value)))
    body = await _make_body(request, ids)
    headers = await _make_headers(request)
    content: dict[str, Any] = (
        {} if body is None else {"data" if operation.is_form else "json": body}
    )
    query = dict(operation.query)
    if request.case == "others":
        query["user"] = stage.founder.id
    return await stage.http.request(
        operation.method, path, headers=headers, params=query, **content
    )


async def _make_headers(request: Request) -> dict[str, str]:
    person = request.caller
    if "cookie" in request.operation.id:
        origin = str(request.stage.http.base_url).rstrip("/")
        login = await new_session(request.stage.server, request.stage.founder)
        return {"Origin": origin, "Cookie": f"{PLAIN_NAME}={login.refresh}"}
    if request.cell.standing is Standing.ANONYMOUS:
        return {}
    is_suspended = request.cell.standing is Standing.SUSPENDED
    if request.operation.id in ENDING and request.succeeds and not is_suspended:
        person = await request.stage.new_person()
    return {"Authorization": f"Bearer {person.access}"}


async def _find_ids(request: Request) -> dict[str, Any]:
    stage, operation = request.stage, request.operation
    ids: dict[str, Any] = {
        "room_id": request.room,
        "role": "guest",
        "emoji": "🎉",
        "code": stage.invite["code"],
        "invite_id": await _find_invite(request) if operation.takes("invite_id") else "",
        "seq": await _find_message(request),
    }
    if request.case == "into":
        ids |= {"room_id": stage.lobby, "seq": stage.lobby_message}
    if operation.id == "delete_room" and request.succeeds:
        ids["room_id"] = await _make_room(request)
    if operation.takes("user_id"):
        ids["user_id"] = await _find_user(request)
    if operation.takes("session_id"):
        session = await new_session(stage.server, request.owner)
        ids["session_id"] = session.session
    if operation.takes("group_id"):
        administrator = stage.people[Standing.SERVER_ADMINISTRATOR]
        ids["group_id"] = await administrator.makes_group(unique_username("team"))
        if request.case == "managed":
            path = f"/groups/{ids['group_id']}/managers/{request.caller.id}"
            assert_ok(await administrator.put(path), 204)
    if operation.takes("rule_id"):
        ids["rule_id"] = await _find_filter_rule(request)
    if operation.takes("report_id"):
        ids["report_id"] = await _find_report(request)
    if operation.takes("scheduled_id"):
        path = f"/rooms/{stage.lobby}/scheduled"
        ids["scheduled_id"] = await _make_item(request, path, text="x", nonce=uuid4().hex)
    if operation.takes("reminder_id"):
        ids["reminder_id"] = await _make_item(request, "/users/me/reminders", room=stage.lobby)
    return ids


async def _make_room(request: Request) -> str:
    """Like that of the stage, for a request that uses it up."""
    stage, standing = request.stage, request.cell.standing
    members = [request.caller] if standing in ROLES else []
    room = await stage.founder.makes_room(stage.place.kind, *members)
    if standing in ROLES:
        path = f"/rooms/{room}/members/{request.caller.id}"
        assert_ok(await stage.founder.patch(path, role=ROLES[standing]))
    if stage.place.archived:
        assert_ok(await stage.founder.delete(f"/rooms/{room}"), 204)
    return room


async def _find_message(request: Request) -> int:
    stage, operation = request.stage, request.operation
    objects = stage.polls if operation.id in OF_POLLS else stage.messages
    has_objects = (request.room, request.owner.id) in objects
    owner = request.owner if has_objects else stage.founder
    if request.succeeds and operation.id in USES_MESSAGE_UP:
        if owner is not stage.founder:
            return objects[request.room, owner.id].pop()
        more: dict[str, Any] = {"poll": POLL} if operation.id in OF_POLLS else {}
        return int(assert_ok(await owner.sends(request.room, **more), 201)["seq"])
    return objects[request.room, owner.id][0]


async def _find_invite(request: Request) -> str:
    stage, path = request.stage, f"/rooms/{request.stage.room}/invites"
    if request.cell.own and request.operation.id == "revoke_invite":
        return str(assert_ok(await request.caller.post(path, role="guest"), 201)["id"])
    if request.operation.id == "revoke_invite" and request.succeeds and not stage.place.archived:
        return str(assert_ok(await stage.founder.post(path), 201)["id"])
    return str(stage.invite["id"])


async def _find_filter_rule(request: Request) -> str:
    stage = request.stage
    if not request.succeeds:
        return stage.filter_rule
    is_of_room = request.operation.takes("room_id")
    path = f"/rooms/{request.room}/filters" if is_of_room else "/filters"
    maker = stage.founder if is_of_room else stage.people[Standing.SERVER_ADMINISTRATOR]
    rule = {"kind": "word", "expression": unique_username("word"), "action": "refuse"}
    return str(assert_ok(await maker.post(path, **rule), 201)["id"])


async def _find_report(request: Request) -> str:
    """By the caller, who may also be the one to judge it, or by a member."""
    stage, standing = request.stage, request.cell.standing
    reporter = request.caller if standing in ROLES else stage.people[Standing.MEMBER]
    path = f"/rooms/{request.room}/members/{_find_reported(stage).id}/reports"
    report = await reporter.post(path, reason="other")
    assert report.status_code in DONE, report.text
    return str(report.json()["id"])


def _find_reported(stage: Stage) -> Person:
    return stage.founder if stage.place.kind is RoomKind.DIRECT else stage.target


async def _find_user(request: Request) -> str:
    stage = request.stage
    match request.operation.id:
        case "ban_from_room" | "unban_from_room":
            return stage.stray.id
        case "ban_user" | "unban_user":
            return (await stage.new_person()).id
        case "remove_member" if request.succeeds:
            return (await stage.new_member()).id
        case "delete_join_request" if request.case == "own":
            if request.succeeds:
                path = f"/rooms/{request.room}/join-requests"
                assert_ok(await request.caller.post(path), 201)
            return request.caller.id
        case "report_member":
            return (request.caller if request.case == "own" else _find_reported(stage)).id
        case "approve_join_request" | "delete_join_request":
            return (await stage.take_asker() if request.succeeds else stage.askers[0]).id
        case _:
            return stage.target.id


async def _make_item(request: Request, path: str, **body: str) -> str:
    """A scheduled message or a reminder, of the caller or of somebody else."""
    item = await request.owner.post(path, due_at=tomorrow(), **body)
    return str(assert_ok(item, 201)["id"])


async def _make_body(request: Request, ids: dict[str, Any]) -> dict[str, Any] | None:
    stage = request.stage
    body = request.operation.copy_body()
    if request.rule.body is not None:
        body = dict(request.rule.body)
    if body is None:
        return None
    if request.operation.id == "send_message":
        body["nonce"] = ""
    values: dict[str, Any] = {
        "room": request.room,
        "to": request.room if request.case == "into" else stage.lobby,
        "confirmation": ids["room_id"] if stage.place.kind is RoomKind.GROUP else "A room",
        "users": [stage.target.id],
        "members": [stage.founder.id] if request.case == "direct" else [],
        "user": stage.target.id,
        "seqs": [ids["seq"]],
        "nonce": uuid4().hex,
        "due_at": tomorrow(),
        "until": FUTURE,
        "thread": ids["seq"],
        "username": unique_username("new"),
        "display_name": unique_username("New"),
        "handle": unique_username("handle"),
        "old_password": PASSWORD,
    }
    if request.operation.is_form:
        values |= {"username": stage.founder.username, "password": PASSWORD}
    if request.operation.id == "add_reminder":
        values["seq"] = ids["seq"]
    return {name: values.get(name, value) for name, value in body.items()}
