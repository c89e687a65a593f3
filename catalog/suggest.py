"""The one way in which the product answers an unknown name: with the nearest known ones."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

_SHOWN = 8  # how many known names are listed when none is near


def nearest(word: str, known: Iterable[str]) -> list[str]:
    """Return up to three known names that resemble the word, the nearest first."""
    return get_close_matches(word.casefold(), sorted(set(known)), n=3, cutoff=0.6)


def unknown(what: str, word: str, known: Iterable[str]) -> str:
    """Return one line that says the word is unknown, and which names there are instead."""
    names = sorted(set(known))
    near = nearest(word, names)
    if near:
        return f"unknown {what} {word!r}; did you mean {' or '.join(near)}?"
    if not names:
        return f"unknown {what} {word!r}; there is none yet"
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"unknown {what} {word!r}; known: {', '.join(names[:_SHOWN])}{more}"
