"""The texts of a project, read as lines: documents, papers, notebooks and code.

Everything here is somebody else's file: too large, broken, packed to burst, or not what its name
says. A file that cannot be read is None, never an error.
"""

from __future__ import annotations

import json
import re
import zipfile
import zlib
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Any

LIMIT = 4 << 20
"""Bytes of one file that are read, unless the caller says otherwise: a thesis has about a tenth."""

_NOTEBOOK_LIMIT = 16 << 20  # bytes; pictures stand inside, and half a JSON is none
_PACKED_LIMIT = 64 << 20  # bytes of a docx or a PDF on the disk
_PAGES = 400  # of one PDF


class TextKind(StrEnum):
    """What a file is, by its name; the words of code and of settings credit nobody."""

    MARKDOWN = "markdown"
    RST = "rst"
    PLAIN = "plain"
    TEX = "tex"
    BIB = "bib"
    CFF = "cff"
    RECORD = "record"  # JSON or YAML made to describe a work, as .zenodo.json and codemeta.json are
    HTML = "html"
    NOTEBOOK = "notebook"
    DOCX = "docx"
    PDF = "pdf"
    CODE = "code"
    SETTINGS = "settings"

    @property
    def is_paper(self) -> bool:
        """Whether people read it to learn of the work, so that what it says can meet a duty."""
        return self not in (TextKind.CODE, TextKind.SETTINGS)

    @property
    def is_packed(self) -> bool:
        """Whether its bytes do not show its words, so that only `read` can tell what it says."""
        return self in (TextKind.DOCX, TextKind.PDF)


@dataclass(frozen=True, slots=True)
class Text:
    """A file's words: pairs of a line's number in the file, counted from 1, and what stands there.

    Lines of a docx are its paragraphs; those of a PDF are counted through its pages. `whole` is
    False when the file is longer than what was read.
    """

    path: Path
    kind: TextKind
    segments: tuple[tuple[int, str], ...]
    whole: bool = True


_SUFFIXES = {
    TextKind.MARKDOWN: "md markdown mdx rmd qmd mkd",
    TextKind.RST: "rst rest",
    TextKind.PLAIN: "txt text adoc asciidoc org ris enw nbib",
    TextKind.TEX: "tex ltx sty cls bbl",
    TextKind.BIB: "bib bibtex",
    TextKind.CFF: "cff",
    TextKind.HTML: "html htm xhtml",
    TextKind.NOTEBOOK: "ipynb",
    TextKind.DOCX: "docx docm",
    TextKind.PDF: "pdf",
    TextKind.CODE: "py pyi r jl sh bash zsh m lua c cc cpp h hpp cu java kt scala go rs js ts jsx "
    "tsx mjs vue swift rb pl php sql ps1 bat cmd slurm sbatch dockerfile makefile",
    TextKind.SETTINGS: "yaml yml toml json jsonl ini cfg conf env properties gin",
}
_BY_SUFFIX = {suffix: kind for kind, suffixes in _SUFFIXES.items() for suffix in suffixes.split()}
_BY_NAME = {
    **dict.fromkeys(("dockerfile", "makefile", "snakefile", "justfile"), TextKind.CODE),
    **dict.fromkeys(
        (
            *(".zenodo.json", "codemeta.json", "dataset_infos.json", "dataset_info.json"),
            *("croissant.json", "ro-crate-metadata.json", "datapackage.json"),
            *("dataset-metadata.json", "metadata.jsonld"),
        ),
        TextKind.RECORD,
    ),
}
_WITHOUT_SUFFIX = re.compile(
    r"^(readme|notice|licen[cs]e|copying|authors|contributors|credits|acknowledge?ments?|citation|"
    r"citations|references|data|datasets?|thanks|attribution|model[-_ ]?card|third[-_ ]?party.*)$"
)


