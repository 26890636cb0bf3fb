"""Filters of rooms and of the server: where they apply, to whom, and what becomes of a message."""

import asyncio
from typing import Any

import httpx
import pytest

from app.persistence.repositories.reports import MAX_OPEN_FILTER_REPORTS
from testkit.answers import assert_ok, assert_problem
from testkit.people import UNKNOWN_ID, Person
from testkit.server import NO_POLLING, TestServer, run_server, unique_username, without_limits
from testkit.servers.backend import Backend
from testkit.statements import recorded_statements
from testkit.waiting import eventually

PILLS = {"kind": "word", "expression": "pills", "action": "refuse", "note": "No advertisements"}
LINKS = {"kind": "pattern", "expression": r"https?://\S*spam", "action": "report"}


async def filtered_room(owner: Person, *members: Person, rule: dict[str, str] = PILLS) -> str:
    room = await owner.makes_room("private", *members)
    assert_ok(await owner.post(f"/rooms/{room}/filters", **rule), 201)
    return room


async def test_a_message_that_a_rule_finds_is_refused_with_its_note(
    ada: Person, bob: Person
) -> None:
    room = await filtered_room(ada, bob)
    for text in ("cheap PILLS", "Pílls!", "p\u200bills"):
        detail = assert_problem(await bob.sends(room, text), "filtered")["detail"]
        assert "(No advertisements)" in detail
        assert "pills" not in detail
    assert [event["type"] for event in await ada.log(room)][-1] == "member.joined"
    assert_ok(await bob.sends(room, "pillows"), 201)


async def test_a_filter_applies_to_all_that_members_write(
    server: TestServer, ada: Person, bob: Person
) -> None:
    room, source = await filtered_room(ada, bob), await bob.makes_room()
    [seq] = await bob.says(room, "hello")
    [pills] = await bob.says(source, "cheap pills")
    messages = f"/rooms/{room}/messages"
    poll = {"options": ["yes", "no"], "may_add": True}
    made = assert_ok(await bob.sends(room, "well?", poll=poll), 201)["seq"]
    for answer in (
        await bob.sends(room, "cheap pills", thread=seq),
        await bob.sends(room, "what?", poll={"options": ["red pills", "blue"]}),
        await bob.sends(room, "which pills?", poll={"options": ["red", "blue"]}),
        await bob.post(f"{messages}/{made}/poll/options", text="pills"),
        await bob.patch(f"{messages}/{seq}", text="cheap pills", version=1),
        await bob.post(f"/rooms/{source}/messages/{pills}/forward", to=room, nonce="n"),
    ):
        assert_problem(answer, "filtered")
    assert_ok(await bob.patch(f"{messages}/{seq}", text="cheap books", version=1))
    assert_ok(await bob.post(f"{messages}/{made}/poll/options", text="books"))


async def test_a_scheduled_message_is_filtered_when_it_is_due(ada: Person, bob: Person) -> None:
    room = await filtered_room(ada, bob)
    body = {"text": "cheap pills", "nonce": "n", "due_at": "2000-01-01T00:00:00Z"}
    assert_ok(await bob.post(f"/rooms/{room}/scheduled", **body), 201)

    async def has_failed() -> bool:
        [scheduled] = assert_ok(await bob.get("/users/me/scheduled"))["items"]
        return bool(scheduled["error"] == "filtered")

    await eventually(has_failed)


async def test_a_reported_message_is_sent_and_waits_for_a_moderator(
    ada: Person, bob: Person, eve: Person
) -> None:
    room = await filtered_room(ada, bob, eve, rule=LINKS)
    [seq] = await bob.says(room, "see http://spam.example")
    [event] = [event for event in await eve.log(room) if event["type"] == "message.created"]
    assert event["message"]["text"] == "see http://spam.example"
    [report] = assert_ok(await ada.get(f"/rooms/{room}/reports"))["items"]
    assert (report["reporter"], report["user"], report["message"]) == (None, bob.id, seq)
    assert (report["reason"], report["snapshot"]["text"]) == ("filter", "see http://spam.example")
    [hello] = await bob.says(room, "hello")
    path = f"/rooms/{room}/messages/{hello}"
    assert_ok(await bob.patch(path, text="http://www.spam", version=1))
    _, edited = assert_ok(await ada.get(f"/rooms/{room}/reports"))["items"]
    assert (edited["message"], edited["snapshot"]["text"]) == (hello, "http://www.spam")
    assert_ok(await ada.post(f"/reports/{report['id']}/resolution", outcome="dismissed"))


