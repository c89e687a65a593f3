"""Read names from lists: a name a line, or the column of a table that has them."""

from __future__ import annotations

import csv
from collections.abc import Callable, Container, Iterable, Sequence
from itertools import islice

from ...schemas.errors import InputError
from .names import base_of
from .walk import is_image

LARGEST = 1 << 26  # bytes

_SAMPLE = 1_000  # rows by which the column is chosen
_SEPARATORS = ",;\t|"

Recognise = Callable[[Iterable[str]], Container[str]]
"""What returns those of some names that are images'."""


def names_in(lines: Sequence[str], place: str, recognise: Recognise) -> list[str]:
    """Return the names in the lines of a list.

    Of a table it is the column in which `recognise` finds the most names of images; its header is
    left out. Raises `InputError` when the table cannot be read.
    """
    lines = [line for line in lines if line.strip()]
    separator = max(_SEPARATORS, key=lines[0].count) if lines else ","
    if not lines or separator not in lines[0]:
        return _without_header([line.strip() for line in lines])
    try:
        sample = list(islice(csv.reader(lines, delimiter=separator), _SAMPLE))
        known = recognise({cell for row in sample for cell in row})
        scores = [0] * max(map(len, sample))
        for row in sample:
            for column, cell in enumerate(row):
                scores[column] += cell in known
        best = scores.index(max(scores))
        rows = csv.reader(lines, delimiter=separator)
        cells = [row[best].strip() for row in rows if best < len(row)]
    except csv.Error as error:
        raise InputError(f"{place}: is no table that can be read: {error}") from error
    return _without_header([cell for cell in cells if cell])


def _without_header(names: list[str]) -> list[str]:
    """Leave out a first line that says what the others are."""
    first = base_of(names[0]) if names else ""
    if len(names) > 1 and not is_image(first) and not any(map(str.isdigit, first)):
        return names[1:]
    return names
