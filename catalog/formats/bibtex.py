"""BibTeX: citations/references.bib."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from ...schemas.terms import Citation
from .facts import Facts, clean, doi_url, facts_of

_TYPES = {
    "paper-conference": ("inproceedings", "booktitle"),
    "article-journal": ("article", "journal"),
    "article": ("misc", "howpublished"),
    "dataset": ("misc", "howpublished"),
    "report": ("techreport", "booktitle"),
}
# Braces are counted even behind a backslash, so a brace is written as a command.
_COMMANDS = {
    "\\": r"\textbackslash{}",
    "{": r"\textbraceleft{}",
    "}": r"\textbraceright{}",
    "`": r"\textasciigrave{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    **{each: "\\" + each for each in "%&#_$"},
}
_CHARACTERS = {command: character for character, command in _COMMANDS.items()}
_COMMAND = re.compile("|".join(re.escape(command) for command in _CHARACTERS))
_READ = re.compile(f"{_COMMAND.pattern}|[{{}}]")
# A DOI is taken letter by letter, so only what would break the file is written in another way.
_VERBATIM = {"{": "%7B", "}": "%7D", "\\": "%5C"}
_EDGES = re.compile(r"^(\W*)(.*?)(\W*)$", re.DOTALL)
_ENTRY = re.compile(r"^@(\w+)\{([^,]+),$(.*?)^\}$", re.MULTILINE | re.DOTALL)
_FIELD = re.compile(r"^  (\w+) = \{(.*)\},$", re.MULTILINE)


def write(citations: Sequence[Citation]) -> str:
    """Return the works as BibTeX in UTF-8, an entry each."""
    return "\n".join(_entry(citation) for citation in citations)


def read(text: str) -> list[Facts]:
    """Return the facts of what `write` wrote; raise `ValueError` or `KeyError` on other text."""
    works = []
    for match in _ENTRY.finditer(text):
        fields = {field[1]: field[2] for field in _FIELD.finditer(match[3])}
        people = [person.partition(", ") for person in _top_level(fields["author"])]
        doi = fields["doi"]
        for character, written in _VERBATIM.items():
            doi = doi.replace(written, character)
        works.append(
            Facts(
                title=_plain(fields["title"]),
                authors=tuple((_plain(family), _plain(given)) for family, _, given in people),
                year=int(fields["year"]),
                pages=fields["pages"].replace("--", "-") if "pages" in fields else None,
                doi=doi,
            )
        )
    return works


def _entry(citation: Citation) -> str:
    kind, container = _TYPES[citation.type]
    facts = facts_of(citation)
    fields = {
        "author": " and ".join(
            f"{_name(family)}, {_name(given)}" for family, given in facts.authors
        ),
        "title": " ".join(_protected(word) for word in facts.title.split(" ")),
        container: _escaped(citation.container_title),
        "volume": _escaped(citation.volume),
        "number": _escaped(citation.issue),
        "pages": (facts.pages or "").replace("-", "--"),
        "institution" if kind == "techreport" else "publisher": _escaped(citation.publisher),
        "year": str(facts.year),
        "doi": "".join(_VERBATIM.get(each, each) for each in facts.doi),
        "eprint": citation.arxiv,
        "archiveprefix": "arXiv" if citation.arxiv else None,
        "url": doi_url(facts.doi),
    }
    lines = [f"  {name} = {{{value}}}," for name, value in fields.items() if value]
    return "\n".join([f"@{kind}{{{citation.id},", *lines, "}", ""])


def _escaped(text: str | None) -> str:
    return "".join(_COMMANDS.get(each, each) for each in clean(text or ""))


def _name(text: str) -> str:
    escaped = _escaped(text)
    # A bare "and" would part one person into two.
    return f"{{{escaped}}}" if re.search(r"\band\b", text, re.IGNORECASE) else escaped


def _protected(word: str) -> str:
    """Return a word of a title, in braces where a style must not change its capitals."""
    before, middle, after = _EDGES.match(word).groups()  # type: ignore[union-attr]
    if not any(_has_fixed_capitals(part) for part in middle.split("-")) or middle == "A":
        return _escaped(word)
    return f"{_escaped(before)}{{{_escaped(middle)}}}{_escaped(after)}"


def _has_fixed_capitals(part: str) -> bool:
    return part[1:] != part[1:].lower() or (len(part) == 1 and part.isupper())


def _plain(text: str) -> str:
    return _READ.sub(lambda match: _CHARACTERS.get(match[0], ""), text)


def _top_level(names: str) -> Iterator[str]:
    """Yield the persons, parted at each "and" that stands outside braces."""
    start = depth = 0
    for match in re.finditer(r"[{}]| and ", names):
        depth += {"{": 1, "}": -1}.get(match[0], 0)
        if match[0] == " and " and depth == 0:
            yield names[start : match.start()]
            start = match.end()
    yield names[start:]
