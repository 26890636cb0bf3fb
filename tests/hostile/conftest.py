"""A server for each test module, without periodic tasks that would disturb measurements."""

from testkit.server import NO_POLLING, fast_settings
from testkit.server_fixtures import server_fixtures

embedded_server, cluster_server, server = server_fixtures("module", fast_settings, **NO_POLLING)
