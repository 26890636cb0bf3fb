"""A running server on each backend, shared by all tests. Tests create data with names of their own.

A test that needs other settings, or breaks its server, starts one with `run_server`.
"""

import pytest

from app.application import paced_commits
from testkit.server_fixtures import server_fixtures

# Not in the conftest above: a session has one value of a fixture, which would be the first suite's.
embedded_server, cluster_server, server = server_fixtures("session")


@pytest.fixture
def unpaced_markers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each move of a read marker, and each draft, is committed at once."""
    monkeypatch.setattr(paced_commits, "INTERVAL_S", 0.0)
