"""The sentence, the headings, the list and the table's column in which a place of a text stands."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from operator import itemgetter

_I = re.IGNORECASE
_BEFORE, _AFTER = 320, 260  # characters of a sentence on each side of a place
_ABOVE = 25  # lines in which a heading is looked for
_ROWS = 40  # of a table above a cell

HEADS_THANKS = re.compile(
    r"\b(acknowledge?m?ents?|acknowledging|thanks|thank you|credits?|attributions?|danksagung\w*|"
    r"dank|"
    r"remerciements?|agradecimientos?|agradecimentos?|ringraziamenti|créditos|data providers?|"
    r"courtesy|благодарности)\b|致谢|鸣谢|謝辞|感謝|감사",
    _I,
)
HEADS_SOURCE = re.compile(
    r"\b(data ?(set)? ?(sources?|provenance|credits?|origin|owners?|availability)|"
    r"sources?( information)?|"
    r"provenance|provider|datenquellen?|fuentes?( de datos)?|fontes?( dos dados)?|"
    r"sources des données)\b|数据来源",
    _I,
)
_HEADING = re.compile(r"^\s*(#{1,6}\s|\\(sub)*section|\\chapter|\\paragraph|<h[1-6]|=+\s*\S)", _I)
_TAGGED = re.compile(r"<h[1-6][^<>]{0,200}>(.{0,200}?)</h[1-6]>", re.IGNORECASE | re.DOTALL)
_WITHIN = 2000  # characters above a place in which a heading of HTML is looked for
_UNDERLINE = re.compile(r"^\s*([=\-~^\"'*+#])\1{2,}\s*$")
# Not after a short form, nor after a letter alone, as in "U.S." and "R. M. Summers".
_NOT_SHORT = (
    r"(?<!\bet al)(?<!\b[A-Z])(?<!\b(?:Dr|cf|vs|No))(?<!\b(?:Mrs|Fig|e\.g|i\.e))(?<!\bProf)"
)
_END = re.compile(
    _NOT_SHORT + r"[.!?](?=[\s\"')\]*_]|$)|[。！？；]|\n\s*\n|"
    r"\n\s*(?:[-*+•]|\d{1,2}[.)]|\|)\s|(?:(?<=\n)|^)#{1,6} [^\n]*\n|\n(?=\\item)"
)
_SOURCES = re.compile(
    r"(data )?(sources?|providers?|owners?|origin|institutions?|publisher|provided by|released by|"
    r"quelle|fonte|fuente|来源)( / .*)?",
    _I,
)


_OUTLINE = re.compile(
    r"^(?:[ ]{0,3}(?P<fence>```|~~~)|(?P<marks>#{1,6})[ \t]+(?P<words>[^\n]+)|"
    r"[ \t]*\\(?P<tex>chapter|section|subsection|subsubsection|paragraph)\*?\{(?P<title>[^{}\n]*))",
    re.MULTILINE,
)
_TEX_LEVELS = {"chapter": 1, "section": 2, "subsection": 3, "subsubsection": 4, "paragraph": 5}
_IN_LIST = re.compile(
    r"\s*\||\s*(?:[-*+•]|\(?\d{1,2}[.)]|\\item\b)\s|\s+\S|\s*$|\s*\\(?:begin|end)\b"
)
_MARKED = re.compile(r"\s*\||\s*(?:[-*+•]|\(?\d{1,2}[.)]|\\item\b)\s")
_LISTED = 40  # lines of a list above a place


def sentence_of(source: str, start: int, end: int) -> tuple[int, int]:
    """Return the bounds of the sentence, or of the item of a list, around a place."""
    low, high = max(0, start - _BEFORE), min(len(source), end + _AFTER)
    begin = low
    for match in _END.finditer(source, low, start):
        begin = match.end() if match[0][:1] != "\n" else match.start()
    after = _END.search(source, end, high)
    return begin, after.start() + 1 if after else high


def heading_of(source: str, visible: str, at: int) -> str | None:
    """Return the words of the heading under which a place stands, not far above.

    A heading stands under the one of the section that it is a part of.
    """
    marked = list(_TAGGED.finditer(visible, max(0, at - _WITHIN), at))
    if marked:
        return source[marked[-1].start(1) : marked[-1].end(1)].strip()
    own = visible.rfind("\n", 0, at) + 1
    level = _level(visible[own : own + 8])
    stop = at
    for _ in range(_ABOVE):
        start = visible.rfind("\n", 0, max(0, stop - 1)) + 1 if stop > 0 else 0
        line, words = visible[start:stop].rstrip("\n"), source[start:stop].strip(" \n*_#{}=:<>/|-")
        if _is_heading(line, words, visible, stop) and not 0 < level <= _level(line):
            return words
        if start == 0:
            return None
        stop = start
    return None


def outline(visible: str) -> list[tuple[int, int, str]]:
    """Return the headings of Markdown and LaTeX in a text, as place, level and words.

    A comment in a block of code is no heading, though it may begin as one.
    """
    found: list[tuple[int, int, str]] = []
    fenced = False
    for match in _OUTLINE.finditer(visible):
        if match["fence"]:
            fenced = not fenced
        elif match["marks"] and not fenced:
            found.append((match.start(), len(match["marks"]), match["words"].strip(" #*_")))
        elif match["tex"]:
            found.append((match.start(), _TEX_LEVELS[match["tex"]], match["title"].strip()))
    return found


def sections_of(headings: list[tuple[int, int, str]], at: int) -> Iterator[tuple[int, str]]:
    """Yield level and words of the headings under which a place stands, the nearest first."""
    below = 7
    for nth in range(bisect_right(headings, at, key=itemgetter(0)) - 1, -1, -1):
        _, level, words = headings[nth]
        if level < below:
            yield level, words
            below = level
        if below == 1:
            return


def lead_of(source: str, visible: str, at: int) -> str:
    """Return the sentence that introduces the list or table in which a place is, or nothing."""
    start = visible.rfind("\n", 0, at) + 1
    marked = False
    for _ in range(_LISTED):
        end = visible.find("\n", start)
        line = visible[start : end if end >= 0 else len(visible)]
        if not _IN_LIST.match(line):
            break
        marked = marked or bool(_MARKED.match(line))
        if start == 0:
            return ""
        start = visible.rfind("\n", 0, start - 1) + 1
    else:
        return ""
    words = line.rstrip(" *_\\")
    if not marked or words[-1:] not in (":", "：", ",") or words.startswith("#"):
        return ""
    begin, _ = sentence_of(source, start + len(words) - 1, start + len(words))
    return source[begin : start + len(words)]


def _level(line: str) -> int:
    """Return the level of a heading of Markdown, 0 of any other line."""
    words = line.lstrip(" ")
    return len(words) - len(words.lstrip("#"))


def _is_heading(line: str, words: str, visible: str, stop: int) -> bool:
    if not words or len(words) > 90:
        return False
    if _HEADING.match(line):
        return True
    below = visible[stop : visible.find("\n", stop + 1) if stop < len(visible) else stop]
    if _UNDERLINE.match(below.strip("\n")):
        return True
    bare = line.strip()
    short = len(words.split()) <= 5 and words[-1:] not in ".,;"
    marked = (bare.startswith("**") and bare.rstrip(":").endswith("**")) or bare.endswith(":")
    named = HEADS_THANKS.search(words) or HEADS_SOURCE.search(words)
    return short and (marked or (named is not None and not bare.startswith(("-", "*", "|"))))


def in_column(visible: str, at: int) -> bool:
    """Whether a place is in a table's column one of whose heads says that it holds sources."""
    return any(_SOURCES.fullmatch(cell) for cell in _cells_above(visible, at))


