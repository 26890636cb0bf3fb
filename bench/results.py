"""Raw results: one JSON file per benchmark, with every sample."""

import os
import platform
import re
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
from pydantic import BaseModel

RESULTS_DIR = Path(__file__).resolve().parent / "results"


class Result(BaseModel):
    """`samples` and `skipped` (the reasons) are by variant."""

    benchmark: str
    taken_at: datetime
    quick: bool
    real_texts: bool
    machine: dict[str, str]
    samples: dict[str, list[dict[str, float]]]
    skipped: dict[str, str]


def save(result: Result, folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{result.benchmark}.json"
    data = result.model_dump(mode="json")
    data["samples"] = {
        variant: [{key: float(f"{value:.6g}") for key, value in run.items()} for run in runs]
        for variant, runs in result.samples.items()
    }
    path.write_bytes(orjson.dumps(data, option=orjson.OPT_INDENT_2) + b"\n")
    return path


def load(folder: Path) -> dict[str, Result]:
    """Results by benchmark; empty if the folder does not exist."""
    return {
        path.stem: Result.model_validate_json(path.read_bytes())
        for path in sorted(folder.glob("*.json"))
    }


def make_result(benchmark: str, quick: bool, real_texts: bool, **fields: Any) -> Result:
    return Result(
        benchmark=benchmark,
        taken_at=datetime.now(UTC).replace(microsecond=0),
        quick=quick,
        real_texts=real_texts,
        machine=_describe_machine(),
        **fields,
    )


def _describe_machine() -> dict[str, str]:
    """The hardware, and the versions of the software."""
    description = {
        "processor": _processor(),
        "cores": str(os.cpu_count()),  # of the machine: this process is pinned to one
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
    }
    for name, command in {
        "node": ("node", "--version"),
        "mariadb": ("/usr/sbin/mariadbd", "--version"),
        "redis": ("redis-server", "--version"),
        "commit": ("git", "rev-parse", "--short", "HEAD"),
    }.items():
        description[name] = _version(command)
    return description


def _processor() -> str:
    info = Path("/proc/cpuinfo").read_text()
    match = re.search(r"^model name\s*:\s*(.+)$", info, re.MULTILINE)
    return match[1] if match else platform.machine()


def _version(command: tuple[str, ...]) -> str:
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, cwd=RESULTS_DIR.parent
        )
    except FileNotFoundError:
        return "none"
    match = re.search(r"v?\d+\.\d+[\w.+-]*|^[0-9a-f]{7,}$", done.stdout.strip())
    return match[0] if match else "none"


def all_received(samples: Mapping[str, list[dict[str, float]]]) -> bool:
    """Whether every run received all the frames that it expected."""
    return all(
        run.get("received") == run.get("expected") for runs in samples.values() for run in runs
    )
