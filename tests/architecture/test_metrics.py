"""Every metric is in docs/operations.md and in the dashboard, and no other one is."""

import json
import re
from collections.abc import Iterator
from typing import Any

from app.core.metrics import REGISTRY
from tests.architecture.source import ROOT, expect_none

NAME = re.compile(r"\bchat_[a-z_]+\b")


def exported() -> dict[str, tuple[str, str]]:
    """By name as in queries: type and meaning."""
    return {
        f"{metric.name}_total" if metric.type == "counter" else metric.name: (
            metric.type,
            metric.documentation,
        )
        for metric in REGISTRY.collect()
    }


def family(name: str) -> str:
    """Of a series in a query."""
    base = re.sub(r"_(bucket|sum|count)$", "", name)
    return base if exported().get(base, ("", ""))[0] == "histogram" else name


def queries(part: Any) -> Iterator[str]:
    match part:
        case dict():
            for key, value in part.items():
                if key in ("expr", "query") and isinstance(value, str):
                    yield value
                yield from queries(value)
        case list():
            for value in part:
                yield from queries(value)
        case _:
            pass


def test_the_table_of_metrics_says_what_the_program_does() -> None:
    text = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(chat_[a-z_]+)` \| (\w+) \| [a-z, ]*\| (.+) \|$", text, re.MULTILINE)
    documented = {name: (kind, meaning) for name, kind, meaning in rows}
    expect_none(
        [name for name, known in exported().items() if documented.get(name) != known],
        "Metrics that docs/operations.md does not have, or has with another type or meaning:",
    )
    expect_none(sorted(documented.keys() - exported().keys()), "Metrics that do not exist:")


def test_the_dashboard_asks_for_metrics_that_exist_and_shows_all() -> None:
    dashboard = json.loads((ROOT / "docs" / "grafana-dashboard.json").read_text(encoding="utf-8"))
    asked = {family(name) for query in queries(dashboard) for name in NAME.findall(query)}
    expect_none(sorted(asked - exported().keys()), "Metrics that do not exist:")
    expect_none(sorted(exported().keys() - asked), "Metrics that the dashboard does not show:")
