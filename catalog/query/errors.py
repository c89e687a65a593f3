"""A question that cannot be read, with the place in it."""

from __future__ import annotations

from ...schemas.errors import InputError

_WINDOW = 72  # characters of a long question that are shown


class QueryError(InputError):
    """A question is wrong. `position` and `length` say where, in characters of `query`."""

    def __init__(self, message: str, query: str, position: int = 0, length: int = 1) -> None:
        super().__init__(message)
        self.query = query
        self.position = max(0, min(position, len(query)))
        self.length = max(1, length)

    def caret(self) -> str:
        """Return two lines: the question, and a mark under the word that is wrong."""
        start = max(0, self.position - _WINDOW // 2) if len(self.query) > _WINDOW else 0
        shown = self.query[start : start + _WINDOW]
        line = "".join(letter if letter.isprintable() else " " for letter in shown)
        room = max(1, len(shown) - (self.position - start))
        mark = "^" + "~" * (min(self.length, room) - 1)
        return f"  {line}\n  {' ' * (self.position - start)}{mark}"
