"""Reports: who makes them, who sees and resolves them."""

import asyncio
from dataclasses import replace

import httpx

from app.moderation import reports
from testkit.answers import assert_ok, assert_problem
from testkit.people import UNKNOWN_ID, Person, all_pages
from testkit.server import NO_POLLING, TestServer, run_server, without_limits
from testkit.servers.backend import Backend


async def reported(room: str, seq: int, reporter: Person, **body: str) -> str:
    """The id of a report about a message."""
    path = f"/rooms/{room}/messages/{seq}/reports"
    report: str = assert_ok(await reporter.post(path, **{"reason": "spam"} | body), 201)["id"]
    return report


async def test_a_report_of_a_message_keeps_what_it_said(
    ada: Person, bob: Person, eve: Person
) -> None:
    room = await ada.makes_room("private", bob, eve)
    [seq] = await eve.says(room, "cheap pills")
    id_ = await reported(room, seq, bob, note="again")
    assert_ok(await eve.patch(f"/rooms/{room}/messages/{seq}", text="hello", version=1))
    assert_ok(await eve.delete(f"/rooms/{room}/messages/{seq}"))
    [report] = assert_ok(await ada.get(f"/rooms/{room}/reports"))["items"]
    assert report["id"] == id_
    assert (report["reporter"], report["user"], report["message"]) == (bob.id, eve.id, seq)
    assert (report["reason"], report["note"], report["status"]) == ("spam", "again", "open")
    assert report["snapshot"]["text"] == "cheap pills"
    assert report["resolution"] is None
    for person in (bob, eve):
        assert_problem(await person.get(f"/rooms/{room}/reports"), "forbidden")


async def test_a_snapshot_has_the_options_of_a_poll_and_what_was_forwarded(
    ada: Person, bob: Person
) -> None:
    room, source = await ada.makes_room("private", bob), await bob.makes_room()
    poll = assert_ok(await bob.sends(room, "?", poll={"options": ["pills", "more"]}), 201)["seq"]
    [seq] = await bob.says(source, "cheap pills")
    path = f"/rooms/{source}/messages/{seq}/forward"
    forward = assert_ok(await bob.post(path, to=room, nonce="n"), 201)["seq"]
    for each in (poll, forward):
        await reported(room, each, ada)
    # About him, but he is no moderator; she does not judge herself either.
    [of_poll, of_forward] = assert_ok(await ada.get(f"/rooms/{room}/reports"))["items"]
    assert of_poll["snapshot"]["options"] == ["pills", "more"]
    assert of_forward["snapshot"]["forwarded_text"] == "cheap pills"


async def test_a_message_that_the_history_hides_cannot_be_reported(
    ada: Person, bob: Person
) -> None:
    room = await ada.makes_room("public")
    [seq] = await ada.says(room, "before")
    assert_ok(await ada.patch(f"/rooms/{room}", settings={"history": "since_joining"}))
    assert_ok(await bob.post(f"/rooms/{room}/join"))
    path = f"/rooms/{room}/messages/{seq}/reports"
    assert_problem(await bob.post(path, reason="spam"), "not_found")


async def test_repeating_an_open_report_returns_it(ada: Person, bob: Person, eve: Person) -> None:
    room = await ada.makes_room("private", bob, eve)
    [seq] = await eve.says(room, "cheap pills")
    for path in (
        f"/rooms/{room}/messages/{seq}/reports",
        f"/rooms/{room}/members/{eve.id}/reports",
    ):
        first = assert_ok(await bob.post(path, reason="spam", note="one"), 201)
        assert assert_ok(await bob.post(path, reason="hate", note="two")) == first
        other = assert_ok(await ada.post(path, reason="spam"), 201)
        assert other["id"] != first["id"]
        assert_ok(await ada.post(f"/reports/{first['id']}/resolution", outcome="dismissed"))
        again = assert_ok(await bob.post(path, reason="spam"), 201)
        assert again["id"] not in {first["id"], other["id"]}
    assert len(assert_ok(await ada.get(f"/rooms/{room}/reports"))["items"]) == 4


