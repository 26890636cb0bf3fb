"""POST /auth/register."""

import asyncio

import httpx
import pytest

from testkit.answers import assert_ok, assert_problem
from testkit.people import API
from testkit.server import PASSWORD, TestServer, run_server, unique_username, without_limits
from testkit.servers.backend import Backend

REGISTER = f"{API}/auth/register"


async def register(http: httpx.AsyncClient, username: str, **more: object) -> httpx.Response:
    return await http.post(REGISTER, json={"username": username, "password": PASSWORD} | more)


async def test_registration_creates_an_account(http: httpx.AsyncClient) -> None:
    name = unique_username("ada")
    me = assert_ok(await register(http, name, display_name="  Ada Lovelace "), 201)
    assert me.keys() == {
        *("id", "username", "display_name", "is_admin", "created_at"),
        "share_read_markers",
    }
    assert (me["username"], me["display_name"], me["is_admin"]) == (name, "Ada Lovelace", False)
    assert me["created_at"].endswith("Z")


async def test_the_display_name_is_the_username_unless_given(http: httpx.AsyncClient) -> None:
    name = unique_username("ada")
    assert assert_ok(await register(http, name), 201)["display_name"] == name


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("jose{}", "jose{}"),
        ("Jose{}", "jOSE{}"),
        ("straße{}", "STRASSE{}"),
        ("ﬁona{}", "fiona{}"),  # a ligature
        ("ａｄａ{}", "ada{}"),  # full width
        ("josé{}", "jose\u0301{}"),  # composed and not
        ("Σίσυφος{}", "σίσυφοσ{}"),  # final sigma
    ],
    ids=["same", "case", "sharp s", "ligature", "width", "composition", "sigma"],
)
async def test_a_username_is_taken_in_every_spelling(
    http: httpx.AsyncClient, first: str, second: str
) -> None:
    number = unique_username("")
    assert_ok(await register(http, first.format(number)), 201)
    assert_problem(await register(http, second.format(number)), "username_taken")


@pytest.mark.parametrize("name", ["room", "Here", "ＲＯＯＭ"])
async def test_the_names_of_mentions_of_all_members_are_reserved(
    http: httpx.AsyncClient, name: str
) -> None:
    assert_problem(await register(http, name), "invalid", "username")


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("ada{}", "а\u0501а{}"),  # Cyrillic, all of it
        ("сора{}", "copa{}"),  # the other way round
        ("modern{}", "modem{}"),
        ("iris{}l", "iris{}1"),
        ("ADA{}", "а\u0501а{}"),
    ],
    ids=["Cyrillic", "Latin", "rn", "digit", "capitals"],
)
async def test_a_username_that_looks_like_another_is_taken(
    http: httpx.AsyncClient, first: str, second: str
) -> None:
    number = unique_username("")
    assert_ok(await register(http, first.format(number)), 201)
    problem = assert_problem(await register(http, second.format(number)), "username_taken")
    assert "looks like" in problem["detail"]


async def test_only_one_of_concurrent_lookalike_usernames_is_registered(
    http: httpx.AsyncClient,
) -> None:
    number = unique_username("")
    names = [f"ada{number}", f"а\u0501а{number}"] * 5
    answers = await asyncio.gather(*(register(http, name) for name in names))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 9


@pytest.mark.parametrize("username", ["аda{}", "ada{}ш", "日本{}ру", "a{}٣"])
async def test_a_username_must_not_mix_scripts(http: httpx.AsyncClient, username: str) -> None:
    assert_problem(
        await register(http, username.format(unique_username(""))), "invalid", "username"
    )


async def test_a_display_name_must_not_be_the_username_of_another_user(
    http: httpx.AsyncClient,
) -> None:
    number = unique_username("")
    assert_ok(await register(http, f"ada{number}"), 201)
    for name in (f"ada{number}", f"ADA{number}", f"  Ada{number}", f"аdа{number}", f"ａda{number}"):
        answer = await register(http, f"eve{number}", display_name=name)
        assert_problem(answer, "username_taken")
    assert_ok(await register(http, f"eve{number}", display_name=f"EVE{number}"), 201)
    assert_ok(await register(http, f"dan{number}", display_name=f"ada {number}"), 201)


