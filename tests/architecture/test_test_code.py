"""What tests, bench and their common helpers may import."""

import ast

from tests.architecture.source import Module, expect_none, modules_of_tests

# Package of a module: packages that it must not import.
FORBIDDEN = {
    "testkit/": ("tests", "bench"),
    "bench/": ("tests",),
    "tests/": ("bench",),
    "tests/bench/": (),
}


def forbidden_imports(module: Module) -> list[str]:
    package = max((p for p in FORBIDDEN if module.path.startswith(p)), key=len)
    return [
        f"{module.at(node)} {name}"
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in _names(node)
        if name.split(".")[0] in FORBIDDEN[package] or name.endswith(".conftest")
    ]


def _names(node: ast.Import | ast.ImportFrom) -> list[str]:
    if isinstance(node, ast.ImportFrom):
        return [node.module or ""]
    return [alias.name for alias in node.names]


def test_tests_and_bench_share_only_testkit() -> None:
    findings = [f for module in modules_of_tests() for f in forbidden_imports(module)]
    expect_none(findings, "What tests and bench share belongs into testkit:")


def test_a_forbidden_import_is_found() -> None:
    source = "import bench.lab\nfrom tests.realtime.conftest import x\nfrom testkit import peer\n"
    assert len(forbidden_imports(Module("tests/unit/a.py", source))) == 2
    assert len(forbidden_imports(Module("tests/bench/a.py", source))) == 1
    assert len(forbidden_imports(Module("testkit/a.py", source))) == 2
