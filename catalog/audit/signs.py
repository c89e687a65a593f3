"""Where the signs of a dataset stand in a text: names, addresses, files, loaders and buckets."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ...schemas.recognise import Part, Recognise
from .credits import credit
from .flow import Flow, Views, literal, squeeze
from .sentences import column_of, header_of, heading_of, lead_of, sections_of, sentence_of
from .strength import (
    Place,
    Strength,
    in_keywords,
    named_in_code,
    named_in_prose,
    offered_in_prose,
    titles_others,
)
from .texts import TextKind
from .works import Found, Work

_MARKS = re.compile(r"[^\w/]+$")
# What may stand inside a name: no end of a sentence, no comma, but the start of a comment's line.
_INSIDE = re.compile(
    r"(?:(?<=\d),(?=\d{3})|[\w\s\-\u2010-\u2015\u2212\u00ad_{}~/*'’`()\[\]\"]|(?<=\n)[#>%|])*"
)
# A number after a blank is no part of a name when it counts something: "chest X-ray 14 days later".
_COUNT = re.compile(r"[\s(\[]\d+$")
_COUNTED = re.compile(
    r"\s*[-\s]?(days?|d\b|hours?|hrs?|h\b|weeks?|months?|years?|minutes?|times|patients?|images?|subjects|of\b|"
    r"cases|or\b|to\b|%|cm|mm|\.\d|x\b|×)",
    re.IGNORECASE,
)
_FIRST_LINE = 400  # characters of a text in which its first line is looked for
_SHORT = 5  # letters of a name that must begin as a word does
_BESIDE = 48  # characters on each side of a loose name in which its excluding words are looked for


@dataclass(frozen=True, slots=True)
class Sign:
    """One spelling to look for: squeezed, and in lower case as it is written."""

    squeezed: str
    written: str


@dataclass(frozen=True, slots=True)
class Known:
    """A dataset's signs, squeezed; `datasets` are those that it refers to."""

    datasets: tuple[str, ...]
    what: str | None
    names: tuple[Sign, ...]
    loose: tuple[Sign, ...]
    unless: re.Pattern[str] | None
    vague: tuple[Sign, ...]
    givers: tuple[Sign, ...]
    context: re.Pattern[str] | None
    loaders: tuple[Sign, ...]
    buckets: tuple[Sign, ...]
    urls: tuple[Sign, ...]
    files: tuple[Sign, ...]
    folders: tuple[Sign, ...]
    together: tuple[tuple[Sign, ...], ...]
    parts: tuple[tuple[Part, tuple[Sign, ...], tuple[Sign, ...]], ...]
    works: tuple[tuple[str, Work], ...]

    def signs(self) -> Iterator[Sign]:
        """Yield the signs each of which is enough by itself."""
        named = (self.names, self.loose, self.vague, self.givers)
        for signs in (*named, self.loaders, self.buckets):
            yield from signs
        yield from self.urls
        yield from self.files
        yield from self.folders
        for _, names, literals in self.parts:
            yield from names
            yield from literals

    @classmethod
    def of(
        cls,
        signs: Recognise,
        datasets: tuple[str, ...],
        what: str | None,
        works: Iterable[tuple[str, Work]],
    ) -> Known:
        """Return the signs of a descriptor, ready to be looked for."""
        return cls(
            datasets=datasets,
            what=what,
            names=tuple(squeezed_all(signs.names)),
            loose=tuple(squeezed_all(signs.loose_names)),
            unless=_any_word(signs.unless),
            vague=tuple(squeezed_all(signs.vague_names)),
            givers=tuple(squeezed_all(signs.givers)),
            context=_any_word(signs.context),
            loaders=tuple(squeezed_all(signs.loaders)),
            buckets=tuple(squeezed_all(signs.buckets)),
            urls=tuple(squeezed_all(signs.urls)),
            files=tuple(squeezed_all(signs.files)),
            folders=tuple(squeezed_all(signs.folders)),
            together=tuple(tuple(squeezed_all(files)) for files in signs.together),
            parts=tuple(
                (
                    part,
                    tuple(squeezed_all(part.names)),
                    tuple(squeezed_all([*part.urls, *part.files])),
                )
                for part in signs.parts
            ),
            works=tuple(works),
        )


class Read:
    """A text that was read, and where it cites which work."""

    def __init__(self, views: Views) -> None:
        self.views = views
        self._cited: dict[int, list[Found]] = {}

    def cited(self, work: Work) -> list[Found]:
        """Return where the text cites a work."""
        if id(work) not in self._cited:
            self._cited[id(work)] = list(work.find(self.views))
        return self._cited[id(work)]


