"""The effects of settings that no test of a feature varies."""

import asyncio
import json
import os
import socket
import sys
import time
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import trustme
from jose import jwt
from redis.exceptions import TimeoutError as RedisTimeout
from sqlalchemy import select, text
from sqlalchemy.exc import OperationalError

from app.bus.redis import RedisBus
from app.core.clock import now
from app.persistence.engine import create_engines
from app.persistence.tables import Session, Ticket
from app.redis_client import connect
from app.settings import ROOT, Database, Redis
from testkit.answers import assert_ok, assert_problem
from testkit.coverage import child_variables
from testkit.people import API, Person
from testkit.server import TestServer, run_server, unique_username, without_limits
from testkit.servers.backend import Backend, override, unique_name
from testkit.servers.mariadb import run_mariadb
from testkit.servers.redis import RedisServer
from testkit.waiting import eventually
from tests.features.search.finding import indexed

PASSWORD = "correct horse battery staple"


async def logged(**variables: str) -> list[str]:
    """What a process with these settings logs for one line of each level."""
    program = (
        "import structlog; from app.logs import configure_logs; from app.settings import *;"
        "configure_logs(load_settings().server); log = structlog.get_logger('app.test');"
        "[getattr(log, level)(level) for level in ('debug', 'info', 'warning', 'error')]"
    )
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", program),
        cwd=ROOT / "tests",  # where there is no .env
        env=child_variables()
        | {"CHAT_AUTH__SECRET_KEY": "k" * 32}
        | {name: os.environ[name] for name in ("PATH",)}
        | {f"CHAT_SERVER__{name}".upper(): value for name, value in variables.items()},
        stderr=asyncio.subprocess.PIPE,
    )
    _, lines = await process.communicate()
    assert process.returncode == 0, lines.decode()
    return lines.decode().splitlines()


@pytest.mark.setting("CHAT_SERVER__LOG_FORMAT")
async def test_the_log_format_is_json_or_text(tmp_path: Path) -> None:
    var = str(tmp_path)
    for form in ("auto", "json"):  # it goes to a pipe
        lines = await logged(data_dir=var, log_format=form)
        assert [json.loads(line)["event"] for line in lines] == ["info", "warning", "error"]
    lines = await logged(data_dir=var, log_format="console")
    assert "[info" in lines[0]
    assert not lines[0].startswith("{")


@pytest.mark.setting("CHAT_SERVER__LOG_LEVEL")
@pytest.mark.parametrize(("level", "count"), [("debug", 4), ("warning", 2), ("error", 1)])
async def test_the_log_level_is_applied(level: str, count: int, tmp_path: Path) -> None:
    lines = await logged(data_dir=str(tmp_path), log_format="json", log_level=level)
    assert len(lines) == count
    assert json.loads(lines[0])["event"] == level


@pytest.mark.setting("CHAT_SERVER__MAX_BODY_BYTES")
async def test_the_body_size_limit_is_applied(embedded: Backend) -> None:
    settings = without_limits(embedded.override(server={"max_body_bytes": 20_000}))
    async with run_server(settings) as server, server.client() as http:
        for size, code in ((20_000, "invalid"), (20_001, "too_large")):
            body, headers = b" " * size, {"Content-Type": "application/json"}
            answer = await http.post(f"{API}/auth/register", content=body, headers=headers)
            assert_problem(answer, code)


@pytest.mark.setting("CHAT_LIMITS__TEXT_CHARS")
async def test_the_text_length_limit_is_applied(embedded: Backend) -> None:
    settings = without_limits(embedded.override(limits={"text_chars": 10}))
    async with run_server(settings) as server, server.client() as http:
        ada = await server.person(http)
        room = await ada.makes_room()
        assert_ok(await ada.sends(room, "🔑" * 10), 201)
        assert_problem(await ada.sends(room, "x" * 11), "invalid")


