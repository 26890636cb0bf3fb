"""GET /search/messages: what is found, in which order, with which highlights."""

from datetime import timedelta

import pytest

from app.core.clock import now
from testkit.answers import assert_ok, assert_problem
from testkit.people import Person
from testkit.server import TestServer
from tests.features.search.finding import PATH, found, highlighted, indexed, texts


async def test_all_words_have_to_be_there_and_the_newest_message_is_first(
    server: TestServer, ada: Person, bob: Person
) -> None:
    one, other = await ada.makes_room("private", bob), await ada.makes_room("group", bob)
    await ada.says(one, "red apple", "green apple")
    await bob.says(other, "Apple pie is RED", "a pear")
    await indexed(server, one, other)
    for person in (ada, bob):
        assert await texts(person, "apple") == ["Apple pie is RED", "green apple", "red apple"]
        assert await texts(person, "apple red ") == ["Apple pie is RED", "red apple"]
        assert await texts(person, "apple -red") == ["green apple"]
        assert await texts(person, '"red apple"') == ["red apple"]
        assert await texts(person, '"apple red"') == []
        assert await texts(person, '-"apple pie" -green apple') == ["red apple"]
        assert await texts(person, "banana") == []


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("wor", ["worth it", "world"]),
        ("wor ", []),  # a space ends the word
        ("it wor", ["worth it"]),
        ('"wor"', []),
        ("WÖRL", ["world"]),
    ],
)
async def test_the_last_word_may_be_the_beginning_of_one(
    server: TestServer, ada: Person, query: str, says: list[str]
) -> None:
    room = await ada.makes_room("private")
    await ada.says(room, "world", "sword", "worth it")
    await indexed(server, room)
    assert await texts(ada, query) == says


@pytest.mark.parametrize(
    ("text", "queries", "others"),
    [
        ("ÉCOLE straße", ["ecole", "STRASSE", "école "], ["eco le"]),
        ("Ёлка и мороз", ["елка ", "МОРОЗ"], ["мор оз"]),
        ("東京都庁へ行く", ["東京都", "京", "東", "く", "庁へ", '"都庁へ行く"'], ["京東", "東都"]),
        ("我喜欢编程", ["编程", "喜欢", "程"], ["编喜"]),
        ("안녕하세요 여러분", ["안녕", "하세요", "여"], ["요여"]),
        ("مُحَمَّد كتاب", ["محمد", "كتاب"], ["تاب"]),
        ("iPhone手机壳", ["iphone ", "手机", '"iphone手机"', "壳"], ["phone", "机手"]),
        ("party 🎉 time", ["🎉", '"party 🎉"'], ["🎈"]),
        ("ｶﾞラス", ["ガラス"], ["カラス"]),
    ],
)
async def test_words_of_many_scripts_are_found(
    server: TestServer, ada: Person, text: str, queries: list[str], others: list[str]
) -> None:
    room = await ada.makes_room("private")
    await ada.says(room, "something else", text)
    await indexed(server, room)
    for query in queries:
        assert await texts(ada, query) == [text], query
        assert await texts(ada, query, order="relevance") == [text], query
    for query in others:
        assert await texts(ada, query) == [], query


async def test_what_matches_is_highlighted(server: TestServer, ada: Person) -> None:
    room = await ada.makes_room("private")
    await ada.says(room, "Don't say WÖRLD, say world; 大東京都 <b>")
    await indexed(server, room)
    assert await highlighted(ada, "world") == [["WÖRLD", "world"]]
    assert await highlighted(ada, "don't") == [["Don't"]]
    assert await highlighted(ada, "東京") == [["東京"]]
    assert await highlighted(ada, "京 say ") == [["say", "say", "京"]]
    assert await highlighted(ada, "from:me") == [[]]