async def test_only_one_of_concurrent_registrations_gets_the_username(
    http: httpx.AsyncClient,
) -> None:
    name = unique_username("ada")
    answers = await asyncio.gather(*(register(http, name) for _ in range(10)))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 9
    for answer in answers:
        if answer.status_code == 409:
            assert_problem(answer, "username_taken")


@pytest.mark.parametrize(
    "username",
    ["हिन्दी{}", "ภาษาไทย{}", "தமிழ்{}", "Ωμέγα{}", "李小龙{}", "ジャッキー{}", "o.l-d_x{}", "é{}"],
)
async def test_usernames_of_every_script_are_accepted(
    http: httpx.AsyncClient, username: str
) -> None:
    username = username.format(unique_username(""))
    assert assert_ok(await register(http, username), 201)["username"] == username


@pytest.mark.parametrize(
    "username",
    [
        *("", "a", "a" * 33, ".ada", "ada.", "-ada", "ada_", "a da", " ada", "ada\n", "a@da"),
        *("a\x00da", "a/da", "😀😀", "a\u200dda", "a\ufe0fda", "a\u3164da", "ﷺﷺﷺﷺ"),
    ],
    ids=ascii,
)
async def test_invalid_usernames_are_refused(http: httpx.AsyncClient, username: str) -> None:
    assert_problem(await register(http, username), "invalid", "username")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("password", "1234567"),
        ("password", "x" * 201),
        ("password", "12345678\x00"),
        ("password", 12345678),
        ("display_name", ""),
        ("display_name", "  "),
        ("display_name", "x" * 65),
        ("display_name", "a\x00"),
        ("display_name", "ﷺ" * 10),  # 18 letters each, once normalised
        ("is_admin", True),
    ],
    ids=ascii,
)
async def test_invalid_registrations_are_refused(
    http: httpx.AsyncClient, field: str, value: object
) -> None:
    assert_problem(await register(http, unique_username("ada"), **{field: value}), "invalid", field)


@pytest.mark.parametrize("password", ["password", "12345678", "Iloveyou", "ｐａｓｓｗｏｒｄ"])
async def test_common_passwords_are_refused(http: httpx.AsyncClient, password: str) -> None:
    problem = assert_problem(
        await register(http, unique_username("ada"), password=password), "invalid", "password"
    )
    assert "most common" in problem["detail"]


async def test_the_username_is_refused_as_password(http: httpx.AsyncClient) -> None:
    name = unique_username("ada-of-many-letters")
    for given in (
        {"password": name.upper()},
        {"password": "Ada The 1st", "display_name": "ada the 1ST"},
    ):
        problem = assert_problem(await register(http, name, **given), "invalid", "password")
        assert "name of the account" in problem["detail"]
    assert_ok(await register(http, name, password=f"{name}!"), 201)


async def test_a_refusal_does_not_repeat_the_invalid_value(http: httpx.AsyncClient) -> None:
    """So a refused password gets into no log."""
    answer = await register(http, unique_username("ada"), password="hidden!")
    assert_problem(answer, "invalid", "password")
    assert "hidden!" not in answer.text


@pytest.mark.setting("CHAT_AUTH__REGISTRATION")
async def test_registration_can_be_closed(backend: Backend) -> None:
    settings = backend.override(auth={"registration": "closed"})
    async with run_server(without_limits(settings)) as server, server.client() as http:
        assert_problem(await register(http, unique_username("ada")), "forbidden")


async def test_an_email_address_is_refused_as_username(
    server: TestServer, http: httpx.AsyncClient
) -> None:
    assert_problem(await register(http, "ada@example.org"), "invalid", "username")