@lru_cache(maxsize=1 << 14)  # projects have many names in common, and each is asked of thrice
def kind_of(name: str) -> TextKind | None:
    """Return what a file is by its name alone, None when it holds no words for people."""
    lowered = name.lower()
    known = _BY_NAME.get(lowered)
    if known is not None:
        return known
    stem, dot, suffix = lowered.rpartition(".")
    if not dot or not stem:
        return TextKind.PLAIN if _WITHOUT_SUFFIX.match(lowered) else None
    if suffix == "json" and stem.endswith((".csl", ".jsonld")):
        return TextKind.RECORD
    if lowered == "cmakelists.txt":
        return TextKind.CODE
    return _BY_SUFFIX.get(suffix) or (
        TextKind.PLAIN if stem == "readme" or lowered.startswith("readme.") else None
    )


def read(path: Path, kind: TextKind, limit_bytes: int = LIMIT) -> Text | None:
    """Return the words of a file, at most about `limit_bytes` of them.

    None when it cannot be opened, is binary, broken or empty, or is a PDF and the extra ``pdf`` is
    not installed (`reads_pdf` tells).
    """
    if kind is TextKind.DOCX:
        return _text(path, kind, _docx(path, limit_bytes))
    if kind is TextKind.PDF:
        return _text(path, kind, _pdf(path, limit_bytes))
    most = max(limit_bytes, _NOTEBOOK_LIMIT) if kind is TextKind.NOTEBOOK else limit_bytes
    try:
        with path.open("rb") as file:
            data = file.read(most + 1)
    except OSError:
        return None
    return from_bytes(path, kind, data[:most], whole=len(data) <= most)


def from_bytes(path: Path, kind: TextKind, data: bytes, *, whole: bool = True) -> Text | None:
    """Return the words of a file that was read already; None for what is binary, broken, packed."""
    words = _decode(data)
    if words is None or kind.is_packed:
        return None
    lines: Iterator[tuple[int, str]] = iter(enumerate(words.splitlines(), 1))
    if kind is TextKind.NOTEBOOK:
        lines = _notebook(words)
    return _text(path, kind, lines, whole=whole)


def reads_pdf() -> bool:
    """Whether PDFs can be read here: whether the extra ``pdf`` is installed."""
    from importlib.util import find_spec

    return find_spec("pypdf") is not None


def _text(
    path: Path, kind: TextKind, lines: Iterator[tuple[int, str]], *, whole: bool = True
) -> Text | None:
    segments = tuple((number, line) for number, line in lines if line.strip() or number)
    if not any(line.strip() for _, line in segments):
        return None
    return Text(path, kind, segments, whole)


def _decode(data: bytes) -> str | None:
    """Return the text of bytes in the encodings that people's files have; None when binary."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace")
    if b"\0" in data[:8192]:
        return None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if error.start >= len(data) - 4:  # cut inside a letter by the limit
            return data[: error.start].decode("utf-8-sig", "replace")
    return data.decode("cp1252", "replace")


def _notebook(words: str) -> Iterator[tuple[int, str]]:
    """Yield the lines of a notebook's cells, where they stand in the file; outputs are left out."""
    try:
        content: Any = json.loads(words)
    except (ValueError, RecursionError):
        yield from enumerate(words.splitlines(), 1)  # cut or broken: read it as it stands
        return
    cells = content.get("cells") if isinstance(content, dict) else None
    if cells is None and isinstance(content, dict):  # format 3
        sheets = content.get("worksheets")
        parts = sheets if isinstance(sheets, list) else []
        cells = [c for s in parts if isinstance(s, dict) for c in _listed(s.get("cells"))]
    breaks = [match.start() for match in re.finditer("\n", words)]
    cursor = 0
    for cell in _listed(cells):
        if not isinstance(cell, dict):
            continue
        source = cell.get("source", cell.get("input", ""))
        pieces = source if isinstance(source, list) else [source]
        for line in "".join(each for each in pieces if isinstance(each, str)).split("\n"):
            for written in (json.dumps(line, ensure_ascii=False), json.dumps(line)):
                at = words.find(written[1:-1], cursor)
                if at >= 0:
                    cursor = at
                    break
            yield bisect_right(breaks, cursor) + 1, line
        yield bisect_right(breaks, cursor) + 1, ""  # a cell ends a paragraph


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_DEEPEST = 500  # elements inside one another; a document has about 20
_PARTS = ("document", "footnotes", "endnotes", "comments")