LISTS = (
    *("/users", "/rooms", "/rooms/public"),
    *("/rooms/{}/members", "/rooms/{}/messages", "/rooms/{}/events", "/users/me/events"),
    *("/admin/statistics/messages", "/groups", "/groups/{}/members", "/users/me/mentions"),
    *("/audit-log", "/reports", "/users/me/reports"),
    *("/rooms/{}/threads", "/rooms/{}/threads/7/messages", "/users/me/threads"),
    *("/users/me/drafts", "/users/me/saved", "/users/me/scheduled", "/users/me/reminders"),
    *("/rooms/{}/messages/6/reactions", "/rooms/{}/messages/6/votes", "/rooms/{}/pins"),
    "/users/me/blocks",
)
MODERATED = (
    *("bans", "time-outs", "join-requests", "invites", "invites/{}/uses"),
    *("audit-log", "reports"),
)
# What a search for a word of three messages has a list of.
SEARCHES = {"/search/messages": "items", "/search": "messages"}


async def moderated_lists(server: TestServer, http: httpx.AsyncClient, owner: Person) -> list[str]:
    """The paths of `MODERATED` in a room where each of them has three."""
    members = await server.people(http, "ann", "kim", "sam")
    room = await owner.makes_room("private", *members)
    assert_ok(await owner.patch(f"/rooms/{room}", settings={"join_requests": True}))
    until = (now() + timedelta(hours=1)).isoformat()
    for member in members:
        path = f"/rooms/{room}/members/{member.id}/reports"
        assert_ok(await owner.post(path, reason="spam"), 201)
        assert_ok(await owner.put(f"/rooms/{room}/time-outs/{member.id}", until=until))
    links = [assert_ok(await owner.post(f"/rooms/{room}/invites"), 201) for _ in range(3)]
    for guest in await server.people(http, "lee", "max", "pia"):
        assert_ok(await guest.post(f"/invites/{links[0]['code']}/join"))
    for person in await server.people(http, "tim", "tom", "uma"):
        assert_ok(await person.post(f"/rooms/{room}/join-requests"), 201)
    for person in await server.people(http, "val", "wes", "zoe"):
        assert_ok(await owner.put(f"/rooms/{room}/bans/{person.id}"))
    return [f"/rooms/{room}/{path.format(links[0]['id'])}" for path in MODERATED]


@pytest.mark.setting("CHAT_LIMITS__MAX_PAGE_SIZE")
@pytest.mark.parametrize("page", [2, 300])
async def test_the_page_size_limit_is_applied(embedded: Backend, page: int) -> None:
    """A larger page is refused, no page is larger, and the document has the limit."""
    settings = without_limits(embedded.override(limits={"max_page_size": page}))
    async with run_server(settings) as server, server.client() as http:
        ada = await server.administrator(http)
        others = await server.people(http, "bob", "eve", "joe")
        rooms = [await ada.makes_room("public", *others) for _ in range(3)]
        for room in rooms:
            poll = assert_ok(await ada.sends(room, "?", poll={"options": ["yes", "no"]}), 201)
            path = f"/rooms/{room}/messages/{poll['seq']}"
            roots = await ada.says(room, "one", "two", "three")
            for person in others:
                assert_ok(await person.put(f"{path}/vote", options=[1]))
                assert_ok(await person.put(f"{path}/reactions/🎉"))
            for root in roots:
                assert_ok(await ada.put(f"/rooms/{room}/messages/{root}/pin"))
            for root in (*roots, roots[0], roots[0]):
                assert_ok(await ada.sends(room, "reply", thread=root), 201)
            await others[0].says(room, f"@{ada.username}")
            assert_ok(await ada.put(f"/rooms/{room}/draft", text="draft"), 204)
            assert_ok(await ada.put(f"/rooms/{room}/messages/{roots[0]}/saved"))
            later = (now() + timedelta(hours=1)).isoformat()
            body = {"text": "x", "nonce": "n", "due_at": later}
            assert_ok(await ada.post(f"/rooms/{room}/scheduled", **body), 201)
            assert_ok(await ada.post("/users/me/reminders", room=room, due_at=later), 201)

        for person in await server.people(http, "kai", "liv", "mia"):
            assert_ok(await ada.put(f"/users/me/blocks/{person.id}"))

        async def counted() -> bool:
            counts = assert_ok(await ada.get("/admin/statistics/messages", limit=2))
            return bool(counts["next"])  # so there are three

        await eventually(counted)
        groups = [await ada.makes_group(name, *others) for name in ("one", "two", "three")]
        ids = {"groups": groups[0], "rooms": rooms[0]}
        lists = [path.format(ids.get(path.split("/")[1])) for path in LISTS]
        for path in (*lists, *await moderated_lists(server, http, ada)):
            without, one, most = [
                len(assert_ok(await ada.get(path, **query))["items"])
                for query in ({}, {"limit": 1}, {"limit": page})
            ]
            assert (one, without) == (1, most)
            assert most == 2 if page == 2 else most > 2
            problem = assert_problem(await ada.get(path, limit=page + 1), "invalid")
            assert problem["errors"][0]["path"] == "query.limit"
        await indexed(server, *rooms)
        for path, name in SEARCHES.items():
            shown = [
                len(assert_ok(await ada.get(path, q="three", **query))[name])
                for query in ({}, {"limit": 1}, {"limit": page})
            ]
            assert shown == ([2, 1, 2] if page == 2 else [3, 1, 3])
            problem = assert_problem(await ada.get(path, q="three", limit=page + 1), "invalid")
            assert problem["errors"][0]["path"] == "query.limit"
        document = assert_ok(await http.get("/openapi.json"))
    limits = [
        parameter["schema"]
        for item in document["paths"].values()
        for operation in item.values()
        for parameter in operation.get("parameters", ())
        if parameter["name"] == "limit"
    ]
    assert len(limits) == len(LISTS) + len(MODERATED) + len(SEARCHES)
    for schema in limits:
        assert (schema["minimum"], schema["maximum"]) == (1, page)
        assert schema["default"] <= page