async def test_a_resolution_is_shown_to_moderators_and_its_outcome_to_the_reporter(
    ada: Person, bob: Person, eve: Person
) -> None:
    room = await ada.makes_room("private", bob, eve)
    [seq] = await eve.says(room, "cheap pills")
    id_ = await reported(room, seq, bob)
    path, resolution = f"/reports/{id_}/resolution", {"outcome": "warned", "note": "first offence"}
    assert_problem(await bob.post(path, **resolution), "not_found")
    resolved = assert_ok(await ada.post(path, **resolution))
    assert resolved["resolution"]["by"] == ada.id
    assert (resolved["status"], resolved["outcome"]) == ("resolved", "warned")
    assert assert_ok(await ada.post(path, **resolution)) == resolved  # a repeated request
    assert assert_ok(await ada.get(f"/rooms/{room}/reports"))["items"] == []
    done = assert_ok(await ada.get(f"/rooms/{room}/reports", status="resolved"))["items"]
    assert done == [resolved]
    [own] = assert_ok(await bob.get("/users/me/reports"))["items"]
    assert (own["id"], own["status"], own["outcome"]) == (id_, "resolved", "warned")
    assert "first offence" not in str(own)
    assert ada.id not in str(own)
    [act] = assert_ok(await ada.get(f"/rooms/{room}/audit-log"))["items"]
    assert (act["action"], act["user"], act["message"]) == ("report_resolved", eve.id, seq)
    assert (act["reason"], act["after"]["outcome"]) == ("first offence", "warned")
    assert "pills" not in str(act)


async def test_nobody_judges_a_report_about_themselves(
    ada: Person, bob: Person, eve: Person
) -> None:
    room = await ada.makes_room("private", bob, eve)
    assert_ok(await ada.patch(f"/rooms/{room}/members/{bob.id}", role="moderator"))
    [seq] = await bob.says(room, "rude")
    id_ = await reported(room, seq, eve)
    assert assert_ok(await bob.get(f"/rooms/{room}/reports"))["items"] == []
    path = f"/reports/{id_}/resolution"
    assert_problem(await bob.post(path, outcome="dismissed"), "not_found")
    assert_ok(await ada.post(path, outcome="warned"))


async def test_the_audit_log_tells_nobody_of_reports_about_themselves(
    ada: Person, bob: Person, eve: Person
) -> None:
    room = await ada.makes_room("private", bob, eve)
    for person in (bob, eve):
        assert_ok(await ada.patch(f"/rooms/{room}/members/{person.id}", role="admin"))
    path = f"/rooms/{room}/members/{eve.id}/reports"
    report = assert_ok(await bob.post(path, reason="spam"), 201)["id"]
    assert_ok(await ada.post(f"/reports/{report}/resolution", outcome="dismissed", note="no"))
    for person, count in ((bob, 1), (eve, 0)):
        acts = assert_ok(await person.get(f"/rooms/{room}/audit-log"))["items"]
        assert len([act for act in acts if act["action"] == "report_resolved"]) == count


async def test_administrators_judge_reports_of_rooms_without_moderators(
    server: TestServer, http: httpx.AsyncClient, ada: Person, bob: Person
) -> None:
    admin = await server.administrator(http)
    room = await ada.makes_room("direct", bob)
    [seq] = await bob.says(room, "rude")
    id_ = await reported(room, seq, ada, reason="harassment")
    assert_problem(await ada.get(f"/rooms/{room}/reports"), "forbidden")
    assert_problem(await ada.get("/reports"), "forbidden")
    pages = await all_pages(admin, "/reports", limit=50)
    assert id_ in [report["id"] for page in pages for report in page]
    assert_ok(await admin.post(f"/reports/{id_}/resolution", outcome="warned"))
    [own] = assert_ok(await ada.get("/users/me/reports"))["items"]
    assert own["outcome"] == "warned"


