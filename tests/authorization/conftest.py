"""A server on each backend, on which nothing happens but what the tests ask for, and what makes
messages found."""

from testkit.server import CLUSTER_IS_LONG, NO_POLLING, fast_settings
from testkit.server_fixtures import server_fixtures, shared_server

embedded_server, cluster_server, _ = server_fixtures(
    "session",
    fast_settings,
    **{**NO_POLLING, "consumers": {}, "limits": {"typing_interval_s": 0.001}},
)
server = shared_server("session", CLUSTER_IS_LONG)
