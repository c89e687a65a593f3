"""The error of a question that cannot be read, which knows the place in the text."""

from __future__ import annotations

from unicodedata import combining, east_asian_width

from ...schemas.errors import InputError

_WINDOW = 76  # characters of a long query that are shown
_LEAD = 24  # of them, those before the word


class QueryError(InputError):
    """A question is wrong; the text is one line, and `caret` points at the word.

    ``position`` and ``length`` are characters of ``query``; the position may be its end.
    """

    def __init__(self, message: str, query: str, position: int, length: int = 1) -> None:
        super().__init__(message)
        self.query = query
        self.position = min(max(position, 0), len(query))
        self.length = max(length, 1)

    def caret(self) -> str:
        """Return two lines: the query, or the part around the word, and a caret under the word."""
        start, end = 0, len(self.query)
        if end > _WINDOW:
            start = max(0, min(self.position - _LEAD, end - _WINDOW))
            end = min(end, start + _WINDOW)
        before = _printable(self.query[start : self.position])
        word = _printable(self.query[self.position : min(self.position + self.length, end)])
        after = _printable(self.query[self.position + self.length : end])
        head = "…" if start else ""
        tail = "…" if end < len(self.query) else ""
        indent = " " * _columns(head + before)
        return f"{head}{before}{word}{after}{tail}\n{indent}^{'~' * (_columns(word) - 1)}"


def _printable(text: str) -> str:
    return "".join(
        each if each.isprintable() else " " if each.isspace() else "\N{REPLACEMENT CHARACTER}"
        for each in text
    )


def _columns(text: str) -> int:
    """Return how many columns of a terminal the text takes."""
    return sum(
        0 if combining(each) else 2 if east_asian_width(each) in ("W", "F") else 1 for each in text
    )
