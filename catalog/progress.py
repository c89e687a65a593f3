"""How long work tells of its progress; silent unless a caller wants to hear it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Literal, Protocol

Unit = Literal["rows", "files", "bytes"]
Advance = Callable[[int], None]


class Progress(Protocol):
    """Something that shows how far a task has come."""

    def task(self, label: str, total: int | None, unit: Unit) -> AbstractContextManager[Advance]:
        """Begin a task; the function that it yields is called with each amount of work done."""
        ...


class Silent:
    """Progress that nobody watches."""

    @contextmanager
    def task(self, label: str, total: int | None, unit: Unit) -> Iterator[Advance]:  # noqa: ARG002
        """Begin a task that is not shown."""
        yield lambda _amount: None


SILENT: Progress = Silent()
