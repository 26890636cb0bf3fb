"""What a person sees of a rebuild: a bar on a terminal, a line now and then elsewhere."""

import rich.console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as ProgressBar

from app.search.rebuild import Progress, Rebuild

LINES = 20  # at most, where there is no bar


async def show_rebuild(rebuild: Rebuild, console: rich.console.Console) -> None:
    """Runs it."""
    if console.is_terminal:
        await _show_bar(rebuild, console)
    else:
        await _show_lines(rebuild, console)
    console.print("All messages are indexed.")


async def _show_bar(rebuild: Rebuild, console: rich.console.Console) -> None:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with ProgressBar(*columns, TimeRemainingColumn(), console=console) as bar:
        task = bar.add_task("events of rooms", total=None)
        async for progress in rebuild.run():
            bar.update(task, completed=progress.done, total=progress.total)


async def _show_lines(rebuild: Rebuild, console: rich.console.Console) -> None:
    shown = -1
    async for progress in rebuild.run():
        part = _part(progress)
        if part > shown:
            shown = part
            console.print(f"{progress.done} of {progress.total} events of rooms", highlight=False)


def _part(progress: Progress) -> int:
    return LINES * progress.done // max(1, progress.total)
