"""Measures this process, and reports when it ends. A process that is killed reports nothing."""

import ast
import atexit
import json
import os
import tempfile
from pathlib import Path
from types import CodeType

import slipcover
from slipcover.branch import preinstrument
from slipcover.importer import SlipcoverLoader

ROOT = Path(__file__).resolve().parents[2]
# What runs mainly in processes. All of app/ would double the time in which a process starts.
SOURCES = (
    "app/__main__.py",
    "app/cli.py",
    "app/client/terminal",
    "app/core/metrics.py",
    "app/importers/console.py",
    "app/logs.py",
    "app/server",
    "app/standard_streams.py",
)

measured = slipcover.Slipcover(branch=True)


def _code_of_main(loader: SlipcoverLoader, _name: str) -> CodeType:
    """The module that `python -m` runs: slipcover instruments only what is imported."""
    tree = preinstrument(ast.parse(loader.origin.read_bytes()))
    code: CodeType = measured.instrument(compile(tree, str(loader.origin), "exec"))
    return code


SlipcoverLoader.get_code = _code_of_main
matcher = slipcover.FileMatcher(sources=[ROOT / source for source in SOURCES])
slipcover.ImportManager(measured, matcher).__enter__()


@atexit.register
def _report() -> None:
    """Writes a file under a name that slipcover's plugin merges at the end of the run."""
    if not (report := measured.get_coverage())["files"]:
        return
    folder = Path(os.environ["SLIPCOVER_COVERAGE_DIR"])
    with tempfile.NamedTemporaryFile("w", dir=folder, delete=False) as file:
        json.dump(report, file)
    partial = Path(file.name)
    partial.rename(folder / f"coverage-gw-{partial.name}.json")
