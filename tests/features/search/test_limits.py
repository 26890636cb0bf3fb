"""The limits of queries."""

import pytest

from testkit.answers import assert_ok, assert_problem
from testkit.server import run_server, without_limits
from testkit.servers.backend import Backend
from tests.features.search.finding import PATH


@pytest.mark.setting("CHAT_LIMITS__MAX_QUERY_CHARS")
async def test_the_length_of_a_query_is_limited(embedded: Backend) -> None:
    settings = without_limits(embedded.override(limits={"max_query_chars": 20}))
    async with run_server(settings) as server, server.client() as http:
        ada = await server.person(http)
        for path in (PATH, "/search"):
            assert_ok(await ada.get(path, q="x" * 20))
            problem = assert_problem(await ada.get(path, q="x" * 21), "invalid", "query.q")
            assert "at most 20 characters" in problem["detail"]


@pytest.mark.setting("CHAT_LIMITS__MAX_QUERY_TERMS")
async def test_the_number_of_words_is_limited(embedded: Backend) -> None:
    settings = without_limits(embedded.override(limits={"max_query_terms": 5}))
    async with run_server(settings) as server, server.client() as http:
        ada = await server.person(http)
        for query in ("a b c d e from:me", "東京都庁", '-"a b" c'):
            assert_ok(await ada.get(PATH, q=query))
        for query in ("a b c d e f", "東京都庁へ", '-"a b" c d', "a-b-c-d"):
            problem = assert_problem(await ada.get(PATH, q=query), "invalid", "query.q")
            assert "more than 5 words" in problem["detail"]