@pytest.mark.setting("CHAT_LIMITS__MAX_MEMBERS_PER_REQUEST")
@pytest.mark.parametrize("most", [1, 150])
async def test_the_limit_of_members_per_request_is_applied(embedded: Backend, most: int) -> None:
    settings = without_limits(embedded.override(limits={"max_members_per_request": most}))
    async with run_server(settings) as server, server.client() as http:
        ada, bob = await server.people(http, "ada", "bob")
        room = await ada.makes_room("private")
        too_many = [bob.id] * (most + 1)
        for field, answer in (
            ("users", await ada.post(f"/rooms/{room}/members", users=too_many)),
            ("members", await ada.post("/rooms", kind="private", name="x", members=too_many)),
        ):
            assert assert_problem(answer, "invalid")["errors"][0]["path"] == field
        assert_ok(await ada.post(f"/rooms/{room}/members", users=[bob.id] * most))
        document = assert_ok(await http.get("/openapi.json"))["components"]["schemas"]
    assert document["AddMembers"]["properties"]["users"]["maxItems"] == most
    assert document["CreateRoom"]["properties"]["members"]["maxItems"] == most


async def login(server: TestServer, http: httpx.AsyncClient) -> dict[str, Any]:
    account = {"username": unique_username("ada"), "password": PASSWORD}
    assert_ok(await http.post(f"{API}/auth/register", json=account), 201)
    form = account | {"grant_type": "password"}
    return dict(assert_ok(await http.post(f"{API}/auth/token", data=form)))


@pytest.mark.setting(
    "CHAT_AUTH__ACCESS_TOKEN_TTL_S",
    "CHAT_AUTH__REFRESH_TOKEN_TTL_S",
    "CHAT_AUTH__TICKET_TTL_S",
    "CHAT_AUTH__ISSUER",
    "CHAT_AUTH__SECRET_KEY",
)
async def test_token_settings_are_applied(embedded: Backend) -> None:
    key = "of this test only, and long enough"
    auth = {"access_token_ttl_s": 77, "refresh_token_ttl_s": 7777, "ticket_ttl_s": 7}
    settings = without_limits(
        embedded.override(auth=auth | {"issuer": "issuer-of-tests", "secret_key": key})
    )
    async with run_server(settings) as server, server.client() as http:
        tokens = await login(server, http)
        bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
        claims = jwt.decode(
            tokens["access_token"],
            key,
            ["HS256"],
            issuer="issuer-of-tests",
            options={"verify_aud": False},
        )
        assert claims["exp"] - claims["iat"] == tokens["expires_in"] == 77
        assert (
            assert_ok(await http.post(f"{API}/ws-tickets", headers=bearer), 201)["expires_in"] == 7
        )
        async with server.context.database._engines.read.connect() as connection:
            login_ends = await connection.scalar(select(Session.expires_at))
            ticket_ends = await connection.scalar(select(Ticket.expires_at))
        assert login_ends
        assert ticket_ends
        assert timedelta(seconds=7) < login_ends - now() <= timedelta(seconds=7777)
        assert ticket_ends - now() <= timedelta(seconds=7)
    async with (
        run_server(override(settings, auth={"issuer": "another"})) as server,
        server.client() as http,
    ):
        assert_problem(await http.get(f"{API}/users/me", headers=bearer), "unauthenticated")