class _Paragraphs:
    """Takes the events of a part of a docx, and keeps its paragraphs and links, but no tree."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._pieces: list[str] = []
        self._in_words = False
        self._depth = 0

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > _DEEPEST:  # the parser keeps what is open, and would fill the memory
            raise ValueError("nested too deeply to be a document")
        if tag in (f"{_W}t", f"{_W}instrText"):
            self._in_words = True
        elif tag in (f"{_W}tab", f"{_W}br", f"{_W}cr"):
            self._pieces.append(" ")
        elif tag == f"{_W}noBreakHyphen":
            self._pieces.append("-")
        elif tag.endswith("Relationship") and attributes.get("Type", "").endswith("/hyperlink"):
            self.lines.append(attributes.get("Target", ""))

    def data(self, words: str) -> None:
        if self._in_words:
            self._pieces.append(words)

    def end(self, tag: str) -> None:
        self._depth -= 1
        if tag in (f"{_W}t", f"{_W}instrText"):
            self._in_words = False
        elif tag == f"{_W}p":
            self.lines.append("".join(self._pieces))
            self._pieces.clear()

    def close(self) -> None:
        pass


def _docx(path: Path, limit: int) -> Iterator[tuple[int, str]]:
    """Yield the paragraphs of a docx with its notes and comments, and where its links lead."""
    number = 0
    try:
        if path.stat().st_size > _PACKED_LIMIT:
            return
        with zipfile.ZipFile(path) as archive:
            for part in _PARTS:
                for name in (f"word/{part}.xml", f"word/_rels/{part}.xml.rels"):
                    for line in _lines_of(archive, name, limit):
                        number += 1
                        yield number, line
    except (OSError, ValueError, RuntimeError, NotImplementedError, EOFError):
        return
    except (zipfile.BadZipFile, zlib.error):
        return


def _lines_of(archive: zipfile.ZipFile, name: str, limit: int) -> list[str]:
    """Return the lines of a part, up to where it is sound and not too long."""
    from defusedxml.ElementTree import DefusedXMLParser, ParseError

    try:
        member = archive.open(name)
    except KeyError:
        return []
    kept = _Paragraphs()
    parser = DefusedXMLParser(target=kept, forbid_dtd=True)
    # XML is some times its words. What the archive says of its sizes is not believed.
    left = 4 * limit
    with member:
        try:
            while left > 0 and (data := member.read(min(left, 1 << 16))):
                left -= len(data)
                parser.feed(data)
        except (ParseError, ValueError):
            pass
    return kept.lines


def _pdf(path: Path, limit: int) -> Iterator[tuple[int, str]]:
    """Yield the lines of a PDF, as far as its pages can be read."""
    if not reads_pdf():
        return
    import logging

    from pypdf import PdfReader

    logging.getLogger("pypdf").setLevel(logging.CRITICAL)  # it reports each flaw of a file
    number = length = 0
    try:
        if path.stat().st_size > _PACKED_LIMIT:
            return
        pages = PdfReader(path).pages
        for index in range(min(len(pages), _PAGES)):
            page = pages[index]
            targets = [str(link) for link in _targets(page)]
            for line in [*page.extract_text().splitlines(), *targets]:
                number += 1
                length += len(line)
                yield number, line
            if length > limit:
                return
    except Exception:  # a parser of PDFs fails in as many ways as there are PDFs
        return


def _targets(page: Any) -> Iterator[str]:
    for reference in page.get("/Annots") or ():
        action = reference.get_object().get("/A")
        uri = action.get_object().get("/URI") if action is not None else None
        if uri is not None:
            yield str(uri)
