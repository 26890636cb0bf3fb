"""Every request that changes something.

Each function prepares data and returns the request. The request changes the database, and can be
repeated until it succeeds.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx

from app.core.clock import now
from testkit.answers import assert_ok
from testkit.people import API, Person
from testkit.server import PASSWORD, TestServer, unique_username
from tests.features.users.auth import log_in, renew, set_token_times, whoami
from tests.features.web.cookies import cookie_login, cookie_logout, renew_with_cookie
from tests.features.web.setup import forget_setup, get_setup_code, setup_body

Request = Callable[[], Awaitable[httpx.Response]]


@dataclass(frozen=True)
class Scenario:
    server: TestServer
    http: httpx.AsyncClient
    ada: Person
    bob: Person
    eve: Person


@dataclass(frozen=True)
class UseCase:
    name: str
    route: str  # as in the OpenAPI document, below /api/v1
    status: int
    announces: tuple[str, ...]  # the kinds, in order
    prepare: Callable[[Scenario], Awaitable[Request]]


USE_CASES: list[UseCase] = []
_Prepare = Callable[[Scenario], Awaitable[Request]]


def use_case(route: str, status: int, *announces: str) -> Callable[[_Prepare], _Prepare]:
    def remember(prepare: _Prepare) -> _Prepare:
        USE_CASES.append(UseCase(prepare.__name__, route, status, announces, prepare))
        return prepare

    return remember


# Accounts.


@use_case("POST /auth/register", 201)
async def register(stage: Scenario) -> Request:
    account = {"username": unique_username("new"), "password": PASSWORD}
    return lambda: stage.http.post(f"{API}/auth/register", json=account)


@use_case("POST /auth/token", 200)
async def login(stage: Scenario) -> Request:
    return lambda: log_in(stage.http, stage.ada.username)


@use_case("POST /auth/token", 200)
async def refresh(stage: Scenario) -> Request:
    return lambda: renew(stage.http, stage.ada.refresh)


@use_case("POST /auth/token", 400, "SESSION_REVOKED")
async def reuse_of_a_refresh_token(stage: Scenario) -> Request:
    login = assert_ok(await renew(stage.http, stage.ada.refresh))
    assert_ok(await whoami(stage.http, login["access_token"]))
    long_ago = now() - timedelta(hours=1)
    await set_token_times(stage.server, stage.ada.refresh, used_at=long_ago)
    return lambda: renew(stage.http, stage.ada.refresh)


@use_case("POST /auth/logout", 204, "SESSION_REVOKED")
async def logout(stage: Scenario) -> Request:
    return lambda: stage.ada.post("/auth/logout")


@use_case("POST /auth/cookie", 200)
async def log_in_with_cookie(stage: Scenario) -> Request:
    return lambda: cookie_login(stage.http, stage.ada.username)


@use_case("POST /auth/cookie/refresh", 200)
async def renew_cookie(stage: Scenario) -> Request:
    return lambda: renew_with_cookie(stage.http, stage.ada.refresh)


@use_case("POST /auth/cookie/logout", 204, "SESSION_REVOKED")
async def log_out_with_cookie(stage: Scenario) -> Request:
    return lambda: cookie_logout(stage.http, stage.ada.refresh)


@use_case("DELETE /auth/sessions/{session_id}", 204, "SESSION_REVOKED")
async def revoke(stage: Scenario) -> Request:
    assert_ok(await log_in(stage.http, stage.ada.username))
    other = next(s for s in assert_ok(await stage.ada.get("/auth/sessions")) if not s["current"])
    return lambda: stage.ada.delete(f"/auth/sessions/{other['id']}")


@use_case("POST /ws-tickets", 201)
async def ticket(stage: Scenario) -> Request:
    return lambda: stage.ada.post("/ws-tickets")


@use_case("PATCH /users/me", 200, "PROFILE")
async def profile(stage: Scenario) -> Request:
    return lambda: stage.ada.patch("/users/me", display_name="Somebody else")


@use_case("PATCH /users/me", 200, "PROFILE")
async def set_status(stage: Scenario) -> Request:
    return lambda: stage.ada.patch("/users/me", title="Editor", status={"text": "On holiday"})


@use_case("PATCH /users/me", 200)
async def hide_read_markers(stage: Scenario) -> Request:
    return lambda: stage.ada.patch("/users/me", share_read_markers=False)


@use_case("PUT /users/me/password", 204, "SESSION_REVOKED", "SESSION_REVOKED")
async def change_password(stage: Scenario) -> Request:
    for _ in range(2):
        assert_ok(await log_in(stage.http, stage.ada.username))
    body = {"old_password": PASSWORD, "new_password": "another " + PASSWORD}
    return lambda: stage.ada.put("/users/me/password", **body)


# The server.


@use_case("POST /setup", 201, "OTHER_EVENT", "JOINED", "USER_EVENT")
async def set_up(stage: Scenario) -> Request:
    await forget_setup(stage.server)
    body = setup_body(await get_setup_code(stage.server))
    return lambda: stage.http.post(f"{API}/setup", json=body)


@use_case("PATCH /server", 200)
async def rename_the_server(stage: Scenario) -> Request:
    admin = await stage.server.administrator(stage.http)
    return lambda: admin.patch("/server", name=unique_username("Analytical"))


# Moderation.


@use_case("PUT /users/{user_id}/ban", 200, "SESSION_REVOKED")
async def ban(stage: Scenario) -> Request:
    admin = await stage.server.administrator(stage.http)
    return lambda: admin.put(f"/users/{stage.ada.id}/ban")


@use_case("DELETE /users/{user_id}/ban", 204)
async def unban(stage: Scenario) -> Request:
    admin = await stage.server.administrator(stage.http)
    assert_ok(await admin.put(f"/users/{stage.ada.id}/ban"))
    return lambda: admin.delete(f"/users/{stage.ada.id}/ban")


# User groups.


@use_case("POST /groups", 201)
async def create_group_of_users(stage: Scenario) -> Request:
    admin = await stage.server.administrator(stage.http)
    handle = unique_username("group")
    return lambda: admin.post("/groups", handle=handle)


@use_case("PATCH /groups/{group_id}", 200)
async def update_group_of_users(stage: Scenario) -> Request:
    admin = await stage.server.administrator(stage.http)
    group, handle = await admin.makes_group(unique_username("group")), unique_username("group")
    return lambda: admin.patch(f"/groups/{group}", handle=handle, display_name="Another")


@use_case("DELETE /groups/{group_id}", 204)
async def delete_group_of_users(stage: Scenario) -> Request:
    admin = await stage.server.administrator(stage.http)
    group = await admin.makes_group(unique_username("group"), stage.ada)
    return lambda: admin.delete(f"/groups/{group}")


@use_case("PUT /groups/{group_id}/members/{user_id}", 204)
async def add_group_member(stage: Scenario) -> Request:
    admin = await stage.server.administrator(stage.http)
    group = await admin.makes_group(unique_username("group"))
    return lambda: admin.put(f"/groups/{group}/members/{stage.ada.id}")


@use_case("PUT /groups/{group_id}/managers/{user_id}", 204)
async def add_group_manager(stage: Scenario) -> Request:
    admin = await stage.server.administrator(stage.http)
    group = await admin.makes_group(unique_username("team"))
    return lambda: admin.put(f"/groups/{group}/managers/{stage.ada.id}")


@use_case("DELETE /groups/{group_id}/managers/{user_id}", 204)
async def remove_group_manager(stage: Scenario) -> Request:
    admin = await stage.server.administrator(stage.http)
    group = await admin.makes_group(unique_username("team"))
    assert_ok(await admin.put(f"/groups/{group}/managers/{stage.ada.id}"), 204)
    return lambda: admin.delete(f"/groups/{group}/managers/{stage.ada.id}")


@use_case("DELETE /groups/{group_id}/members/{user_id}", 204)
async def remove_group_member(stage: Scenario) -> Request:
    admin = await stage.server.administrator(stage.http)
    group = await admin.makes_group(unique_username("group"), stage.ada)
    return lambda: admin.delete(f"/groups/{group}/members/{stage.ada.id}")


# Notifications.


@use_case("PUT /users/me/notifications", 200, "USER_EVENT")
async def set_notifications(stage: Scenario) -> Request:
    return lambda: stage.ada.put("/users/me/notifications", keywords=["release"])


@use_case("PUT /rooms/{room_id}/notifications", 200, "USER_EVENT")
async def set_room_notifications(stage: Scenario) -> Request:
    room = await stage.ada.makes_room()
    return lambda: stage.ada.put(f"/rooms/{room}/notifications", muted=True)


# Rooms.


def _create(stage: Scenario, members: list[Person], **body: Any) -> Request:
    body["members"] = [person.id for person in members]
    return lambda: stage.ada.post("/rooms", **body)


@use_case("POST /rooms", 201, "OTHER_EVENT", *["JOINED"] * 3, *["USER_EVENT"] * 3)
async def create_public(stage: Scenario) -> Request:
    return _create(stage, [stage.bob, stage.eve], kind="public", name="A room")


@use_case("POST /rooms", 201, "OTHER_EVENT", *["JOINED"] * 2, *["USER_EVENT"] * 2)
async def create_private(stage: Scenario) -> Request:
    return _create(stage, [stage.bob], kind="private", name="A room", topic="secret")


@use_case("POST /rooms", 201, "OTHER_EVENT", *["JOINED"] * 3, *["USER_EVENT"] * 3)
async def create_group(stage: Scenario) -> Request:
    return _create(stage, [stage.bob, stage.eve], kind="group")


@use_case("POST /rooms", 201, "OTHER_EVENT", *["JOINED"] * 2, *["USER_EVENT"] * 2)
async def create_direct(stage: Scenario) -> Request:
    return _create(stage, [stage.bob], kind="direct")


@use_case("POST /rooms/{room_id}/join", 200, "JOINED", "USER_EVENT")
async def join(stage: Scenario) -> Request:
    room = await stage.bob.makes_room()
    return lambda: stage.ada.post(f"/rooms/{room}/join")


@use_case("POST /rooms/{room_id}/leave", 204, "LEFT", "USER_EVENT")
async def leave(stage: Scenario) -> Request:
    room = await stage.bob.makes_room("private", stage.ada)
    return lambda: stage.ada.post(f"/rooms/{room}/leave")


@use_case("POST /rooms/{room_id}/members", 200, *["JOINED"] * 2, *["USER_EVENT"] * 2)
async def add_members(stage: Scenario) -> Request:
    room = await stage.ada.makes_room("private")
    users = [stage.bob.id, stage.eve.id]
    return lambda: stage.ada.post(f"/rooms/{room}/members", users=users)


@use_case("DELETE /rooms/{room_id}/members/{user_id}", 204, "REMOVED", "USER_EVENT")
async def remove_member(stage: Scenario) -> Request:
    room = await stage.ada.makes_room("private", stage.bob)
    return lambda: stage.ada.delete(f"/rooms/{room}/members/{stage.bob.id}")


@use_case("PATCH /rooms/{room_id}/members/{user_id}", 200, "MEMBER_CHANGED")
async def set_role(stage: Scenario) -> Request:
    room = await stage.ada.makes_room("private", stage.bob)
    return lambda: stage.ada.patch(f"/rooms/{room}/members/{stage.bob.id}", role="owner")


@use_case("PATCH /rooms/{room_id}", 200, "ROOM_CHANGED")
async def rename(stage: Scenario) -> Request:
    room = await stage.ada.makes_room()
    return lambda: stage.ada.patch(f"/rooms/{room}", name="Another", topic="of another")


@use_case("PATCH /rooms/{room_id}", 200, "ROOM_CHANGED")
async def restore(stage: Scenario) -> Request:
    room = await stage.ada.makes_room()
    assert_ok(await stage.ada.delete(f"/rooms/{room}"), 204)
    return lambda: stage.ada.patch(f"/rooms/{room}", archived=False)


@use_case("DELETE /rooms/{room_id}", 204, "ROOM_CHANGED")
async def archive(stage: Scenario) -> Request:
    room = await stage.ada.makes_room()
    return lambda: stage.ada.delete(f"/rooms/{room}")


@use_case("POST /rooms/{room_id}/delete", 204, "ROOM_DELETED")
async def delete_room(stage: Scenario) -> Request:
    room = await stage.ada.makes_room("private", stage.bob)
    await stage.bob.says(room, "hello")
    return lambda: stage.ada.post(f"/rooms/{room}/delete", confirmation="A room", reason="old")


@use_case("PATCH /rooms/{room_id}", 200, "ROOM_CHANGED")
async def keep_messages_for_a_time(stage: Scenario) -> Request:
    room = await stage.ada.makes_room()
    assert_ok(await stage.ada.patch(f"/rooms/{room}", settings={"retention_days": 30}))
    return lambda: stage.ada.patch(f"/rooms/{room}", settings={"retention_days": 7})


@use_case("PUT /rooms/{room_id}/permissions/roles/{role}", 200, "ROOM_CHANGED")
async def set_role_permissions(stage: Scenario) -> Request:
    room = await stage.ada.makes_room()
    return lambda: stage.ada.put(f"/rooms/{room}/permissions/roles/guest", deny=["send"])


@use_case("DELETE /rooms/{room_id}/permissions/roles/{role}", 204, "ROOM_CHANGED")
async def reset_role_permissions(stage: Scenario) -> Request:
    room = await stage.ada.makes_room()
    path = f"/rooms/{room}/permissions/roles/guest"
    assert_ok(await stage.ada.put(path, deny=["send"]))
    return lambda: stage.ada.delete(path)


@use_case("PUT /rooms/{room_id}/permissions/users/{user_id}", 200, "ROOM_CHANGED")
async def set_member_permissions(stage: Scenario) -> Request:
    room = await stage.ada.makes_room("private", stage.bob)
    path = f"/rooms/{room}/permissions/users/{stage.bob.id}"
    return lambda: stage.ada.put(path, allow=["pin"])


@use_case("DELETE /rooms/{room_id}/permissions/users/{user_id}", 204, "ROOM_CHANGED")
async def reset_member_permissions(stage: Scenario) -> Request:
    room = await stage.ada.makes_room("private", stage.bob)
    path = f"/rooms/{room}/permissions/users/{stage.bob.id}"
    assert_ok(await stage.ada.put(path, allow=["pin"]))
    return lambda: stage.ada.delete(path)


@use_case("PUT /rooms/{room_id}/bans/{user_id}", 200, "REMOVED", "USER_EVENT")
async def ban_from_room(stage: Scenario) -> Request:
    room = await stage.ada.makes_room("private", stage.bob)
    return lambda: stage.ada.put(f"/rooms/{room}/bans/{stage.bob.id}", reason="spam")


@use_case("DELETE /rooms/{room_id}/bans/{user_id}", 204)
async def unban_from_room(stage: Scenario) -> Request:
    room = await stage.ada.makes_room()
    path = f"/rooms/{room}/bans/{stage.bob.id}"
    assert_ok(await stage.ada.put(path))
    return lambda: stage.ada.delete(path)


@use_case("PUT /rooms/{room_id}/time-outs/{user_id}", 200, "MEMBER_CHANGED")
async def time_out_member(stage: Scenario) -> Request:
    room = await stage.ada.makes_room("private", stage.bob)
    path = f"/rooms/{room}/time-outs/{stage.bob.id}"
    return lambda: stage.ada.put(path, until="2100-01-01T00:00:00Z")


@use_case("DELETE /rooms/{room_id}/time-outs/{user_id}", 204, "MEMBER_CHANGED")
async def lift_time_out(stage: Scenario) -> Request:
    room = await stage.ada.makes_room("private", stage.bob)
    path = f"/rooms/{room}/time-outs/{stage.bob.id}"
    assert_ok(await stage.ada.put(path, until="2100-01-01T00:00:00Z"))
    return lambda: stage.ada.delete(path)


@use_case("PUT /rooms/{room_id}/threads/{seq}/lock", 200, "MESSAGE_CHANGED")
async def lock_thread(stage: Scenario) -> Request:
    room = await stage.ada.makes_room()
    [seq] = await stage.ada.says(room, "a root")
    return lambda: stage.ada.put(f"/rooms/{room}/threads/{seq}/lock")


@use_case("DELETE /rooms/{room_id}/threads/{seq}/lock", 200, "MESSAGE_CHANGED")
async def unlock_thread(stage: Scenario) -> Request:
    room = await stage.ada.makes_room()
    [seq] = await stage.ada.says(room, "a root")
    assert_ok(await stage.ada.put(f"/rooms/{room}/threads/{seq}/lock"))
    return lambda: stage.ada.delete(f"/rooms/{room}/threads/{seq}/lock")


@use_case("POST /rooms/{room_id}/messages", 201, "MESSAGE")
async def send_in_slow_mode(stage: Scenario) -> Request:
    room = await stage.ada.makes_room("private", stage.bob)
    assert_ok(await stage.ada.patch(f"/rooms/{room}", settings={"slow_mode_s": 3600}))
    return lambda: stage.bob.sends(room, nonce="n")


@use_case("POST /rooms/{room_id}/transfer", 200, *["MEMBER_CHANGED"] * 2)
async def transfer_room(stage: Scenario) -> Request:
    room = await stage.ada.makes_room("private", stage.bob)
    return lambda: stage.ada.post(f"/rooms/{room}/transfer", user=stage.bob.id)


@use_case("POST /rooms/{room_id}/invites", 201)
async def create_invite(stage: Scenario) -> Request:
    room = await stage.ada.makes_room("private")
    return lambda: stage.ada.post(f"/rooms/{room}/invites", max_uses=3)


@use_case("DELETE /rooms/{room_id}/invites/{invite_id}", 204)
async def revoke_invite(stage: Scenario) -> Request:
    room = await stage.ada.makes_room("private")
    invite = assert_ok(await stage.ada.post(f"/rooms/{room}/invites"), 201)
    return lambda: stage.ada.delete(f"/rooms/{room}/invites/{invite['id']}")


@use_case("POST /invites/{code}/join", 200, "JOINED", "USER_EVENT")
async def join_by_invite(stage: Scenario) -> Request:
    room = await stage.ada.makes_room("private")
    invite = assert_ok(await stage.ada.post(f"/rooms/{room}/invites", max_uses=1), 201)
    return lambda: stage.bob.post(f"/invites/{invite['code']}/join")


@use_case("POST /rooms/{room_id}/join-requests", 201)
async def ask_to_join(stage: Scenario) -> Request:
    room = await _asked_for(stage)
    return lambda: stage.bob.post(f"/rooms/{room}/join-requests", note="please")


@use_case("POST /rooms/{room_id}/join-requests/{user_id}/approve", 200, "JOINED", "USER_EVENT")
async def approve_join_request(stage: Scenario) -> Request:
    room = await _asked_for(stage, stage.bob)
    return lambda: stage.ada.post(f"/rooms/{room}/join-requests/{stage.bob.id}/approve")


@use_case("DELETE /rooms/{room_id}/join-requests/{user_id}", 204)
async def decline_join_request(stage: Scenario) -> Request:
    room = await _asked_for(stage, stage.bob)
    return lambda: stage.ada.delete(f"/rooms/{room}/join-requests/{stage.bob.id}")


async def _asked_for(stage: Scenario, *people: Person) -> str:
    """A room that these people ask to join."""
    room = await stage.ada.makes_room("private")
    assert_ok(await stage.ada.patch(f"/rooms/{room}", settings={"join_requests": True}))
    for person in people:
        assert_ok(await person.post(f"/rooms/{room}/join-requests"), 201)
    return room


@use_case("POST /rooms/{room_id}/messages/{seq}/reports", 201)
async def report_message(stage: Scenario) -> Request:
    room = await stage.ada.makes_room("private", stage.bob)
    [seq] = await stage.bob.says(room, "cheap pills")
    return lambda: stage.ada.post(f"/rooms/{room}/messages/{seq}/reports", reason="spam")


@use_case("POST /rooms/{room_id}/members/{user_id}/reports", 201)
async def report_member(stage: Scenario) -> Request:
    room = await stage.ada.makes_room("private", stage.bob)
    return lambda: stage.bob.post(f"/rooms/{room}/members/{stage.ada.id}/reports", reason="spam")


@use_case("POST /reports/{report_id}/resolution", 200)
async def resolve_report(stage: Scenario) -> Request:
    room = await stage.ada.makes_room("private", stage.bob, stage.eve)
    path = f"/rooms/{room}/members/{stage.bob.id}/reports"
    report = assert_ok(await stage.eve.post(path, reason="spam"), 201)
    return lambda: stage.ada.post(f"/reports/{report['id']}/resolution", outcome="warned")


RULE = {"kind": "word", "expression": "pills", "action": "refuse"}


@use_case("POST /rooms/{room_id}/filters", 201)
async def add_room_filter_rule(stage: Scenario) -> Request:
    room = await stage.ada.makes_room()
    return lambda: stage.ada.post(f"/rooms/{room}/filters", **RULE)


@use_case("DELETE /rooms/{room_id}/filters/{rule_id}", 204)
async def remove_room_filter_rule(stage: Scenario) -> Request:
    room = await stage.ada.makes_room()
    rule = assert_ok(await stage.ada.post(f"/rooms/{room}/filters", **RULE), 201)
    return lambda: stage.ada.delete(f"/rooms/{room}/filters/{rule['id']}")


@use_case("POST /filters", 201)
async def add_filter_rule(stage: Scenario) -> Request:
    admin = await stage.server.administrator(stage.http)
    rule = RULE | {"expression": unique_username("word")}
    return lambda: admin.post("/filters", **rule)


@use_case("DELETE /filters/{rule_id}", 204)
async def remove_filter_rule(stage: Scenario) -> Request:
    admin = await stage.server.administrator(stage.http)
    rule = RULE | {"expression": unique_username("word")}
    made = assert_ok(await admin.post("/filters", **rule), 201)
    return lambda: admin.delete(f"/filters/{made['id']}")


@use_case("POST /rooms/{room_id}/messages", 201, "MESSAGE")
async def send_what_a_filter_reports(stage: Scenario) -> Request:
    room = await stage.ada.makes_room("private", stage.bob)
    rule = RULE | {"action": "report"}
    assert_ok(await stage.ada.post(f"/rooms/{room}/filters", **rule), 201)
    return lambda: stage.bob.sends(room, "cheap pills", nonce="n")


# Messages.


@use_case("POST /rooms/{room_id}/messages", 201, "MESSAGE")
async def send_with_mentions_and_a_reply(stage: Scenario) -> Request:
    room = await stage.ada.makes_room("private", stage.bob, stage.eve)
    (question,) = await stage.bob.says(room, "question")
    text = f"@{stage.bob.username} @{stage.eve.username} answer"
    return lambda: stage.ada.sends(room, text, nonce="n", reply_to=question)


@use_case("PATCH /rooms/{room_id}/messages/{seq}", 200, "MESSAGE_CHANGED")
async def edit(stage: Scenario) -> Request:
    room = await stage.ada.makes_room("private", stage.bob, stage.eve)
    [seq] = await stage.ada.says(room, f"@{stage.bob.username}")
    path = f"/rooms/{room}/messages/{seq}"
    return lambda: stage.ada.patch(path, text=f"@{stage.eve.username}", version=1)


@use_case("DELETE /rooms/{room_id}/messages/{seq}", 200, "MESSAGE_CHANGED")
async def delete_message(stage: Scenario) -> Request:
    _, path = await _message_with_everything(stage)
    return lambda: stage.ada.delete(path)


@use_case("DELETE /rooms/{room_id}/messages/{seq}", 200, "MESSAGE_CHANGED")
async def delete_message_of_another(stage: Scenario) -> Request:
    room = await stage.ada.makes_room("private", stage.bob)
    [seq] = await stage.bob.says(room, "hello")
    return lambda: stage.ada.delete(f"/rooms/{room}/messages/{seq}")


@use_case("POST /rooms/{room_id}/deletions", 200, *["MESSAGE_CHANGED"] * 2)
async def delete_messages(stage: Scenario) -> Request:
    room = await stage.ada.makes_room("private", stage.bob)
    await asyncio.gather(*(stage.bob.says(room, str(n)) for n in range(101)))
    body = {"sender": stage.bob.id, "since": "2020-01-01T00:00:00Z"}
    return lambda: stage.ada.post(f"/rooms/{room}/deletions", **body)


@use_case("PUT /rooms/{room_id}/messages/{seq}/reactions/{emoji}", 200, "MESSAGE_CHANGED")
async def add_reaction(stage: Scenario) -> Request:
    room = await stage.ada.makes_room("private", stage.bob)
    [seq] = await stage.bob.says(room, "hello")
    return lambda: stage.ada.put(f"/rooms/{room}/messages/{seq}/reactions/🎉")


@use_case("DELETE /rooms/{room_id}/messages/{seq}/reactions/{emoji}", 200, "MESSAGE_CHANGED")
async def remove_reaction(stage: Scenario) -> Request:
    _, path = await _message_with_everything(stage)
    return lambda: stage.bob.delete(f"{path}/reactions/🎉")


@use_case("PUT /rooms/{room_id}/messages/{seq}/pin", 200, "MESSAGE_CHANGED")
async def pin(stage: Scenario) -> Request:
    room = await stage.ada.makes_room("private", stage.bob)
    [seq] = await stage.bob.says(room, "hello")
    return lambda: stage.ada.put(f"/rooms/{room}/messages/{seq}/pin")


@use_case("DELETE /rooms/{room_id}/messages/{seq}/pin", 200, "MESSAGE_CHANGED")
async def unpin(stage: Scenario) -> Request:
    _, path = await _message_with_everything(stage)
    return lambda: stage.ada.delete(f"{path}/pin")


@use_case("POST /rooms/{room_id}/messages", 201, "MESSAGE")
async def send_a_poll_that_disappears(stage: Scenario) -> Request:
    room = await stage.ada.makes_room("private", stage.bob)
    poll = {"options": ["yes", "no"]}
    return lambda: stage.ada.sends(room, "well?", nonce="n", poll=poll, expires_in_s=60)


@use_case("POST /rooms/{room_id}/messages/{seq}/forward", 201, "MESSAGE")
async def forward(stage: Scenario) -> Request:
    room, target = await stage.ada.makes_room("private", stage.bob), await stage.ada.makes_room()
    [seq] = await stage.bob.says(room, "hello")
    path = f"/rooms/{room}/messages/{seq}/forward"
    return lambda: stage.ada.post(path, to=target, nonce="n", text="look")


@use_case("PUT /rooms/{room_id}/messages/{seq}/vote", 200, "MESSAGE_CHANGED")
async def vote(stage: Scenario) -> Request:
    path = await _poll(stage)
    assert_ok(await stage.bob.put(f"{path}/vote", options=[1]))
    return lambda: stage.bob.put(f"{path}/vote", options=[2])


@use_case("POST /rooms/{room_id}/messages/{seq}/poll/options", 200, "MESSAGE_CHANGED")
async def add_option(stage: Scenario) -> Request:
    path = await _poll(stage)
    return lambda: stage.bob.post(f"{path}/poll/options", text="maybe")


@use_case("POST /rooms/{room_id}/messages/{seq}/poll/close", 200, "MESSAGE_CHANGED")
async def close_poll(stage: Scenario) -> Request:
    path = await _poll(stage)
    return lambda: stage.ada.post(f"{path}/poll/close")


@use_case("POST /rooms/{room_id}/messages/{seq}/poll/close", 200, "MESSAGE_CHANGED")
async def close_poll_of_another(stage: Scenario) -> Request:
    room = await stage.ada.makes_room("private", stage.bob)
    poll = {"options": ["yes", "no"]}
    message = assert_ok(await stage.bob.sends(room, "well?", poll=poll), 201)
    return lambda: stage.ada.post(f"/rooms/{room}/messages/{message['seq']}/poll/close")


@use_case("DELETE /rooms/{room_id}/messages/{seq}", 200, "MESSAGE_CHANGED")
async def delete_poll(stage: Scenario) -> Request:
    path = await _poll(stage)
    assert_ok(await stage.bob.put(f"{path}/vote", options=[1]))
    return lambda: stage.ada.delete(path)


async def _poll(stage: Scenario) -> str:
    """The path of a message that disappears."""
    room = await stage.ada.makes_room("private", stage.bob)
    poll = {"options": ["yes", "no"], "may_add": True}
    message = assert_ok(await stage.ada.sends(room, "well?", poll=poll, expires_in_s=3600), 201)
    return f"/rooms/{room}/messages/{message['seq']}"


async def _message_with_everything(stage: Scenario) -> tuple[str, str]:
    """A room and the path of a message that was edited, mentions, is pinned and has a reaction."""
    room = await stage.ada.makes_room("private", stage.bob)
    [seq] = await stage.ada.says(room, f"@{stage.bob.username}")
    path = f"/rooms/{room}/messages/{seq}"
    assert_ok(await stage.ada.patch(path, text=f"@{stage.bob.username}!", version=1))
    assert_ok(await stage.bob.put(f"{path}/reactions/🎉"))
    assert_ok(await stage.ada.put(f"{path}/pin"))
    return room, path


@use_case("PUT /rooms/{room_id}/read", 200, "READ", "USER_EVENT")
async def mark_read(stage: Scenario) -> Request:
    room = await stage.ada.makes_room("private", stage.bob)
    await stage.bob.says(room, "one", f"@{stage.ada.username} two")
    return lambda: stage.ada.put(f"/rooms/{room}/read", seq=4)


@use_case("POST /rooms/{room_id}/unread", 200, "USER_EVENT")
async def mark_unread(stage: Scenario) -> Request:
    room = await stage.ada.makes_room("private", stage.bob)
    return lambda: stage.ada.post(f"/rooms/{room}/unread", seq=2)


@use_case("POST /rooms/{room_id}/unread", 200, "READ", "USER_EVENT")
async def mark_unread_later(stage: Scenario) -> Request:
    """It moves the marker forward."""
    room = await stage.ada.makes_room("private", stage.bob)
    await stage.bob.says(room, "read", "unread")
    return lambda: stage.ada.post(f"/rooms/{room}/unread", seq=5)


# Threads.


@use_case("POST /rooms/{room_id}/messages", 201, "MESSAGE", "MESSAGE_CHANGED")
async def reply_in_a_thread(stage: Scenario) -> Request:
    room = await stage.ada.makes_room("private", stage.bob, stage.eve)
    (root,) = await stage.bob.says(room, "root")
    text = f"@{stage.eve.username} reply"
    return lambda: stage.ada.sends(room, text, nonce="n", thread=root, also_in_room=True)


@use_case("DELETE /rooms/{room_id}/messages/{seq}", 200, "MESSAGE_CHANGED", "MESSAGE_CHANGED")
async def delete_a_reply_in_a_thread(stage: Scenario) -> Request:
    room, root = await _thread(stage)
    return lambda: stage.bob.delete(f"/rooms/{room}/messages/{root + 1}")


@use_case("PUT /rooms/{room_id}/threads/{seq}/follow", 200, "USER_EVENT")
async def follow_a_thread(stage: Scenario) -> Request:
    room, root = await _thread(stage)
    return lambda: stage.eve.put(f"/rooms/{room}/threads/{root}/follow")


@use_case("DELETE /rooms/{room_id}/threads/{seq}/follow", 200, "USER_EVENT")
async def unfollow_a_thread(stage: Scenario) -> Request:
    room, root = await _thread(stage)
    return lambda: stage.ada.delete(f"/rooms/{room}/threads/{root}/follow")


@use_case("PUT /rooms/{room_id}/threads/{seq}/read", 200, "USER_EVENT")
async def mark_a_thread_read(stage: Scenario) -> Request:
    room, root = await _thread(stage)
    return lambda: stage.ada.put(f"/rooms/{room}/threads/{root}/read", seq=root + 1)


@use_case("POST /rooms/{room_id}/leave", 204, "LEFT", "USER_EVENT")
async def leave_a_room_with_threads(stage: Scenario) -> Request:
    room, _ = await _thread(stage)
    return lambda: stage.bob.post(f"/rooms/{room}/leave")


async def _thread(stage: Scenario) -> tuple[str, int]:
    """A room with a message of Ada, and a reply of Bob in its thread, which both follow."""
    room = await stage.ada.makes_room("private", stage.bob, stage.eve)
    (root,) = await stage.ada.says(room, "root")
    assert_ok(await stage.bob.sends(room, "reply", thread=root), 201)
    return room, root


# Items.


@use_case("PUT /rooms/{room_id}/draft", 204, "USER_EVENT")
async def save_draft(stage: Scenario) -> Request:
    room = await stage.ada.makes_room()
    return lambda: stage.ada.put(f"/rooms/{room}/draft", text="Hello, I", reply_to=2)


@use_case("DELETE /rooms/{room_id}/draft", 204, "USER_EVENT")
async def delete_draft(stage: Scenario) -> Request:
    room = await stage.ada.makes_room()
    assert_ok(await stage.ada.put(f"/rooms/{room}/draft", text="Hello, I"), 204)
    return lambda: stage.ada.delete(f"/rooms/{room}/draft")


@use_case("POST /rooms/{room_id}/leave", 204, "LEFT", *["USER_EVENT"] * 3)
async def leave_with_drafts(stage: Scenario) -> Request:
    room = await stage.bob.makes_room("private", stage.ada)
    for thread in (0, 3):
        assert_ok(await stage.ada.put(f"/rooms/{room}/draft", text="x", thread=thread), 204)
    return lambda: stage.ada.post(f"/rooms/{room}/leave")


@use_case("PUT /rooms/{room_id}/messages/{seq}/saved", 200, "USER_EVENT")
async def save_message(stage: Scenario) -> Request:
    room = await stage.ada.makes_room()
    (seq,) = await stage.ada.says(room, "for later")
    return lambda: stage.ada.put(f"/rooms/{room}/messages/{seq}/saved", note="read this")


@use_case("DELETE /rooms/{room_id}/messages/{seq}/saved", 204, "USER_EVENT")
async def remove_saved_message(stage: Scenario) -> Request:
    room = await stage.ada.makes_room()
    (seq,) = await stage.ada.says(room, "for later")
    assert_ok(await stage.ada.put(f"/rooms/{room}/messages/{seq}/saved"))
    return lambda: stage.ada.delete(f"/rooms/{room}/messages/{seq}/saved")


@use_case("PUT /users/me/blocks/{user_id}", 200, "VISIBILITY", "USER_EVENT", "USER_EVENT")
async def block_user(stage: Scenario) -> Request:
    """They have a direct room with an unread mention."""
    room = await stage.ada.makes_room("direct", stage.bob)
    await stage.bob.says(room, f"@{stage.ada.username}")
    return lambda: stage.ada.put(f"/users/me/blocks/{stage.bob.id}")


@use_case("DELETE /users/me/blocks/{user_id}", 204, "VISIBILITY", "USER_EVENT", "USER_EVENT")
async def unblock_user(stage: Scenario) -> Request:
    room = await stage.ada.makes_room("direct", stage.bob)
    await stage.bob.says(room, f"@{stage.ada.username}")
    assert_ok(await stage.ada.put(f"/users/me/blocks/{stage.bob.id}"))
    return lambda: stage.ada.delete(f"/users/me/blocks/{stage.bob.id}")


@use_case("PUT /users/me/presence", 200, "USER_EVENT")
async def choose_presence(stage: Scenario) -> Request:
    return lambda: stage.ada.put("/users/me/presence", choice="away")


@use_case("PUT /users/me/presence", 200, "VISIBILITY", "USER_EVENT")
async def hide_presence(stage: Scenario) -> Request:
    return lambda: stage.ada.put("/users/me/presence", visible_to="nobody")


async def _scheduled(stage: Scenario) -> str:
    room = await stage.ada.makes_room()
    body = {"text": "later", "nonce": "n", "due_at": tomorrow()}
    scheduled: dict[str, Any] = assert_ok(
        await stage.ada.post(f"/rooms/{room}/scheduled", **body), 201
    )
    return f"/scheduled/{scheduled['id']}"


def tomorrow() -> str:
    return (now() + timedelta(days=1)).isoformat()


@use_case("POST /rooms/{room_id}/scheduled", 201, "USER_EVENT")
async def schedule_message(stage: Scenario) -> Request:
    room = await stage.ada.makes_room()
    body = {"text": "later", "nonce": "n", "due_at": tomorrow()}
    return lambda: stage.ada.post(f"/rooms/{room}/scheduled", **body)


@use_case("PATCH /scheduled/{scheduled_id}", 200, "USER_EVENT")
async def update_scheduled(stage: Scenario) -> Request:
    path = await _scheduled(stage)
    return lambda: stage.ada.patch(path, text="another text")


@use_case("DELETE /scheduled/{scheduled_id}", 204, "USER_EVENT")
async def delete_scheduled(stage: Scenario) -> Request:
    path = await _scheduled(stage)
    return lambda: stage.ada.delete(path)


async def _reminder(stage: Scenario) -> str:
    body = {"room": await stage.ada.makes_room(), "due_at": tomorrow()}
    reminder = assert_ok(await stage.ada.post("/users/me/reminders", **body), 201)
    return f"/users/me/reminders/{reminder['id']}"


@use_case("POST /users/me/reminders", 201, "USER_EVENT")
async def add_reminder(stage: Scenario) -> Request:
    room = await stage.ada.makes_room()
    (seq,) = await stage.ada.says(room, "for later")
    body = {"room": room, "seq": seq, "note": "n", "due_at": tomorrow()}
    return lambda: stage.ada.post("/users/me/reminders", **body)


@use_case("PATCH /users/me/reminders/{reminder_id}", 200, "USER_EVENT")
async def update_reminder(stage: Scenario) -> Request:
    path = await _reminder(stage)
    return lambda: stage.ada.patch(path, note="another note")


@use_case("DELETE /users/me/reminders/{reminder_id}", 204, "USER_EVENT")
async def delete_reminder(stage: Scenario) -> Request:
    path = await _reminder(stage)
    return lambda: stage.ada.delete(path)
