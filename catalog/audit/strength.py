"""Whether a text that names a dataset says that it is used, or only speaks of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from . import wording
from .sentences import HEADS_THANKS, lead_of, sentence_of
from .texts import TextKind

Strength = Literal["uses", "mentions"]

_NEAR = 300  # characters of a line before a name: lines of code that was packed are endless


@dataclass(frozen=True, slots=True)
class Place:
    """Where a name stands: under which heading, in which sections, in the list of what sentence.

    `sections` are level and words of the headings of Markdown and LaTeX, the nearest first;
    `lead` introduces its list or table, `header` is the first row of the table, and `column` what
    heads its column of that. What a `readme`
    describes is its project's.
    """

    heading: str | None = None
    sections: tuple[tuple[int, str], ...] = ()
    lead: str = ""
    readme: bool = False
    column: str | None = None
    header: str = ""


def named_in_prose(source: str, start: int, end: int, place: Place, first: bool) -> Strength:
    """Return how strongly a name in prose shows use; `first` when it is in its own work's title."""
    begin, stop = sentence_of(source, start, end)
    before, rest = source[begin:start], source[end:stop]
    sentence = f"{before} {source[start:end]} {rest}"
    if _is_denied(before) or wording.DENIED_AFTER.search(rest[:60]):
        return "mentions"
    line = source[max(source.rfind("\n", 0, start) + 1, start - _NEAR) : start]
    if first or (wording.PATH.search(line) and not wording.DOCUMENT.match(rest)):
        return "uses"
    if wording.DRAWN.match(line) and wording.FOLDER.match(rest):
        return "uses"
    if place.column is not None and wording.DATA_COLUMN.fullmatch(place.column):
        named = True
    else:
        named = bool(wording.HEADS_ROW.match(line) and wording.RESULTS.search(rest))
    named = named and not wording.OF_A_GUIDE.search(place.header)
    named = named or bool(wording.SHOWN.search(line) or wording.MODEL_OF.search(line))
    if wording.COMPATIBLE.search(before):
        return "mentions"
    if wording.LABELLED.search(before):
        return "uses"
    others = _of_others(place)
    clear = wording.WE_USE.search(sentence) or wording.OWN.search(before)
    clear = clear or (wording.USING.search(before) and wording.AND_WE.search(rest))
    opening = all(level == 1 for level, _ in place.sections)
    if place.readme and opening and not others:
        clear = clear or wording.OWN_OPENING.search(before)
    if not clear and not others:  # in a review, whoever trained on it are others
        clear = wording.CLEAR_USE.search(sentence) or wording.TRAINED.match(rest)
        if clear and wording.ONE_OF_MANY.search(before):
            clear = wording.WAS_TRAINED.search(before)
    by_others = wording.OTHERS.search(wording.UNLIKE.sub("", before, count=1))
    if clear and not by_others:
        return "uses"
    spoken = wording.ONLY_SPOKEN_OF.search(before) or wording.ONE_OF_MANY.search(before)
    if spoken or by_others or others:
        return "mentions"
    listed = _listed(place.lead)
    if listed is not None:
        return listed
    if named:
        return "uses"
    if (
        wording.USE.search(sentence)
        or wording.USE_OF.search(before)
        or wording.DONE_TO_IT.search(rest)
    ):
        return "uses"
    above = [words for level, words in place.sections if level > 1]
    of_data = any(
        wording.SECTION_OF_DATA.search(words) and not wording.SECTION_OF_FAULTS.search(words)
        for words in (place.heading or "", *above)
    )
    described = place.readme and (
        wording.SUBJECT.fullmatch(before) or (opening and wording.WORKS_ON.search(before))
    )
    thanked = place.heading is not None and HEADS_THANKS.search(place.heading)
    return "uses" if of_data or described or thanked else "mentions"


def offered_in_prose(source: str, start: int, end: int, place: Place) -> Strength:
    """Return how strongly an address of the data shows use: it does, unless the words deny it."""
    begin, _ = sentence_of(source, start, end)
    before, heading = source[begin:start], place.heading
    if wording.DENIED.search(before):
        return "mentions"
    listed = _listed(place.lead) == "mentions" or _titled_of_others(place)
    if listed and not wording.CLEAR_USE.search(before):
        return "mentions"
    if wording.LABELLED.search(before):
        return "uses"
    if heading is not None and wording.SECTION_OF_OTHERS.search(heading):
        return "uses" if wording.CLEAR_USE.search(before) else "mentions"
    used = wording.USE.search(before) or wording.USE_OF.search(before)
    return "mentions" if wording.ONLY_SPOKEN_OF.search(before) and not used else "uses"