async def test_what_cannot_be_reported_is_refused(ada: Person, bob: Person, eve: Person) -> None:
    room = await ada.makes_room("private", bob)
    [seq, deleted] = await bob.says(room, "hello", "gone")
    assert_ok(await bob.delete(f"/rooms/{room}/messages/{deleted}"))
    spam = {"reason": "spam"}
    for person, path, code in (
        (ada, f"messages/{deleted}", "not_found"),
        (ada, "messages/1", "not_found"),
        (ada, "messages/999", "not_found"),
        (bob, f"messages/{seq}", "forbidden"),
        (ada, f"members/{ada.id}", "forbidden"),
        (ada, f"members/{eve.id}", "not_found"),
        (eve, f"messages/{seq}", "not_found"),
        (eve, f"members/{bob.id}", "not_found"),
    ):
        assert_problem(await person.post(f"/rooms/{room}/{path}/reports", **spam), code)
    path = f"/rooms/{room}/messages/{seq}/reports"
    for body in ({"reason": "boring"}, {}, {"reason": "spam", "note": "x" * 501}):
        assert_problem(await ada.post(path, **body), "invalid")
    assert_problem(
        await ada.post(f"/reports/{UNKNOWN_ID}/resolution", outcome="other"), "not_found"
    )


async def test_a_reporter_has_few_open_reports_in_a_room(ada: Person, bob: Person) -> None:
    room = await ada.makes_room("private", bob)
    limit = reports.MAX_OPEN_REPORTS
    seqs = await bob.says(room, *map(str, range(limit + 1)))
    ids = [await reported(room, seq, ada) for seq in seqs[:limit]]
    path = f"/rooms/{room}/messages/{seqs[-1]}/reports"
    assert_problem(await ada.post(path, reason="spam"), "too_many")
    assert_ok(await ada.post(f"/reports/{ids[0]}/resolution", outcome="dismissed"))
    assert_ok(await ada.post(path, reason="spam"), 201)


async def test_of_two_moderators_in_two_processes_one_resolves_a_report(cluster: Backend) -> None:
    """The other one learns what the first has done."""
    settings = without_limits(cluster.override(**NO_POLLING))
    async with (
        run_server(settings) as first,
        run_server(settings) as second,
        first.client() as http,
        second.client() as other_http,
    ):
        ada, eve = await first.people(http, "ada", "eve")
        bob = await second.person(other_http, "bob")
        room = await ada.makes_room("private", bob, eve)
        assert_ok(await ada.patch(f"/rooms/{room}/members/{bob.id}", role="moderator"))
        for seq in await eve.says(room, *map(str, range(5))):
            id_ = await reported(room, seq, ada)
            path = f"/reports/{id_}/resolution"
            answers = await asyncio.gather(
                ada.post(path, outcome="warned", note="by Ada"),
                bob.post(path, outcome="banned", note="by Bob"),
            )
            won, lost = sorted(answers, key=lambda answer: answer.status_code)
            resolution = assert_ok(won)["resolution"]
            detail = assert_problem(lost, "not_pending")["detail"]
            assert resolution["by"] in detail
            assert f"{resolution['outcome']} ({resolution['note']})" in detail


async def test_of_two_equal_reports_at_the_same_time_one_is_made(cluster: Backend) -> None:
    settings = without_limits(cluster.override(**NO_POLLING))
    async with (
        run_server(settings) as first,
        run_server(settings) as second,
        first.client() as http,
        second.client() as other_http,
    ):
        ada, bob = await first.people(http, "ada", "bob")
        elsewhere = replace(ada, http=other_http)
        room = await ada.makes_room("private", bob)
        for seq in await bob.says(room, *map(str, range(5))):
            path = f"/rooms/{room}/messages/{seq}/reports"
            answers = await asyncio.gather(
                *(person.post(path, reason="spam") for person in (ada, elsewhere))
            )
            assert sorted(answer.status_code for answer in answers) == [200, 201]
            assert answers[0].json() == answers[1].json()
