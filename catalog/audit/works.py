"""Find where a text cites a work: by number, by title with its misprints, or by enough facts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ...schemas.recognise import WorkSigns
from ...schemas.terms import Citation
from .flow import Flow, Views, forms, literal, squeeze
from .texts import TextKind

_PIECE = 12  # letters of a title that must stand unharmed somewhere
_ALIKE = 90  # of 100: what two squeezed titles must be alike to be one
_BEGUN = 0.3  # of a title, from its beginning, that stand for all of it
_AROUND = 260  # characters on each side of a short name in which the facts must stand
_ENOUGH = 4
_MOST_HITS = 40  # of one piece in one text that are looked at

_ENTRY = re.compile(r"@\s*[a-zA-Z]+\s*[{(]\s*[^\s,={}]*\s*,")
_ITEM = re.compile(
    r"\n\s*\n|(?:^|\n)#{1,6} [^\n]*\n|\n\s*(?:\[\d+\]|\d+[.)]|[-*+•|]|\\bibitem)\s|@\w+\s*\{"
)


@dataclass(frozen=True, slots=True)
class Found:
    """A work in a text: a place in `flow.source`, and how it was found."""

    flow: Flow
    start: int
    end: int
    how: str


class Work:
    """One work, ready to be looked for."""

    def __init__(self, work: Citation, signs: WorkSigns) -> None:
        self.shared = signs.shared
        self._doi = work.doi.lower()
        self._arxiv_id = work.arxiv or ""
        self._arxiv = _number(work.arxiv) if work.arxiv else None
        self._urls = [(squeeze(url), url.lower()) for url in signs.urls]
        titles = [work.title, *signs.titles]
        self._titles = list(dict.fromkeys(squeeze(title) for title in titles))
        self._names = [squeeze(name) for name in signs.names]
        people = [squeeze(person.family) for person in work.author]
        self._first, self._others = people[0], [name for name in people[1:] if len(name) > 2]
        self._year = str(work.issued.year)
        self._venues = [squeeze(venue) for venue in signs.venues]
        pages = [*([work.page] if work.page else []), *work.other_pages]
        self._pages = [squeeze(each) for each in pages if "-" in each]
        self._words = frozenset(self.words())

    def hints(self) -> Iterator[str]:
        """Yield squeezed words, one of which every text that cites the work has."""
        yield squeeze(self._doi)
        yield squeeze(self._doi.replace("/", "%2f"))
        if self._arxiv:
            yield squeeze(self._arxiv_id)
        yield from (squeezed for squeezed, _ in self._urls)
        yield from self._names
        for title in self._titles:
            step = max(_PIECE, len(title) // 6)
            yield from (title[at : at + _PIECE] for at in range(0, len(title) - _PIECE, step))

    def words(self) -> Iterator[str]:
        """Yield the squeezed words that are looked for to find the work."""
        yield from forms(squeeze(self._doi), self._doi)
        if self._arxiv:
            yield squeeze(self._arxiv_id)
        for squeezed, url in self._urls:
            yield from forms(squeezed, url)
        yield from self._names
        for title in self._titles:
            yield title
            yield from (piece for _, piece in _pieces(title))

    def find(self, views: Views) -> Iterator[Found]:
        """Yield where the text cites the work; a place may come more than once."""
        full, plain = views.full, views.plain
        if self._words.isdisjoint(full.hits) and self._words.isdisjoint(plain.hits):
            return
        for start, end in literal(full, squeeze(self._doi), self._doi):
            if end >= len(full.source) or not full.source[end].isalnum():
                yield Found(full, start, end, _in_entry(views, start, "doi"))
        if self._arxiv and squeeze(self._arxiv_id) in full.hits:
            for match in self._arxiv.finditer(full.source):
                yield Found(full, *match.span(), _in_entry(views, match.start(), "arxiv"))
        for squeezed, url in self._urls:
            for start, end in literal(full, squeezed, url):
                yield Found(full, start, end, "url")
        titles = False
        for title in self._titles:
            for at, end, how in _titled(plain, title):
                titles = True
                start, stop = plain.span(at, end)
                yield Found(plain, start, stop, _in_entry(views, start, how))
        if not titles:
            yield from self._by_facts(plain)

    def _by_facts(self, flow: Flow) -> Iterator[Found]:
        """Yield short forms: a name of the work, its first author, and enough of the rest."""
        if self._first not in flow.squeezed or self._year not in flow.squeezed:
            return
        for name in self._names:
            for at, end in _some(flow.find(name)):
                if not flow.begins(at) or not flow.ends(end):
                    continue
                start, stop = flow.span(at, end)
                low, high = _item(flow.source, start, stop)
                if self._facts(flow.source[low:high]) >= _ENOUGH:
                    yield Found(flow, low, high, "facts")
                    return

    def _facts(self, words: str) -> int:
        said = Flow(words)
        if not any(said.begins(a) and said.ends(b) for a, b in said.find(self._first)):
            return 0
        others = sum(name in said.squeezed for name in self._others)
        return (
            2  # its name, and its first author
            + (self._year in said.squeezed)
            + any(venue in said.squeezed for venue in self._venues)
            + 2 * any(pages in said.squeezed for pages in self._pages)
            + (others >= 2)
        )


def _pieces(title: str) -> Iterator[tuple[int, str]]:
    for offset in range(0, len(title) - _PIECE + 1, _PIECE):
        yield offset, title[offset : offset + _PIECE]


def _titled(flow: Flow, title: str) -> Iterator[tuple[int, int, str]]:
    """Yield where a title stands, misprinted or cut short, in the squeezed flow."""
    squeezed, whole = flow.squeezed, False
    for at, end in flow.find(title):
        whole = True
        yield at, end, "title"
    if whole or len(title) < 3 * _PIECE:
        return
    from rapidfuzz import fuzz

    tried: set[int] = set()
    for offset, piece in _pieces(title):
        for place, _ in _some(flow.find(piece)):
            begin = max(0, place - offset - _PIECE)
            if begin // _PIECE in tried or begin // _PIECE - 1 in tried:
                continue
            tried.add(begin // _PIECE)
            begun = _begun(squeezed, title, place - offset, place, offset)
            if begun is not None:
                yield begun, begun + int(len(title) * _BEGUN), "title"
                continue
            window = squeezed[begin : begin + len(title) + 3 * _PIECE]
            found = fuzz.partial_ratio_alignment(title, window, score_cutoff=_ALIKE)
            if found is not None and found.dest_end - found.dest_start > 0.8 * len(title):
                yield begin + found.dest_start, begin + found.dest_end, "title"


def _begun(squeezed: str, title: str, at: int, place: int, offset: int) -> int | None:
    """Return where the beginning of the title stands, long enough to stand for all of it."""
    if offset > _PIECE or place < offset:
        return None
    length = 0
    for here, there in zip(squeezed[place : place + len(title)], title[offset:], strict=False):
        if here != there:
            break
        length += 1
    enough = max(30, _BEGUN * len(title)) if offset == 0 else len(title) / 2
    return max(0, at) if length >= enough else None


def _some(found: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    for _, each in zip(range(_MOST_HITS), found, strict=False):
        yield each


def _number(arxiv: str) -> re.Pattern[str]:
    """Return the pattern of a number at arXiv, in any version, through a broken line."""
    first, last = arxiv.split(".")
    return re.compile(rf"(?<![\d.]){first}\\?\.[\s\\{{}}]{{0,4}}{last}(?:v\d+)?(?!\d)")


def _item(source: str, start: int, end: int) -> tuple[int, int]:
    """Return the bounds of what stands around a place: its item in a list, or its paragraph."""
    low, high = max(0, start - _AROUND), min(len(source), end + _AROUND)
    line = source.rfind("\n", 0, start) + 1
    if source.startswith("#", line):
        return line, source.find("\n", end) if "\n" in source[end:high] else high
    for match in _ITEM.finditer(source, low, start):
        low = match.end() if match[0].lstrip().startswith("#") else match.start()
    after = _ITEM.search(source, end, high)
    return low, after.start() if after else high


def _in_entry(views: Views, at: int, how: str) -> str:
    """Return ``bibtex`` for what stands in an entry of BibTeX, ``cff`` in a CITATION.cff."""
    if views.text.kind is TextKind.CFF:
        return "cff"
    if views.text.kind is TextKind.BIB:
        return "bibtex"
    before = views.visible[max(0, at - 1500) : at]
    begins = [entry.start() for entry in _ENTRY.finditer(before)]
    if not begins:
        return how
    since = before[begins[-1] :]
    return "bibtex" if since.count("{") > since.count("}") else how