def named_in_code(source: str, start: int, end: int, kind: TextKind) -> Strength:
    """Return how strongly a name in code shows use: in a comment as in prose, elsewhere it does.

    A sentence within a string is none of the code's either, where it only speaks of the named.
    """
    line_start = source.rfind("\n", 0, start) + 1
    before = source[line_start:start]
    if kind is TextKind.CODE and (
        wording.COMMENT.match(before) or " # " in before or " // " in before
    ):
        begin, stop = sentence_of(source, start, end)
        opens = len(before) < _NEAR and wording.OPENS_COMMENT.match(before)
        if opens and not wording.TELLS.search(source[end:stop]):
            return "uses"
        told = source[begin:start]
        spoken = (
            wording.DENIED.search(told)
            or wording.ONLY_SPOKEN_OF.search(told)
            or wording.OTHERS.search(told)
        )
        tells = wording.TELLS.search(source[end:stop]) and not wording.HANDLES.search(before)
        if spoken or tells:
            return named_in_prose(source, start, end, Place(), first=False)
        return "uses"
    if wording.DENIED.search(before):
        return "mentions"
    before = before[-_NEAR:]
    if kind is not TextKind.CODE or wording.PATH.search(before):
        return "uses"
    if in_keywords(source, start) or _listed(lead_of(source, source, start)) == "mentions":
        return "mentions"
    describes = wording.DESCRIBES.search(before)
    begin, _ = sentence_of(source, start, end)
    before = wording.JOINED.sub("", source[begin:start])
    spoken = wording.ONLY_SPOKEN_OF.search(before) or wording.OTHERS.search(before)
    if describes or (spoken and wording.WORDS.search(before)):
        return "uses" if wording.WE_USE.search(before) else "mentions"
    return "uses"


def in_keywords(source: str, at: int) -> bool:
    """Whether a place of code is in a list of words to look for, not of data to load."""
    low = max(0, at - wording.LIST_OF_KEYWORDS)
    for found in wording.KEYWORDS.finditer(source, low, at):
        since = source[found.end() - 1 : at]
        if sum(map(since.count, "[{(")) > sum(map(since.count, "]})")):
            return True
    return False


def titles_others(title: str) -> bool:
    """Whether a title says that a text is about others' work."""
    return wording.TITLE_OF_OTHERS.search(title) is not None


def _listed(lead: str) -> Strength | None:
    """Return what the sentence that introduces a list says of all that is listed, if anything."""
    if not lead:
        return None
    if wording.CLEAR_USE.search(lead) or wording.OWN.search(lead):
        return "uses" if not _is_denied(lead) and not wording.OTHERS.search(lead) else "mentions"
    if wording.COMPATIBLE.search(lead):
        return "mentions"
    if wording.EXAMPLES.search(lead) or _is_denied(lead) or wording.ONLY_SPOKEN_OF.search(lead):
        return "mentions"
    return "uses" if wording.USE.search(lead) or wording.USE_OF.search(lead) else None


def _is_denied(before: str) -> bool:
    """Whether the words before a name deny its use; "unlike others, we use" denies the others'."""
    if not wording.DENIED.search(before):
        return False
    rest = wording.UNLIKE.sub("", before, count=1)
    return bool(wording.DENIED.search(rest)) or not wording.CLEAR_USE.search(rest)


def _of_others(place: Place) -> bool:
    """Whether a place is in a section that speaks of others' work, or in a part of one."""
    if _titled_of_others(place):
        return True
    heading = place.heading
    above = place.sections
    if above and heading is not None and heading.strip() in above[0][1]:
        above = above[1:]  # it is looked at by itself
    if any(level > 1 and wording.PART_OF_OTHERS.search(words) for level, words in above):
        return True
    if heading is None:
        return False
    if wording.SECTION_OF_OTHERS.search(heading):
        return True
    return bool(wording.SECTION_OF_WORKS.search(heading)) and not wording.SECTION_OF_DATA.search(
        heading
    )


def _titled_of_others(place: Place) -> bool:
    return any(level == 1 and titles_others(words) for level, words in place.sections)
