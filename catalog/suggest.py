"""The one way in which an unknown name is answered with the known names that are near it."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

_LISTED = 6
_LONGEST_WORD = 60  # characters of the unknown word that are compared and shown


def nearest(word: str, known: Iterable[str]) -> list[str]:
    """Return at most three known names that resemble the word, the nearest first.

    Case does not matter, and a hyphen, a space and an underscore are the same.
    """
    names: dict[str, str] = {}
    for name in known:
        names.setdefault(_folded(name), name)
    found = get_close_matches(_folded(word[:_LONGEST_WORD]), names, n=3, cutoff=0.6)
    return [names[each] for each in found]


def unknown(what: str, word: str, known: Iterable[str]) -> str:
    """Return the line that says a name is unknown, with the nearest names or some of the known.

    >>> unknown("finding", "pneumotorax", ["effusion", "pneumothorax"])
    "unknown finding 'pneumotorax'; did you mean pneumothorax?"
    """
    names = sorted(set(known))
    shown = word if len(word) <= _LONGEST_WORD else word[: _LONGEST_WORD - 1] + "…"
    line = f"unknown {what} {shown!r}"
    if not names:
        return f"{line}; none is known"
    near = nearest(word, names)
    if near:
        return f"{line}; did you mean {' or '.join(near)}?"
    more = f", … ({len(names)} in all)" if len(names) > _LISTED else ""
    return f"{line}; known: {', '.join(names[:_LISTED])}{more}"


def _folded(name: str) -> str:
    return name.casefold().replace("-", "_").replace(" ", "_")