def column_of(visible: str, at: int) -> str | None:
    """Return the head of the table's column in which a place is, None where it is in none."""
    return [None, *_cells_above(visible, at)][-1]


def header_of(visible: str, at: int) -> str:
    """Return the first row of the table of Markdown in which a place is, or nothing."""
    start = visible.rfind("\n", 0, at) + 1
    row = ""
    for _ in range(_ROWS):
        end = visible.find("\n", start)
        line = visible[start : end if end >= 0 else len(visible)]
        if "|" not in line:
            break
        row = line
        if start == 0:
            break
        start = visible.rfind("\n", 0, start - 1) + 1
    return row


def _cells_above(visible: str, at: int) -> list[str]:
    """Return the cells above a place in its table's column, the nearest first."""
    start = visible.rfind("\n", 0, at) + 1
    row = visible[start : at + 1]
    if "|" not in row and "&" not in row:
        return []
    mark = "|" if "|" in row else "&"
    column = row.count(mark)
    found: list[str] = []
    for _ in range(_ROWS):
        above = visible.rfind("\n", 0, max(0, start - 1)) + 1
        line = visible[above : max(0, start - 1)]
        if mark not in line:
            break
        cells = line.split(mark)
        if column < len(cells):
            found.append(cells[column].strip(" *_"))
        if above == 0:
            break
        start = above
    return found
