"""/users: the own profile, other profiles, and the search."""

from uuid import uuid4

import httpx
import pytest

from testkit.answers import assert_ok, assert_problem
from testkit.people import Person, all_pages
from testkit.server import TestServer, unique_username


async def test_users_see_their_own_profile(ada: Person) -> None:
    me = assert_ok(await ada.get("/users/me"))
    assert (me["id"], me["username"], me["is_admin"]) == (ada.id, ada.username, False)


async def test_users_see_less_of_other_profiles(ada: Person, bob: Person) -> None:
    user = assert_ok(await bob.get(f"/users/{ada.id}"))
    assert user.keys() == {"id", "username", "display_name"}
    assert (user["id"], user["username"]) == (ada.id, ada.username)


async def test_an_unknown_user_is_not_found(ada: Person) -> None:
    assert_problem(await ada.get(f"/users/{uuid4()}"), "not_found")


@pytest.mark.parametrize("name", ["ada", "me2", "0", "{id}x", "%00", "..", "ME"])
async def test_an_invalid_user_id_is_refused(ada: Person, name: str) -> None:
    answer = await ada.get(f"/users/{name.format(id=ada.id)}")
    assert_problem(answer, "not_found" if name == ".." else "invalid")


async def test_user_ids_have_36_characters(ada: Person) -> None:
    bare = ada.id.replace("-", "")
    for other in (bare, f"urn:uuid:{ada.id}", f"{{{ada.id}}}", f"{bare[:8]}-{bare[8:]}"):
        assert_problem(await ada.get(f"/users/{other}"), "invalid", "path.user_id")
    assert_ok(await ada.get(f"/users/{ada.id.upper()}"))  # RFC 9562: in either case


async def test_a_user_changes_their_display_name(ada: Person, bob: Person) -> None:
    changed = assert_ok(await ada.patch("/users/me", display_name=" Countess 🎩 "))
    assert changed["display_name"] == "Countess 🎩"
    assert assert_ok(await bob.get(f"/users/{ada.id}"))["display_name"] == "Countess 🎩"
    assert changed["username"] == ada.username


@pytest.mark.parametrize(
    "change",
    [
        {"display_name": ""},
        {"display_name": "a\0"},
        {"username": "x"},
        {"display_name": "Ada", "share_read_markers": 1},
    ],
    ids=str,
)
async def test_invalid_profile_changes_change_nothing(
    ada: Person, change: dict[str, object]
) -> None:
    before = assert_ok(await ada.get("/users/me"))
    assert_problem(await ada.patch("/users/me", **change), "invalid")
    assert assert_ok(await ada.get("/users/me")) == before


@pytest.mark.parametrize(
    "name",
    [
        *("\u200b", "\u3164", "\u2800", "a\nb", "\x1b[31mAda", "Ada\u202e", "\u2066Ada\u2069"),
        *("\u0301", "Ada \ue000", "Ada \uf8ff", "Ada \ufdd0", "Ada \ufffe", "Ada \uffff"),
        *("Ada \U000f0000", "Ada \U0010ffff", "Ada \U0001fffe", "Ada \U000effff"),
    ],
    ids=ascii,
)
async def test_a_display_name_is_visible_and_has_no_direction_controls(
    ada: Person, name: str
) -> None:
    assert_problem(await ada.patch("/users/me", display_name=name), "invalid", "display_name")


async def test_a_display_name_may_equal_the_user_s_own_username(ada: Person, bob: Person) -> None:
    assert_ok(await ada.patch("/users/me", display_name=ada.username.upper()))
    assert_problem(await bob.patch("/users/me", display_name=ada.username), "username_taken")


async def test_users_are_found_by_parts_of_their_names(
    server: TestServer, http: httpx.AsyncClient, ada: Person
) -> None:
    tag = unique_username("q")
    people = [await server.person(http, f"{tag}{name}") for name in ("b", "c", "a")]
    assert_ok(await people[0].patch("/users/me", display_name=f"Straße {tag}_100%"))
    assert_ok(await people[1].patch("/users/me", display_name=f"Strand {tag}x100y"))

    async def found(query: str) -> list[str]:
        return [u["id"] for u in assert_ok(await ada.get("/users", query=query))["items"]]

    b, c, a = (person.id for person in people)
    assert await found(tag) == [a, b, c]  # by username
    assert await found(tag.upper()) == [a, b, c]
    assert await found(f"STRASSE {tag}") == [b]
    assert await found(f"{tag}_100%") == [b]  # neither is a wildcard
    assert await found(f"{tag}/") == []
    assert await found(f"{tag}\\") == []


async def test_the_user_search_is_paged(
    server: TestServer, http: httpx.AsyncClient, ada: Person
) -> None:
    tag = unique_username("p")
    people = [await server.person(http, f"{tag}x") for _ in range(7)]
    for limit, sizes in ((3, [3, 3, 1]), (7, [7]), (1, [1] * 7), (100, [7])):
        pages = await all_pages(ada, "/users", query=tag, limit=limit)
        assert [len(page) for page in pages] == sizes
        found = [user["username"] for page in pages for user in page]
        assert found == sorted(person.username for person in people)


async def test_a_registration_between_two_pages_of_users_breaks_no_page(
    server: TestServer, http: httpx.AsyncClient, ada: Person
) -> None:
    tag = unique_username("s")
    for _ in range(4):
        await server.person(http, f"{tag}m")
    first = assert_ok(await ada.get("/users", query=tag, limit=2))
    await server.person(http, f"{tag}a")  # before the cursor
    last = await server.person(http, f"{tag}z")
    rest = assert_ok(await ada.get("/users", query=tag, limit=10, cursor=first["next"]))
    names = [user["username"] for user in [*first["items"], *rest["items"]]]
    assert len(names) == len(set(names)) == 5
    assert names[-1] == last.username


@pytest.mark.parametrize("path", ["/users", "/rooms/public", "/rooms"])
@pytest.mark.parametrize(
    ("name", "value"),
    [
        *[("limit", value) for value in ("0", "101", "-1", "x", "1.5", "", "1e1", "9" * 5000)],
        *[("cursor", value) for value in ("x" * 401, "_w", "a")],
    ],
    ids=ascii,
)
async def test_invalid_user_searches_are_refused(
    ada: Person, path: str, name: str, value: str
) -> None:
    assert_problem(await ada.get(path, **{name: value}), "invalid")


async def test_the_length_of_a_user_search_is_limited(ada: Person) -> None:
    assert_ok(await ada.get("/users", query="ﷺ" * 100))
    assert_problem(await ada.get("/users", query="x" * 101), "invalid", "query.query")
    assert_ok(await ada.get("/users", query="\0"))
