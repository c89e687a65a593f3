"""A text as one flow of words, in which markup, case, hyphens and line breaks do not matter.

Words are compared squeezed: letters and digits alone, in lower case, without accents, one after
another. Every place in the squeezed flow leads back to the file's line.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterator
from functools import cached_property, lru_cache

import numpy as np
import numpy.typing as npt

from .hints import Lexicon
from .sentences import outline
from .texts import Text, TextKind

# Scripts that do not divide their words stand directly before and after Latin ones: only a letter
# or digit of these joins another to a word.
_LATIN = re.compile(r"[A-Za-z0-9\u00aa\u00ba\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f\ufb00-\ufb06]")
_ASCII = np.array([chr(code).isalnum() for code in range(128)])
_BLANK = re.compile(r"[^\n]")

_TEX_COMMENT = re.compile(r"(?<!\\)%[^\n]*")
_TEX_COMMAND = re.compile(r"\\(?:\\|[a-zA-Z@]+\*?|[\"'`^~=.uvHcdbtr](?=\{|[a-zA-Z]))")
_BIB_COMMENT = re.compile(r"^[ \t]*%[^\n]*", re.MULTILINE)
_MARKED_UP = frozenset(
    (TextKind.MARKDOWN, TextKind.HTML, TextKind.NOTEBOOK, TextKind.RST, TextKind.PLAIN)
)
_TEX = frozenset((TextKind.TEX, TextKind.BIB))
# What is not read as words: tags and entities, and where links lead.
_NO_WORDS = re.compile(
    r"</?[a-zA-Z][^<>]{0,500}>|&[a-zA-Z]{2,8};|&#\w{1,7};|(?<=\])\([^()\s]*(?:\([^()\s]*\)[^()\s]*)*\)"
    r"|\b(?:https?|gs|ftp)://[^\s<>\"'`{}|\\^]+|\bwww\.[^\s<>\"'`{}]+"
)
_TEX_NO_WORDS = re.compile(r"\\(?:url|href)\s*\{[^{}]*\}|https?://[^\s{}]+")
_FIRST = re.compile(
    r"(?P<matter>---[ \t]*\n(?:(?!---)[^\n]*\n)*---[ \t]*(?:\n|$))?\s*(?P<line>\S[^\n]*)?"
)
_TITLE_WITHIN = 4000  # characters
_ANYTHING_BETWEEN = re.compile(r"[\s\\{}\u00ad\u200b]+")


def squeeze(words: str) -> str:
    """Return the letters and digits of `words` as they are compared."""
    return "".join(_folded(letter) for letter in words)


def _folded(letter: str) -> str:
    if letter.isascii():
        return letter.lower() if letter.isalnum() else ""
    apart = unicodedata.normalize("NFKD", letter.casefold())
    return "".join(each for each in apart if each.isalnum())


def _squeezed(source: str) -> tuple[str, npt.NDArray[np.int64]]:
    """Return the squeezed source, and where in it each squeezed letter stands."""
    codes = np.frombuffer(source.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    plain = codes < 128
    plain[plain] = _ASCII[codes[plain]]
    origins = np.flatnonzero(plain)
    squeezed = codes[origins].astype(np.uint8).tobytes().decode("ascii").lower()
    others = [
        (at, folded)
        for at in np.flatnonzero(codes >= 128).tolist()
        if (folded := _folded(source[at]))
    ]
    if not others:
        return squeezed, origins
    cuts = np.searchsorted(origins, [at for at, _ in others]).tolist()
    pieces, places, done = [], [], 0
    for cut, (at, folded) in zip(cuts, others, strict=True):
        pieces += [squeezed[done:cut], folded]
        places += [origins[done:cut], np.full(len(folded), at)]
        done = cut
    return "".join([*pieces, squeezed[done:]]), np.concatenate([*places, origins[done:]])


class Flow:
    """One flow: `source` as it stands (what does not count is blank), `squeezed` for comparing.

    `hits` has the places of the words of its lexicon.
    """

    __slots__ = ("_known", "_origins", "hits", "source", "squeezed")

    def __init__(self, source: str, lexicon: Lexicon | None = None) -> None:
        self.source = source
        self.squeezed, self._origins = _squeezed(source)
        self._known = frozenset[str]() if lexicon is None else lexicon.known
        self.hits = {} if lexicon is None else lexicon.places(self.squeezed)

    def find(self, words: str) -> Iterator[tuple[int, int]]:
        """Yield where the squeezed `words` stand in the squeezed flow."""
        if words in self._known:
            yield from ((at, at + len(words)) for at in self.hits.get(words, ()))
            return
        at = self.squeezed.find(words)
        while at >= 0:
            yield at, at + len(words)
            at = self.squeezed.find(words, at + 1)

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Return the place in the source of a part of the squeezed flow."""
        return int(self._origins[start]), int(self._origins[end - 1]) + 1

    def begins(self, start: int) -> bool:
        """Whether a word begins there: in the text, or by a capital within a name of code."""
        at = int(self._origins[start])
        before, first = self.source[at - 1 : at], self.source[at]
        if not _LATIN.match(before) or not _LATIN.match(first):
            return True
        return first.isupper() and not before.isupper()

    def ends(self, end: int) -> bool:
        """Whether a word ends there; a plural's s, and a capital after it, end one too."""
        at = int(self._origins[end - 1])
        last, after = self.source[at], self.source[at + 1 : at + 3]
        if not _LATIN.match(after) or not _LATIN.match(last):
            return True
        if after[0].isupper():
            return not last.isupper()
        return after[0] == "s" and not after[1:].isalnum()

    def words(self, start: int, end: int) -> str:
        """Return a part of the source as one line."""
        return " ".join(self.source[start:end].split())


