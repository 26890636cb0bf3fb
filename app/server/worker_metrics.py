"""The files in which the workers on a port count, for whichever of them is scraped."""

import shutil
from pathlib import Path

from prometheus_client.multiprocess import mark_process_dead

from app.core.metrics import DIRECTORY_VARIABLE, PLACE_VARIABLE


class WorkerMetrics:
    """Counters begin anew with the supervisor, and go on when a worker is replaced."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.delete()  # of one that was killed
        directory.mkdir(parents=True)

    def environment(self, place: int) -> dict[str, str]:
        """Of the worker in this place."""
        return {DIRECTORY_VARIABLE: str(self._directory.resolve()), PLACE_VARIABLE: str(place)}

    def forget(self, place: int) -> None:
        """The worker there has ended: what it had, such as sockets, is gone."""
        mark_process_dead(place, str(self._directory))  # type: ignore[no-untyped-call]

    def delete(self) -> None:
        shutil.rmtree(self._directory, ignore_errors=True)