def places(known: Known, read: Read) -> Iterator[tuple[Flow, int, int, str, Strength]]:
    """Yield the places of a dataset's signs in a text: flow, start, end, what, and strength."""
    views = read.views
    full, plain = views.full, views.plain

    def what(own: str) -> str:
        return known.what or own

    cited: list[tuple[Flow, int, int]] = []
    for _, work in known.works:
        for each in read.cited(work):
            if each.how != "facts":
                cited.append((each.flow, each.start, each.end))
            if not work.shared:
                yield each.flow, each.start, each.end, what("citation"), "mentions"
    spans = [(start, end) for flow, start, end in cited if end - start > 20]
    for sign in known.buckets:
        for start, end in literal(full, sign.squeezed, sign.written):
            yield full, start, end, what("bucket"), "uses"
    for sign in known.urls:
        for start, end in literal(full, sign.squeezed, sign.written):
            if not closed(full.source, end):
                continue
            spans.append((start, end))  # an address that is written out is no path of a name
            yield full, start, end, what("url"), _offered(views, start, end)
    called = {sign.squeezed for sign in known.names} if views.text.kind.is_paper else ()
    for sign in known.loaders:
        if sign.squeezed in called:
            continue  # in prose it is a name like others
        for start, end in literal(full, sign.squeezed, sign.written, one_word=True):
            after = full.source[end : end + 1]
            if not after.islower() and not after.isdigit():
                yield full, start, end, what("loader"), _offered(views, start, end)
    for sign in known.files:
        for start, end in literal(full, sign.squeezed, sign.written, one_word=True):
            yield full, start, end, what("file"), "uses"
    for sign in known.folders:
        if known.unless is not None and known.unless.search(full.source):
            continue
        for start, end in literal(full, sign.squeezed, sign.written, one_word=True):
            yield full, start, end, what("path"), _offered(views, start, end)
    for files in known.together:
        places = [next(iter(literal(full, sign.squeezed, sign.written)), None) for sign in files]
        if all(places):
            yield full, *(places[0] or (0, 0)), what("file"), "uses"
    for part, names, literals in known.parts:
        for sign in literals:
            for start, end in literal(full, sign.squeezed, sign.written):
                yield full, start, end, f"part:{part.slug}", "uses"
        for start, end in _names(plain, names, None):
            yield plain, start, end, f"part:{part.slug}", _strength(views, start, end)
    if views.text.kind.is_paper and _is_about(known, plain, known.givers):
        for start, end in _names(plain, known.givers, None):
            if credit(plain.source, views.visible, start, end, []) is not None:
                # Whose data were used is thanked.
                yield plain, start, end, what("name"), _offered(views, start, end)
    named = (
        *_names(plain, known.names, None),
        *_names(plain, known.loose, known.unless),
        *(_names(plain, known.vague, None) if _is_about(known, plain, known.vague) else ()),
    )
    for start, end in _longest(named):
        if any(low <= start < high for low, high in spans):
            continue  # a title names the dataset, and says nothing of its use
        yield plain, start, end, what("name"), _strength(views, start, end)


def _offered(views: Views, start: int, end: int) -> Strength:
    """Return how strongly an address or a loader shows use: in code it does."""
    if not views.text.kind.is_paper:
        return "mentions" if in_keywords(views.full.source, start) else "uses"
    return offered_in_prose(views.full.source, start, end, _place(views, start))


def _is_about(known: Known, flow: Flow, vague: tuple[Sign, ...]) -> bool:
    """Whether a text speaks of what vague names must stand with, and of nothing they may mean."""
    if not any(sign.squeezed in flow.hits for sign in vague):
        return False
    if known.context is None or not known.context.search(flow.source):
        return False
    return known.unless is None or not known.unless.search(flow.source)


def _strength(views: Views, start: int, end: int) -> Strength:
    kind, source = views.text.kind, views.plain.source
    if not kind.is_paper:
        return named_in_code(source, start, end, kind)
    if kind in (TextKind.BIB, TextKind.CFF):
        return "mentions"
    low, high = views.title
    first = low <= start < high and not titles_others(source[low:high])
    return named_in_prose(source, start, end, _place(views, start), first=first)


def _place(views: Views, at: int) -> Place:
    source, visible = views.plain.source, views.visible
    first = visible[:_FIRST_LINE].strip().partition("\n")[0]  # a title, marked or not
    return Place(
        heading_of(source, visible, at),
        (*sections_of(views.outline, at), (1, first)),
        lead_of(source, visible, at),
        views.text.path.stem.lower() == "readme",
        column_of(visible, at),
        header_of(visible, at),
    )


def _names(
    flow: Flow, signs: tuple[Sign, ...], unless: re.Pattern[str] | None
) -> Iterator[tuple[int, int]]:
    for sign in signs:
        for at, stop in flow.find(sign.squeezed):
            if not flow.begins(at) or not flow.ends(stop):
                continue
            start, end = flow.span(at, stop)
            if len(sign.squeezed) <= _SHORT and flow.source[start - 1 : start].isalnum():
                continue  # it stands in any long enough text of random letters
            inside = flow.source[start:end]
            if not _INSIDE.fullmatch(inside) or "\n\n" in inside:
                continue
            counts = _COUNT.search(inside) and _COUNTED.match(flow.source, end, end + 20)
            if counts:
                continue
            if unless is not None and unless.search(flow.source, *_beside(flow.source, start, end)):
                continue
            yield start, end


def _longest(spans: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Yield spans in their order, but for those within another: a name may hold a shorter one."""
    reached = -1
    for start, end in sorted(set(spans), key=lambda span: (span[0], -span[1])):
        if end > reached:
            reached = end
            yield start, end


def _beside(source: str, start: int, end: int) -> tuple[int, int]:
    """Return the bounds of the words beside a name: of its own sentence, item and cell."""
    low, high = sentence_of(source, start, end)
    low, high = max(low, start - _BESIDE), min(high, end + _BESIDE)
    cell = source.find("|", end, high)
    return source.rfind("|", low, start) + 1 or low, cell if cell >= 0 else high


def closed(source: str, end: int) -> bool:
    """Whether an address ends there, or goes on with another part of its path."""
    return end >= len(source) or not (source[end].isalnum() or source[end] == "-")


def squeezed_all(words: Iterable[str]) -> list[Sign]:
    """Return spellings as signs to look for, each once; marks at their end are not looked for."""
    signs = (Sign(squeeze(each), _MARKS.sub("", "".join(each.lower().split()))) for each in words)
    return list({sign.squeezed + " " + sign.written: sign for sign in signs}.values())


def _any_word(words: list[str]) -> re.Pattern[str] | None:
    if not words:
        return None
    any_of = "|".join(map(re.escape, words))  # an underscore ends a word: "chest_films"
    return re.compile(rf"(?<![^\W_])({any_of})(?![^\W_])", re.IGNORECASE)