async def test_an_edit_replaces_the_open_report_of_its_message(ada: Person, bob: Person) -> None:
    room = await filtered_room(ada, bob, rule=LINKS)
    first, second = await bob.says(room, "http://spam.one", "http://spam.two")
    path = f"/rooms/{room}/messages/{first}"
    assert_ok(await bob.patch(path, text="http://spam.three", version=1))
    before = assert_ok(await ada.get(f"/rooms/{room}/reports"))["items"]
    assert [(report["message"], report["snapshot"]["text"]) for report in before] == [
        (first, "http://spam.three"),
        (second, "http://spam.two"),
    ]
    assert_ok(await bob.patch(path, text="hello", version=2))
    assert assert_ok(await ada.get(f"/rooms/{room}/reports"))["items"] == before
    assert_ok(await ada.post(f"/reports/{before[0]['id']}/resolution", outcome="dismissed"))
    assert_ok(await bob.patch(path, text="http://spam.four", version=3))
    after = assert_ok(await ada.get(f"/rooms/{room}/reports"))["items"]
    assert [report["snapshot"]["text"] for report in after] == [
        "http://spam.two",
        "http://spam.four",
    ]


async def test_a_filter_has_a_limited_number_of_open_reports_of_a_sender(
    ada: Person, bob: Person, eve: Person
) -> None:
    """Also where they come in one batch; what is not reported is sent."""
    room = await filtered_room(ada, bob, eve, rule=LINKS)
    texts = [f"http://spam.{number}" for number in range(MAX_OPEN_FILTER_REPORTS + 5)]
    seqs = await bob.says(room, *texts[:3])
    answers = await asyncio.gather(*(bob.sends(room, text) for text in texts[3:]))
    seqs += [assert_ok(answer, 201)["seq"] for answer in answers]
    [other] = await eve.says(room, "http://spam.eve")
    path = f"/rooms/{room}/reports?limit=100"
    *about_bob, about_eve = assert_ok(await ada.get(path))["items"]
    assert about_eve["message"] == other
    assert len({report["message"] for report in about_bob}) == MAX_OPEN_FILTER_REPORTS
    assert {report["user"] for report in about_bob} == {bob.id}
    edited = about_bob[0]["message"]
    changed = f"/rooms/{room}/messages/{edited}"
    assert_ok(await bob.patch(changed, text="http://spam.edited", version=1))
    [first, *_] = reports = assert_ok(await ada.get(path))["items"]
    assert (len(reports), first["message"]) == (MAX_OPEN_FILTER_REPORTS + 1, edited)
    assert first["snapshot"]["text"] == "http://spam.edited"
    assert_ok(await ada.post(f"/reports/{first['id']}/resolution", outcome="dismissed"))
    [last] = await bob.says(room, "http://spam.last")
    assert assert_ok(await ada.get(path))["items"][-1]["message"] == last


async def test_moderators_are_exempt_from_the_filter_of_their_room(
    ada: Person, bob: Person
) -> None:
    room = await filtered_room(ada, bob)
    assert_ok(await ada.sends(room, "cheap pills"), 201)
    assert_problem(await bob.sends(room, "cheap pills"), "filtered")
    assert_ok(await ada.patch(f"/rooms/{room}/members/{bob.id}", role="moderator"))
    assert_ok(await bob.sends(room, "cheap pills"), 201)


async def test_a_repeated_send_gets_its_message_also_if_a_new_rule_finds_it(
    ada: Person, bob: Person
) -> None:
    room = await ada.makes_room("private", bob)
    sent = assert_ok(await bob.sends(room, "cheap pills", nonce="n"), 201)
    assert_ok(await ada.post(f"/rooms/{room}/filters", **PILLS), 201)
    assert assert_ok(await bob.sends(room, "cheap pills", nonce="n")) == sent


async def test_rules_are_listed_replaced_and_removed(ada: Person, bob: Person) -> None:
    room = await ada.makes_room("private", bob)
    path = f"/rooms/{room}/filters"
    first = assert_ok(await ada.post(path, **PILLS), 201)
    links = assert_ok(await ada.post(path, **LINKS), 201)
    assert assert_ok(await ada.get(path))["items"] == [first, links]
    again = assert_ok(await ada.post(path, **PILLS | {"action": "report"}), 201)
    assert assert_ok(await ada.get(path))["items"] == [links, again]
    assert_ok(await bob.sends(room, "cheap pills"), 201)
    assert_ok(await ada.delete(f"{path}/{again['id']}"), 204)
    assert_problem(await ada.delete(f"{path}/{again['id']}"), "not_found")
    assert assert_ok(await ada.get(path))["items"] == [links]


async def test_lists_of_rooms_do_not_load_their_rules(
    server: TestServer, ada: Person, bob: Person
) -> None:
    name = unique_username("needle")
    room = await ada.makes_room("public", bob, name=name)
    assert_ok(await ada.post(f"/rooms/{room}/filters", **PILLS), 201)
    with recorded_statements(server.context.database) as statements:
        for answer in (
            await bob.get("/rooms"),
            await bob.get("/rooms/public", query=name),
            await bob.get("/search", q=name),
        ):
            assert room in answer.text
    assert statements
    assert not [sql for sql in statements if "filters" in sql]