@pytest.mark.setting("CHAT_DATABASE__POOL_RECYCLE_S")
async def test_database_connections_are_recycled(cluster: Backend) -> None:
    engines = create_engines(override(cluster.settings, database={"pool_recycle_s": 1}).database)

    async def number() -> int:
        async with engines.read.connect() as connection:
            return int(await connection.scalar(text("SELECT CONNECTION_ID()")))

    first = await number()

    async def is_another() -> bool:
        return await number() != first

    await eventually(is_another)
    await engines.dispose()


@pytest.mark.setting("CHAT_DATABASE__TLS_CA")
@pytest.mark.cluster
async def test_the_database_certificate_is_verified(
    tmp_path: Path,
) -> None:
    authority, stranger = trustme.CA(), trustme.CA()
    issued = authority.issue_cert("127.0.0.1")
    issued.private_key_pem.write_to_path(tmp_path / "key.pem")
    issued.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    stranger.cert_pem.write_to_path(tmp_path / "stranger.pem")
    (tmp_path / "server").mkdir()
    options = (f"--ssl-cert={tmp_path / 'cert.pem'}", f"--ssl-key={tmp_path / 'key.pem'}")
    with run_mariadb(tmp_path / "server", *options) as mariadb:
        if mariadb.own is None:
            pytest.skip("the server in TEST_MYSQL_URL has a certificate of its own")
        async with mariadb.database(unique_name()) as url:
            assert await _cipher(url, tmp_path / "ca.pem")
            assert not await _cipher(url, None)
            with pytest.raises(OperationalError, match="certificate verify failed"):
                await _cipher(url, tmp_path / "stranger.pem")


async def _cipher(url: str, ca: Path | None) -> str:
    database = Database(url=url, tls_ca=ca)
    async with AsyncExitStack() as stack:
        engines = create_engines(database)
        stack.push_async_callback(engines.dispose)
        async with engines.read.connect() as connection:
            row = (await connection.execute(text("SHOW STATUS LIKE 'Ssl_cipher'"))).one()
            return str(row[1])


@pytest.mark.setting("CHAT_REDIS__PARTITIONS", "CHAT_REDIS__PREFIX", "CHAT_REDIS__URL")
async def test_redis_channel_settings_are_applied(
    redis_server: RedisServer,
) -> None:
    prefix = unique_name()
    bus = RedisBus(Redis(url=redis_server.url, prefix=prefix, partitions=3))
    await bus.start()
    async with connect(Redis(url=redis_server.url)) as client:

        async def has_all() -> bool:
            return len(await client.pubsub_channels(f"{prefix}:[0-9]*")) >= 3

        await eventually(has_all)
        found = await client.pubsub_channels(f"{prefix}:[0-9]*")
    await bus.stop()
    assert {str(channel, "ascii") for channel in found if isinstance(channel, bytes)} == {
        f"{prefix}:{n}" for n in range(3)
    }


@pytest.mark.setting("CHAT_REDIS__TIMEOUT_S")
async def test_the_redis_timeout_is_applied() -> None:
    """The timeout is longer than the default, so the speed of the machine does not matter."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"redis://127.0.0.1:{silent.getsockname()[1]}/0"
        async with connect(Redis(url=url, timeout_s=3)) as client:
            began = time.monotonic()
            with pytest.raises(RedisTimeout):
                await client.ping()
            assert time.monotonic() - began > 2.9
