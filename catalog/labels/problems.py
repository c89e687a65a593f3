"""The rows of a file that cannot be taken, told in one line: how many, and the first of them."""

from __future__ import annotations

from ...schemas.errors import InputError

_TOLD = 3  # problems that are written out
_LONGEST = 60  # characters of a cell that are shown


class Problems:
    """Collects what is wrong with the rows of one file; a line counts once, by its first problem.

    Use it on all rows, then `refuse`.
    """

    def __init__(self, file: str, rows: int) -> None:
        self.file = file
        self.rows = rows
        self._found: dict[int, str] = {}

    def add(self, line: int, text: str) -> None:
        """Say what is wrong with a line, counted from 1."""
        self._found.setdefault(line, text)

    def refuse(self) -> None:
        """Raise `InputError` when there is a problem."""
        if not self._found:
            return
        first = sorted(self._found.items())[:_TOLD]
        if len(self._found) == 1:
            ((line, text),) = first
            raise InputError(f"{self.file}:{line}: {text}; nothing was added")
        told = "; ".join(f"line {line}: {text}" for line, text in first)
        more = len(self._found) - len(first)
        rest = f"; and {more:,} more" if more else ""
        raise InputError(
            f"{self.file}: {len(self._found):,} of {self.rows:,} rows are refused, so nothing was "
            f"added: {told}{rest}"
        )


def shown(cell: str) -> str:
    """Return a cell in quotes, cut short."""
    return repr(cell if len(cell) <= _LONGEST else cell[: _LONGEST - 1] + "…")


def some(names: list[str]) -> str:
    """Return the first few names, and how many more there are."""
    more = len(names) - _TOLD
    return ", ".join(names[:_TOLD]) + (f" and {more:,} more" if more > 0 else "")
