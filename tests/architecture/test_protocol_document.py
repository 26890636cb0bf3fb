"""docs/protocol.md and docs/notifications.md have the tables, the examples and an exchange that the
program defines."""

import json
import re
from pathlib import Path

import pytest

from app.wire.domain import Permission
from tests.generators.protocol import DOCUMENTS, PARTS, layout, render


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_the_generated_parts_are_up_to_date(path: Path) -> None:
    document = path.read_text(encoding="utf-8")
    assert render(document) == document, f"Run 'make protocol' and commit docs/{path.name}."


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_part_is_in_the_document_once(path: Path) -> None:
    document = path.read_text(encoding="utf-8")
    for name in DOCUMENTS[path]:
        assert document.count(f"<!-- {name} -->\n") == 1


def test_the_exchange_goes_from_hello_to_ack() -> None:
    lines = [line for line in PARTS["exchange"]().splitlines() if line[0] in "→←"]
    types = [line[0] + re.findall(r'"type": "([^"]+)"', line)[0] for line in lines]
    assert types[:2] == ["→hello", "←welcome"]
    assert types[-1] == "←ack"


def test_the_table_of_permissions_has_every_permission_for_every_kind_of_room() -> None:
    head, _, *rows = PARTS["permissions"]().splitlines()
    assert head == "| name | permission | `public` | `private` | `group` | `direct` |"
    assert len(rows) == len(Permission)
    assert "| `send` | send messages | all | all | all | all |" in rows
    assert "| `add` | add members | all but guests | owner, admin | all but guests | none |" in rows


# The checks themselves: each finds what it is for.


def test_a_changed_part_is_written_again() -> None:
    stale = "before\n<!-- close codes -->\noutdated\n<!-- end -->\nafter"
    assert "`4409`" in render(stale)
    assert "outdated" not in render(stale)


def test_an_unknown_part_is_an_error() -> None:
    with pytest.raises(KeyError, match="nothing"):
        render("<!-- nothing -->\n<!-- end -->")


def test_a_long_example_is_broken_between_values_and_stays_json() -> None:
    frame = {"type": "x", "text": "a, b " * 40, "list": [{"n": n} for n in range(30)]}
    shown = layout(frame)
    assert len(shown.splitlines()) > 2
    assert json.loads(shown) == frame
