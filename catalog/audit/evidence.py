"""Which datasets a text refers to, and which duties of theirs its words meet.

What is looked for comes from the descriptors. A text is first asked for hints, as bytes; only one
that has any is read as words.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ...schemas.descriptor import Descriptor
from ...schemas.recognise import Derived, Recognise, WorkSigns
from ...schemas.terms import Citation, Duty, DutyKind
from .credits import credit
from .flow import Flow, Views, forms, literal, squeeze
from .hints import Hints, Lexicon
from .parties import named
from .signs import Known, Read, Sign, closed, places, squeezed_all
from .strength import Strength
from .texts import Text, TextKind, kind_of
from .works import Work

_COPY = re.compile(
    r"(?:\s*\(\d+\)|\.\w{2,4})+$"
)  # in the names of copies: "paper (1)", "paper.pdf.txt"
_LONGEST = 300  # characters of somebody's words that are shown


@dataclass(frozen=True, slots=True)
class Evidence:
    """The words that meet a duty: where they stand, and how they were found.

    `how` is ``url`` for a link; ``doi``, ``arxiv``, ``url``, ``title``, ``bibtex``, ``cff`` or
    ``facts`` for a citation; ``acknowledgement`` for a credit.
    """

    duty: str
    path: str
    line: int
    words: str
    how: str


@dataclass(frozen=True, slots=True)
class Reference:
    """What shows that a text refers to a dataset, or to one made from it.

    `what` is ``name``, ``url``, ``bucket``, ``loader``, ``file``, ``path`` for a folder's or file's
    own name, ``citation``, ``part:SLUG`` for a part that owes more, or ``derived:SLUG``. `strength`
    says whether it shows use.
    """

    dataset: str
    path: str
    line: int
    words: str
    what: str
    strength: Strength


@dataclass(frozen=True, slots=True)
class _Party:
    duty: str
    spellings: tuple[str, ...]
    only: list[re.Pattern[str]]


@dataclass(slots=True)
class _Duties:
    links: list[tuple[str, list[Sign]]] = field(default_factory=list)
    parties: list[_Party] = field(default_factory=list)
    works: list[tuple[str, Work]] = field(default_factory=list)


class Reader:
    """Reads texts for the datasets of some descriptors and for those that were made from them."""

    def __init__(self, descriptors: Sequence[Descriptor], derived: Iterable[Derived] = ()) -> None:
        self._known: list[Known] = []
        self._duties = _Duties()
        self._papers: set[str] = set()  # squeezed names of the owners' own
        self._owed: dict[tuple[str, str], tuple[str, ...]] = {}
        slugs = {each.slug for each in descriptors}
        for each in descriptors:
            archives = [_bare(one.url) for source in each.sources for one in source.archives]
            signs = each.recognise.model_copy(update={"urls": [*each.recognise.urls, *archives]})
            self._add(signs, each.duties, each.citations, (each.slug,), None)
            self._owed[each.slug, ""] = tuple(each.owes)
            for part in each.recognise.parts:
                self._owed[each.slug, f"part:{part.slug}"] = tuple(part.owes)
        for made in derived:
            of = tuple(slug for slug in made.of if slug in slugs)
            if of:
                what = f"derived:{made.slug}"
                self._add(made.recognise, made.duties, made.citations, of, what)
                for slug in of:
                    self._owed[slug, what] = tuple(made.owes)
        self.hints = Hints(self._hints())
        self._lexicon = Lexicon(self._words())
        self._names = [
            sign.squeezed for known in self._known for sign in (*known.names, *known.loose)
        ]
        self._last: Read | None = None

    def may_concern(self, data: bytes) -> bool:
        """Whether a file's bytes hold any hint of what this reader looks for.

        It errs to the side of reading; only a text whose every sign is broken within by a command
        of LaTeX is missed. Packed files (`TextKind.is_packed`) show no words, so
        they are read first and asked by `concerns`.
        """
        return self.hints.within(data)

    def concerns(self, text: Text) -> bool:
        """Whether a text that was read holds any hint."""
        return self.hints.within(
            "\n".join(line for _, line in text.segments).encode(errors="ignore")
        )

    def owed_for(self, reference: Reference) -> tuple[str, ...]:
        """Return the duties of what a reference refers to: the dataset's, then its part's."""
        own = self._owed.get((reference.dataset, reference.what), ())
        return tuple(dict.fromkeys([*self._owed.get((reference.dataset, ""), ()), *own]))

    def references(self, text: Text) -> list[Reference]:
        """Return what in the text refers to a dataset, in its order, one of a kind a line."""
        read = self._read(text)
        views = read.views
        found: dict[tuple[str, str, int], Reference] = {}
        for known in self._known:
            for flow, start, end, what, strength in places(known, read):
                line = views.line(start)
                words = flow.words(*_shown(flow.source, start, end))
                for slug in known.datasets:
                    key = (slug, what, line)
                    new = Reference(slug, str(text.path), line, words, what, strength)
                    old = found.get(key)
                    if old is None or (old.strength == "mentions" and strength == "uses"):
                        found[key] = new
        return sorted(found.values(), key=lambda each: (each.line, each.dataset, each.what))

    def named_after(self, paths: Sequence[str]) -> list[Reference]:
        """Return what folders and files of a project are named after, each once.

        A name of a document says only that it speaks of the dataset.
        """
        if not self.hints.within("\n\n".join(paths).encode(errors="ignore")):
            return []
        segments: list[tuple[int, str]] = []
        for number, path in enumerate(paths):
            segments += (number, path), (number, "")  # no name goes through an empty line
        views = Views(Text(Path(), TextKind.SETTINGS, tuple(segments)), self._lexicon)
        found: dict[tuple[str, str, str], Reference] = {}
        for known in self._known:
            for _, start, end, what, _ in places(known, Read(views)):
                path = paths[views.line(start)]
                below = path.find("/", views.column(end))
                place = path if below < 0 else path[:below]
                kind = kind_of(place.rpartition("/")[2])
                strength: Strength = "mentions" if kind is not None and kind.is_paper else "uses"
                what = "path" if what in ("name", "file", "url", "loader") else what
                for slug in known.datasets:
                    new = Reference(slug, place, 1, place, what, strength)
                    found.setdefault((slug, what, place), new)
        return list(found.values())

    def evidence(self, text: Text) -> list[Evidence]:
        """Return the words of the text that meet duties, in the text's order.

        Code and settings meet none: their comments do not reach those who get the work. Nor do
        comments of LaTeX, BibTeX, Markdown and HTML, which no reader of the result sees. An entry
        of a bibliography counts without a citation of it, since texts may cite it from elsewhere.
        Papers that come with the data meet none, wherever they were copied to.
        """
        if not text.kind.is_paper or self._is_owners(text.path):
            return []
        read = self._read(text)
        views, path = read.views, str(text.path)
        found: dict[tuple[str, int, str], Evidence] = {}

        def add(duty: str, flow: Flow, start: int, end: int, how: str) -> None:
            line = views.line(start)
            words = flow.words(start, min(end, start + _LONGEST))
            found.setdefault((duty, line, how), Evidence(duty, path, line, words, how))

        full, plain = views.full, views.plain
        for duty, links in self._duties.links:
            for sign in links:
                for start, end in literal(full, sign.squeezed, sign.written):
                    if closed(full.source, end):
                        add(duty, full, *_address(full.source, start, end), "url")
        for duty, work in self._duties.works:
            for each in read.cited(work):
                add(duty, each.flow, each.start, each.end, each.how)
        for party in self._duties.parties:
            for start, end in named(plain, party.spellings, self._names):
                credited = credit(plain.source, views.visible, start, end, party.only)
                if credited is not None:
                    low, high = credited.start, credited.end
                    shown = max(low, start - _LONGEST // 2)
                    line = views.line(start)
                    words = plain.words(shown, min(high, shown + _LONGEST))
                    key = (party.duty, line, "acknowledgement")
                    found.setdefault(key, Evidence(party.duty, path, line, words, key[2]))
        return sorted(found.values(), key=lambda each: (each.line, each.duty, each.how))

    def _is_owners(self, path: Path) -> bool:
        """Whether a file is one that comes with the data: its words are not the project's."""
        return squeeze(_COPY.sub("", path.stem)) in self._papers

    def _read(self, text: Text) -> Read:
        """Return the words of a text; those of the last one are kept for a second question."""
        last = self._last
        if last is None or last.views.text is not text:
            last = self._last = Read(Views(text, self._lexicon))
        return last

    def _add(
        self,
        signs: Recognise,
        duties: Iterable[Duty],
        citations: Iterable[Citation],
        datasets: tuple[str, ...],
        what: str | None,
    ) -> None:
        self._papers |= {squeeze(each) for each in signs.papers}
        works = {each.id: Work(each, signs.works.get(each.id, WorkSigns())) for each in citations}
        cited: list[tuple[str, Work]] = []
        for duty in duties:
            if duty.kind is DutyKind.CITATION and duty.citation in works:
                cited.append((duty.id, works[duty.citation]))
            elif duty.kind is DutyKind.LINK and duty.url:
                accepted = [_bare(duty.url), *signs.links.get(duty.id, [])]
                self._duties.links.append((duty.id, squeezed_all(accepted)))
            elif duty.party:
                spelt = [duty.party, *signs.parties.get(duty.id, [])]
                only = [_words(each) for each in signs.credits.get(duty.id, [])]
                longest = sorted({squeeze(each) for each in spelt}, key=len, reverse=True)
                self._duties.parties.append(_Party(duty.id, tuple(longest), only))
        self._duties.works += cited
        self._known.append(Known.of(signs, datasets, what, cited))

    def _words(self) -> Iterator[str]:
        """Yield all squeezed words that are looked for."""
        for known in self._known:
            for sign in (*known.signs(), *(sign for files in known.together for sign in files)):
                yield from forms(sign.squeezed, sign.written)
            for _, work in known.works:
                yield from work.words()
        for _, links in self._duties.links:
            for sign in links:
                yield from forms(sign.squeezed, sign.written)
        for party in self._duties.parties:
            yield from party.spellings

    def _hints(self) -> Iterator[str]:
        for known in self._known:
            yield from (sign.squeezed for sign in known.signs())
            yield from (files[0].squeezed for files in known.together)
            for _, work in known.works:
                yield from work.hints()
        for _, links in self._duties.links:
            yield from (sign.squeezed for sign in links)
        for party in self._duties.parties:
            if not party.only:  # parties that many texts name are credited where the data is named
                yield from party.spellings


def _address(source: str, start: int, end: int) -> tuple[int, int]:
    """Return the whole of an address of which a part was found."""
    while (
        start > 0 and not source[start - 1].isspace() and source[start - 1] not in "<>()[]{}\"'`|"
    ):
        start -= 1
    while end < len(source) and not source[end].isspace() and source[end] not in "<>()[]{}\"'`|,":
        end += 1
    return start, end


def _shown(source: str, start: int, end: int) -> tuple[int, int]:
    """Return the bounds of the words to show: the line around a place, not too much of it."""
    low = max(source.rfind("\n", 0, start) + 1, start - 80)
    high = source.find("\n", end)
    return low, min(len(source) if high < 0 else high, max(end, low + 200))


def _bare(url: str) -> str:
    return re.sub(r"^https?://", "", url)


def _words(phrase: str) -> re.Pattern[str]:
    return re.compile(r"\s+".join(map(re.escape, phrase.split())), re.IGNORECASE)