async def test_filters(server: TestServer, ada: Person, bob: Person) -> None:
    one = await ada.makes_room("private", bob, name="First room")
    other = await ada.makes_room("private", bob, name="Second")
    [seq] = await ada.says(one, "plain")
    await bob.says(one, "see https://example.org")
    await bob.says(other, f"hi @{ada.username}")
    poll = {"options": ["tea", "coffee"]}
    assert_ok(await ada.sends(other, "what to drink", poll=poll), 201)
    assert_ok(await bob.sends(one, "a reply", thread=seq), 201)
    assert_ok(await ada.put(f"/rooms/{one}/messages/{seq}/pin"))
    assert_ok(await bob.put(f"/rooms/{one}/messages/{seq}/saved"))
    await indexed(server, one, other)
    everything = ["a reply", "what to drink", f"hi @{ada.username}", "see https://example.org"]
    everything.append("plain")
    today = now().date()
    for query, says in {
        f"from:{ada.username}": ["what to drink", "plain"],
        f"from:@{bob.username.upper()} in:second": [f"hi @{ada.username}"],
        "-from:me": ["a reply", f"hi @{ada.username}", "see https://example.org"],
        'in:"first room"': ["a reply", "see https://example.org", "plain"],
        f"in:{one} from:me": ["plain"],
        "-in:#Second -has:link": ["a reply", "plain"],
        "has:link": ["see https://example.org"],
        "has:poll": ["what to drink"],
        "coff": ["what to drink"],
        "is:pinned": ["plain"],
        "is:thread": ["a reply"],
        "-is:thread in:First-room": [],
        "mentions:me": [f"hi @{ada.username}"],
        "-mentions:me has:poll": ["what to drink"],
        f"after:{today - timedelta(days=2)}": everything,
        f"before:{today + timedelta(days=2)} reply": ["a reply"],
        f"after:{today + timedelta(days=2)}": [],
        f"before:{today - timedelta(days=2)}": [],
        "from:nobody-has-this-name": [],
        "in:nowhere": [],
    }.items():
        assert await texts(ada, query) == says, query
    assert await texts(bob, "is:saved") == ["plain"]
    assert await texts(bob, "-is:saved from:me") == everything[::2][:1] + everything[2:4]
    assert await texts(ada, "is:saved") == []


@pytest.mark.parametrize("order", ["time", "relevance"])
@pytest.mark.parametrize("query", ["number", "numb", "from:me", "in:paged", "number is:saved"])
async def test_pages_have_every_hit_once(
    server: TestServer, ada: Person, query: str, order: str
) -> None:
    room = await ada.makes_room("private", name="paged")
    seqs = await ada.says(room, *(f"number {n}{' number' * (n % 3)}" for n in range(23)))
    if "saved" in query:
        for seq in seqs:
            assert_ok(await ada.put(f"/rooms/{room}/messages/{seq}/saved"))
    await indexed(server, room)
    hits = await found(ada, query, limit=5, order=order)
    listed = [hit["message"]["seq"] for hit in hits]
    assert sorted(listed) == seqs
    if order == "time":
        assert listed == seqs[::-1]
    assert hits == await found(ada, query, limit=100, order=order)


async def test_the_message_with_more_of_it_is_more_relevant(
    server: TestServer, ada: Person
) -> None:
    room = await ada.makes_room("private")
    said = ["tea tea tea", "tea", "tea and " + "many other things " * 20]
    await ada.says(room, *said)
    await indexed(server, room)
    assert await texts(ada, "tea ", order="relevance") == said
    assert await texts(ada, "tea ") == said[::-1]


async def test_a_forwarded_message_is_found_by_what_it_said(
    server: TestServer, ada: Person
) -> None:
    one, other = await ada.makes_room("private"), await ada.makes_room("private")
    [seq] = await ada.says(one, "the original words")
    path = f"/rooms/{one}/messages/{seq}/forward"
    assert_ok(await ada.post(path, nonce="n", to=other, text="look"), 201)
    await indexed(server, one, other)
    assert [hit["room"] for hit in await found(ada, "original words")] == [other, one]


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("", "nothing to search for"),
        ("  -- ,", "nothing to search for"),
        ("from:", "needs a value after `from:`"),
        ("has:file", "takes link or poll after `has:`"),
        ("is:new", "takes pinned or thread or saved after `is:`"),
        ("mentions:bob", "takes only `me`"),
        ("before:yesterday", "takes a date after `before:`"),
        ("on:2026-13-01", "takes a date after `on:`"),
        ("-on:2026-11-01 a", "cannot have `-` before `on:`"),
        ("is:saved -is:saved", "something and for its opposite"),
        (" ".join(map(str, range(33))), "has more than 32 words"),
        ("漢" * 60, "has more than 32 words"),
        ("a" * 501, "at most 500 characters"),
    ],
)
async def test_what_is_wrong_with_a_query_is_said(ada: Person, query: str, says: str) -> None:
    problem = assert_problem(await ada.get(PATH, q=query), "invalid")
    assert says in problem["detail"]


@pytest.mark.parametrize("order", ["time", "relevance"])
@pytest.mark.parametrize(
    "cursor", ["x", "LQ", "MSAyIDM", "OTk5OTk5OTk5OTk5OTk5OTk5OTk", "2bQ", "4pGg"]
)
async def test_a_wrong_cursor_is_refused(ada: Person, order: str, cursor: str) -> None:
    assert_problem(await ada.get(PATH, q="a", order=order, cursor=cursor), "invalid")
