"""Write the papers that a project lacks, and touch nothing else in it.

ATTRIBUTION.md and CITATION.cff are written where there are none, or where an earlier fix wrote
them; a README gets a section between two marks, which is replaced the next time. What stands
outside of the marks stays, and so does a file in another encoding than UTF-8.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ...schemas.errors import SourceError
from ...schemas.terms import Citation, Duty, DutyKind
from .. import whole
from ..formats.cff import reference
from ..formats.facts import clean, doi_url
from ..formats.markdown import prose
from ..formats.wording import references
from .known import Known
from .model import ProjectReport

BEGIN, END = "<!-- cxrcat:attribution -->", "<!-- /cxrcat:attribution -->"
_WRITTEN = "# Written by cxrcat audit --fix; it is written again as long as this line stands here."
_ENDS = r"(?=[ \t]*\r?$)"
# Marks are lines of their own, since a text may speak of them; between two is no other beginning,
# lest what follows one that lost its end be taken for ours.
_SECTION = re.compile(
    rf"^{re.escape(BEGIN)}{_ENDS}(?:(?!^{re.escape(BEGIN)}).)*?^{re.escape(END)}{_ENDS}",
    re.DOTALL | re.MULTILINE,
)
_ATTRIBUTION, _CFF = "ATTRIBUTION.md", "CITATION.cff"
_READMES = ("README.md", "Readme.md", "readme.md")


def fix(known: Known, project: ProjectReport) -> list[Path]:
    """Write what a project lacks, and return the files that were written or changed.

    Nothing is done where all duties are met, nor in the folder of an export: its papers are whole,
    or it is to be made again. Raises `SourceError` when a file cannot be written.
    """
    lacking = set(project.duties) - set(project.met)
    if not lacking or any(not each.folder for each in project.facts.exports):
        return []
    owed = [
        (duty, works)
        for release in known.defaults
        for works in [{work.id: work for work in release.descriptor.citations}]
        for duty in release.descriptor.duties
        if duty.id in project.duties
    ]
    duties = [duty for duty, _ in owed]
    works = [works[duty.citation] for duty, works in owed if duty.citation]
    root = Path(project.root)
    try:
        return list(_write(root, project.name, duties, works))
    except OSError as error:
        place = error.filename or root
        raise SourceError(f"{place}: cannot be written: {error.strerror or error}") from error


def _write(
    root: Path, name: str, duties: Sequence[Duty], works: Sequence[Citation]
) -> Iterator[Path]:
    words = "\n\n".join(_words(duties, works))
    path = root / _ATTRIBUTION
    if _is_ours(path):
        text = _read(path) if path.exists() else ""
        if _replace(path, _with_section(text, f"# Attribution\n\n{words}")):
            yield path
    path = root / _CFF
    if _is_ours(path) and _replace(path, _cff(_shown(name), duties, works)):
        yield path
    for file in _READMES:
        path = root / file
        if path.is_file() and not path.is_symlink():
            text = _read(path)
            section = f"## Data attribution\n\n{words}"
            if "\0" not in text and _replace(path, _with_section(text, section)):
                yield path
            return


def _words(duties: Sequence[Duty], works: Sequence[Citation]) -> Iterator[str]:
    """Yield a paragraph a duty, in the duties' words."""
    for duty in duties:
        match duty.kind:
            case DutyKind.LINK:
                yield f"{prose(clean(duty.text).rstrip('.'))}: <{duty.url}>"
            case DutyKind.ACKNOWLEDGEMENT:
                yield prose(clean(duty.text))
            case DutyKind.CITATION:
                pass
    if works:
        lines = [f"- {prose(references(work)[-1])} <{doi_url(work.doi)}>" for work in works]
        yield "Please cite:\n\n" + "\n".join(lines)


def _cff(name: str, duties: Sequence[Duty], works: Sequence[Citation]) -> str:
    import yaml

    said = [clean(duty.text) for duty in duties if duty.kind is DutyKind.ACKNOWLEDGEMENT]
    said += [f"{clean(duty.text).rstrip('.')}: {duty.url}" for duty in duties if duty.url]
    file: dict[str, Any] = {
        "cff-version": "1.2.0",
        "message": " ".join(["If you use this work, cite it and what it refers to.", *said]),
        "title": name,
        "authors": [{"name": f"The authors of {name}"}],
        "references": [reference(work) for work in works],
    }
    text = yaml.safe_dump(file, sort_keys=False, allow_unicode=True, width=100)
    return f"{_WRITTEN}\n{text}"


def _is_ours(path: Path) -> bool:
    """Tell whether a file is not there, or was written by an earlier fix."""
    if path.is_symlink():
        return False
    if not path.exists():
        return True
    return path.is_file() and _read(path).startswith((BEGIN, _WRITTEN))


def _with_section(text: str, words: str) -> str:
    """Return a text with the section, in the line ends of the text; the rest stays as it is."""
    end = "\r\n" if "\r\n" in text else "\n"
    section = f"{BEGIN}\n{words}\n{END}".replace("\n", end)
    if _SECTION.search(text):
        return _SECTION.sub(lambda _: section, text, count=1)
    gap = end * 2 if text and not text.endswith("\n") else end if text else ""
    return f"{text}{gap}{section}{end}"


def _shown(name: str) -> str:
    """Return the name of a folder as YAML can hold it."""
    return clean(name.encode("utf-8", "replace").decode())


def _read(path: Path) -> str:
    return path.read_bytes().decode("utf-8", "surrogateescape")


def _replace(path: Path, text: str) -> bool:
    """Write a file whole, beside and renamed; tell if it changed."""
    data = text.encode("utf-8", "surrogateescape")
    if path.exists() and data == path.read_bytes():
        return False
    whole.write(path, data)
    return True
