"""Progress bars on a terminal, on standard error."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from ..catalog.progress import Advance, Unit


class Bars:
    """Shows each task as a bar, drawn a few times a second however often it advances."""

    @contextmanager
    def task(self, label: str, total: int | None, unit: Unit) -> Iterator[Advance]:
        """Show a bar until the task ends."""
        amounts: list[ProgressColumn] = (
            [DownloadColumn(), TransferSpeedColumn()] if unit == "bytes" else [MofNCompleteColumn()]
        )
        columns = (TextColumn("{task.description}"), BarColumn(), *amounts, TimeRemainingColumn())
        console = Console(stderr=True)
        with Progress(*columns, console=console, refresh_per_second=5, transient=True) as bars:
            task = bars.add_task(label, total=total)
            yield lambda amount: bars.advance(task, amount)
