"""The column `permission` of docs/features.md names what the rules require."""

import re
from collections import defaultdict
from collections.abc import Iterator

import pytest

from app.rooms.policy import RULES
from app.wire.domain import Permission
from testkit.people import API
from tests.architecture.source import ROOT
from tests.authorization.documents import read_operations
from tests.authorization.rules import OPERATIONS, Access, Rule

DOCUMENT = ROOT / "docs" / "features.md"
ADMINISTRATORS = Access.ADMINISTRATOR.value
MESSAGE = "/rooms/{id}/messages/{seq}"
_PARAMETER = re.compile(r"\{[^}]+\}")
_METHODS = re.compile(
    r"((?:GET|POST|PUT|PATCH|DELETE)(?:`, `(?:GET|POST|PUT|PATCH|DELETE))*) ([^`:? ]+)"
)
_PATHS = {
    operation.id: (operation.method, operation.path.removeprefix(API))
    for operation in read_operations().values()
}


Rows = list[tuple[set[str], set[str]]]


def match_operations(endpoints: str) -> Iterator[str]:
    """The operations that a cell names. Several methods may share a path; `…` at the beginning is
    the path before it, at the end any rest."""
    base = MESSAGE
    for methods, written in _METHODS.findall(endpoints):
        path = base + written.removeprefix("…") if written.startswith("…") else written
        base = base if written.startswith("…") else path
        pattern = _PARAMETER.sub("[^/]+", path).replace("…", ".+")
        for id_, (method, own_path) in _PATHS.items():
            if method in methods.split("`, `") and re.fullmatch(pattern, own_path):
                yield id_


def read_phrases(cell: str) -> set[str]:
    phrases = {rule.phrase for rule in RULES.values()} | {ADMINISTRATORS}
    return {phrase for phrase in phrases if re.search(rf"\b{phrase}\b", cell)}


def list_phrases(rule: Rule) -> set[str]:
    permissions = {*rule.permissions, rule.others} if rule.others else {*rule.permissions}
    phrases = {RULES[p].phrase for p in permissions if isinstance(p, Permission)}
    return phrases | ({ADMINISTRATORS} if rule.access is Access.ADMINISTRATOR else set())


@pytest.fixture(scope="module")
def rows() -> Rows:
    """The operations that each row names, and what it says about permissions."""
    lines = DOCUMENT.read_text(encoding="utf-8").splitlines()
    cells = [[cell.strip() for cell in line.split(" | ")] for line in lines if line[:2] == "| "]
    return [(set(match_operations(row[1])), read_phrases(row[4])) for row in cells[2:]]


REQUIRED: dict[str, set[str]] = defaultdict(set)
for name, rule in OPERATIONS.items():
    REQUIRED[name.partition(" ")[0]] |= list_phrases(rule)


def test_no_row_names_a_permission_that_its_operations_do_not_require(rows: Rows) -> None:
    wrong = [
        (sorted(ids), phrases - set().union(*(REQUIRED[id_] for id_ in ids)))
        for ids, phrases in rows
        if ids
    ]
    assert [entry for entry in wrong if entry[1]] == []


def test_the_rows_of_an_operation_name_all_permissions_that_it_requires(rows: Rows) -> None:
    named: dict[str, set[str]] = defaultdict(set)
    for ids, phrases in rows:
        for id_ in ids:
            named[id_] |= phrases
    missing = {id_: REQUIRED[id_] - phrases for id_, phrases in named.items()}
    assert {id_: phrases for id_, phrases in missing.items() if phrases} == {}
    assert len(named) > 70


def test_rows_are_read() -> None:
    assert set(match_operations("`GET`, `PUT`, `DELETE /rooms/{id}/permissions/…`")) == {
        *("set_role_permissions", "set_member_permissions"),
        *("reset_role_permissions", "reset_member_permissions"),
    }
    assert set(match_operations("`PUT`, `DELETE …/pin`")) == {"pin_message", "unpin_message"}
    assert read_phrases("add members; revoke: remove or ban members") == {
        *("add members", "remove or ban members"),
    }