class Views:
    """The two flows of a text: `plain` is what people read, `full` has where links lead too."""

    def __init__(self, text: Text, lexicon: Lexicon | None = None) -> None:
        self.text = text
        self._lexicon = lexicon
        offsets: list[int] = []
        at = 0
        for _, line in text.segments:
            offsets.append(at)
            at += len(line) + 1
        self._offsets = offsets
        self._visible = _without_comments("\n".join(line for _, line in text.segments), text.kind)

    def line(self, at: int) -> int:
        """Return the file's line of a place in the source."""
        segments = self.text.segments
        return segments[max(0, bisect_right(self._offsets, at) - 1)][0]

    def column(self, at: int) -> int:
        """Return how far into its line a place of the source is, from 0."""
        return at - self._offsets[max(0, bisect_right(self._offsets, at) - 1)]

    @property
    def visible(self) -> str:
        """The source without comments that no reader sees, markup and all."""
        return self._visible

    @cached_property
    def full(self) -> Flow:
        """The flow with links' targets."""
        if self.text.kind in _TEX:
            return self._flow(_TEX_COMMAND.sub(_command, self._visible))
        return self._flow(self._visible)

    @cached_property
    def plain(self) -> Flow:
        """The flow of words alone."""
        if self.text.kind in _TEX:
            words = _TEX_NO_WORDS.sub(_blanks, self._visible)
            return self._flow(_TEX_COMMAND.sub(_blanks, words))
        words = _NO_WORDS.sub(_blanks, self._visible)
        return self.full if words == self._visible else self._flow(words)

    @cached_property
    def title(self) -> tuple[int, int]:
        """Where the text says what it is about: in its front matter and its first heading."""
        first = _FIRST.match(self._visible[:_TITLE_WITHIN])
        if first is None:
            return 0, 0
        begins = 0 if first["matter"] else first.start("line")
        titled = first["line"] and first["line"].startswith("#")
        return begins, first.end("line" if titled else "matter")

    @cached_property
    def outline(self) -> list[tuple[int, int, str]]:
        """The headings of the text, as place, level and words."""
        return outline(self._visible)

    def _flow(self, source: str) -> Flow:
        return Flow(source, self._lexicon)


def _without_comments(source: str, kind: TextKind) -> str:
    if kind is TextKind.TEX:
        source = _TEX_COMMENT.sub(_blanks, source)
        return _without(source, "\\begin{comment}", "\\end{comment}")
    if kind is TextKind.BIB:
        return _BIB_COMMENT.sub(_blanks, source)
    return _without(source, "<!--", "-->") if kind in _MARKED_UP else source


def _without(source: str, opening: str, closing: str) -> str:
    """Return the source with blanks in place of what stands between two marks."""
    pieces: list[str] = []
    done = 0
    while (start := source.find(opening, done)) >= 0:
        end = source.find(closing, start)
        if end < 0:
            break
        pieces += [source[done:start], _BLANK.sub(" ", source[start : end + len(closing)])]
        done = end + len(closing)
    return "".join([*pieces, source[done:]])


def _command(match: re.Match[str]) -> str:
    return "/     " if match[0] == "\\slash" else _blanks(match)


def _blanks(match: re.Match[str]) -> str:
    return _BLANK.sub(" ", match[0])


def literal(
    flow: Flow, squeezed: str, written: str, *, one_word: bool = False
) -> Iterator[tuple[int, int]]:
    """Yield where an address or number stands as `written` (in lower case), in the source.

    Escapes, line breaks and percent signs of links do not matter; other letters do. What is
    `one_word` has no blanks either: "NIH dataset" is no ``NIHDataset``.
    """
    for form in forms(squeezed, written):
        for at, end in flow.find(form):
            start, stop = flow.span(at, end)
            if start and flow.source[start - 1].isalnum() and written[0].isalnum():
                continue
            found = flow.source[start:stop].lower()
            if one_word and any(letter.isspace() for letter in found):
                continue
            found = _ANYTHING_BETWEEN.sub("", found)
            for dash in "\u2010\u2011\u2012\u2013\u2212":
                found = found.replace(dash, "-")
            found = found.replace("%2f", "/").replace("%5f", "_")
            if found.replace("--", "-") == written.replace("--", "-"):
                yield start, stop


@lru_cache(maxsize=4096)
def forms(squeezed: str, written: str) -> tuple[str, ...]:
    """Return the squeezed words under which an address or number may stand."""
    return (squeezed, squeeze(written.replace("/", "%2f"))) if "/" in written else (squeezed,)