async def test_only_moderators_see_and_change_the_filter_of_a_room(
    ada: Person, bob: Person, eve: Person
) -> None:
    room = await filtered_room(ada, bob)
    [rule] = assert_ok(await ada.get(f"/rooms/{room}/filters"))["items"]
    for person, code in ((bob, "forbidden"), (eve, "not_found")):
        for answer in (
            await person.get(f"/rooms/{room}/filters"),
            await person.post(f"/rooms/{room}/filters", **PILLS),
            await person.delete(f"/rooms/{room}/filters/{rule['id']}"),
        ):
            assert_problem(answer, code)
    direct = await ada.makes_room("direct", bob)
    assert_problem(await ada.post(f"/rooms/{direct}/filters", **PILLS), "forbidden")


@pytest.mark.parametrize(
    "body",
    [
        {"expression": "("},
        {"expression": "a*"},
        {"expression": r"((a{0,30}){0,30})y"},
        {"expression": "x" * 201},
        {"expression": ""},
        {"kind": "word", "expression": "..."},
        {"kind": "regex"},
        {"action": "hide"},
        {"note": ""},
    ],
    ids=str,
)
async def test_a_rule_that_cannot_be_used_is_refused(ada: Person, body: dict[str, Any]) -> None:
    room = await ada.makes_room()
    path = next(reversed(body))
    assert_problem(await ada.post(f"/rooms/{room}/filters", **LINKS | body), "invalid", path)


async def test_administrators_filter_all_rooms_also_direct_ones_and_for_moderators(
    server: TestServer, http: httpx.AsyncClient, ada: Person, bob: Person
) -> None:
    admin = await server.administrator(http)
    word = unique_username("word")
    rule = {"kind": "word", "expression": word, "action": "refuse"}
    for person in (ada, bob):
        assert_problem(await person.post("/filters", **rule), "forbidden")
        assert_problem(await person.get("/filters"), "forbidden")
        assert_problem(await person.delete(f"/filters/{UNKNOWN_ID}"), "forbidden")
    made = assert_ok(await admin.post("/filters", **rule), 201)
    rooms = [await ada.makes_room("private", bob), await ada.makes_room("direct", bob)]
    for room in rooms:
        assert_problem(await ada.sends(room, f"the {word}"), "filtered")
    assert_ok(await admin.sends(await admin.makes_room(), word), 201)
    assert made in assert_ok(await admin.get("/filters"))["items"]
    assert_ok(await admin.delete(f"/filters/{made['id']}"), 204)
    for room in rooms:
        assert_ok(await ada.sends(room, f"the {word}"), 201)


async def test_a_rule_applies_at_once_in_all_processes(cluster: Backend) -> None:
    settings = without_limits(cluster.override(**NO_POLLING))
    async with (
        run_server(settings) as first,
        run_server(settings) as second,
        first.client() as http,
        second.client() as other_http,
    ):
        ada, bob = await first.person(http, "ada"), await second.person(other_http, "bob")
        room = await ada.makes_room("private", bob)
        for number in range(5):
            assert_ok(await bob.sends(room, f"word{number}"), 201)
            rule = PILLS | {"expression": f"word{number}"}
            assert_ok(await ada.post(f"/rooms/{room}/filters", **rule), 201)
            assert_problem(await bob.sends(room, f"word{number}"), "filtered")


async def test_rules_that_are_added_at_the_same_time_are_all_kept(cluster: Backend) -> None:
    settings = without_limits(cluster.override(**NO_POLLING))
    async with run_server(settings) as server, server.client() as http:
        ada = await server.person(http)
        room = await ada.makes_room()
        rules = [PILLS | {"expression": f"word{number}"} for number in range(10)]
        path = f"/rooms/{room}/filters"
        answers = await asyncio.gather(*(ada.post(path, **rule) for rule in rules))
        made = sorted(assert_ok(answer, 201)["id"] for answer in answers)
        assert sorted(rule["id"] for rule in assert_ok(await ada.get(path))["items"]) == made


@pytest.mark.setting("CHAT_LIMITS__MAX_FILTER_RULES")
async def test_a_filter_has_a_limited_number_of_rules(embedded: Backend) -> None:
    settings = without_limits(embedded.override(limits={"max_filter_rules": 2}))
    async with run_server(settings) as server, server.client() as http:
        admin = await server.administrator(http)
        room = await admin.makes_room()
        for path in (f"/rooms/{room}/filters", "/filters"):
            rules = [PILLS | {"expression": f"word{number}"} for number in range(2)]
            for rule in (*rules, *rules):  # the second time in place of the same
                assert_ok(await admin.post(path, **rule), 201)
            assert_problem(await admin.post(path, **PILLS), "too_many")
