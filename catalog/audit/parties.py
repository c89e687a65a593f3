"""Where a text names a party that is owed a credit, and not something named after it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from .flow import Flow

_ENDS = re.compile(r"[;:!?]|(?<![SU])\.\s|\n\s*\n")  # within a name they end a sentence


def named(flow: Flow, spellings: Sequence[str], names: Iterable[str]) -> Iterator[tuple[int, int]]:
    """Yield where a party is named; the longest spelling there is the one that counts.

    `spellings` and the `names` of datasets are squeezed. A short form with which one of those names
    begins is a part of it: "the NIHCC chest X-ray dataset" names a dataset.
    """
    taken: list[tuple[int, int]] = []
    begun: set[int] | None = None
    for spelling in spellings:
        for at, stop in flow.find(spelling):
            if any(low <= at < high for low, high in taken):
                continue
            if not flow.begins(at) or not flow.ends(stop):
                continue
            taken.append((at, stop))
            start, end = flow.span(at, stop)
            if _is_compound(flow.source, start, end) or _ENDS.search(flow.source[start:end]):
                continue
            if flow.source[start:end].isalnum():
                begun = (
                    {low for name in names for low, _ in flow.find(name)}
                    if begun is None
                    else begun
                )
                if at in begun:
                    continue
            yield start, end


def _is_compound(source: str, start: int, end: int) -> bool:
    """Whether a party's name is only a part of another: of a dataset's, a file's or a path's."""
    before, after = source[max(0, start - 2) : start], source[end : end + 2]
    return bool(re.search(r"\w[-\u2010\u2011]$|[_/\\@.]$", before) or re.match(r"[_/\\@]\w", after))
