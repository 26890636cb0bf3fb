"""A server on each backend, on which nothing happens but what the tests ask for, and what makes
messages found."""

from testkit.server import NO_POLLING, fast_settings
from testkit.server_fixtures import server_fixtures

embedded_server, cluster_server, server = server_fixtures(
    "session",
    fast_settings,
    **{**NO_POLLING, "consumers": {}, "limits": {"typing_interval_s": 0.001}},
)
