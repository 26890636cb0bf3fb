"""Every operation of moderators and administrators is in the audit log, and no other one."""

from uuid import UUID

import httpx

from app.core.ids import new_id
from app.http.audit import AUDIT_ACTIONS
from app.main import create_app
from app.persistence.repositories.audit_log import AuditFilter
from app.persistence.uow import ReadSession
from app.wire.audit import AuditAction
from testkit.people import API
from testkit.server import NO_POLLING, TestServer
from testkit.server_fixtures import server_fixtures
from testkit.servers.backend import Backend
from tests.features.use_cases import USE_CASES, Scenario

METHODS = {"post", "put", "patch", "delete"}
# Below these paths people act for themselves, or as members among others.
OWN_PATHS = ("/auth/", "/ws-tickets", "/users/me", "/scheduled/", "/invites/")
OWN_OPERATIONS = {
    *("create_room", "join_room", "leave_room", "ask_to_join", "set_room_notifications"),
    *("send_message", "forward_message", "edit_message", "add_reaction", "remove_reaction"),
    *("vote", "add_poll_option", "follow_thread", "unfollow_thread", "mark_thread_read"),
    *("mark_read", "mark_unread", "save_draft", "delete_draft", "save_message"),
    *("remove_saved_message", "schedule_message", "report_message", "report_member"),
}

embedded_server, cluster_server, server = server_fixtures("module", **NO_POLLING)


def audited_actions(backend: Backend) -> dict[str, set[str]]:
    """By route: what each operation that changes something may write into the audit log."""
    paths = create_app(backend.settings).openapi()["paths"]
    return {
        f"{method.upper()} {path.removeprefix(API)}": set(operation.get(AUDIT_ACTIONS, ()))
        for path, operations in paths.items()
        for method, operation in operations.items()
        if method in METHODS
    }


def test_every_operation_is_audited_or_an_own_one(embedded: Backend) -> None:
    paths = create_app(embedded.settings).openapi()["paths"]
    unaudited = {
        operation["operationId"]
        for path, operations in paths.items()
        for method, operation in operations.items()
        if method in METHODS
        and AUDIT_ACTIONS not in operation
        and not path.removeprefix(API).startswith(OWN_PATHS)
    }
    assert unaudited == OWN_OPERATIONS


def test_every_action_belongs_to_an_operation(embedded: Backend) -> None:
    written = set[str]().union(*audited_actions(embedded).values())
    assert written == set(AuditAction)


async def test_every_audited_operation_writes_an_entry(
    server: TestServer, http: httpx.AsyncClient, embedded: Backend
) -> None:
    expected = audited_actions(embedded)
    written: dict[str, set[str]] = {route: set() for route in expected}
    for case in USE_CASES:
        request = await case.prepare(
            Scenario(server, http, *await server.people(http, "ada", "bob", "eve"))
        )
        before = await list_acts(server)
        response = await request()
        assert response.status_code == case.status, (case.name, response.text)
        actions = {action for id_, action in (await list_acts(server)).items() if id_ not in before}
        assert actions <= expected[case.route], case.name
        written[case.route] |= actions
    silent = {route for route, actions in expected.items() if actions and not written[route]}
    assert silent == set()


async def list_acts(server: TestServer) -> dict[UUID, str]:
    async def read(reads: ReadSession) -> dict[UUID, str]:
        rows = await reads.audit_log.page(new_id(), AuditFilter(), None, 1000)
        return {row.id: row.action for row in rows}

    return await server.context.database.read(read)
