"""Read the files of label sets and splits: which table each is, and what its rows say."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from ...schemas.errors import InputError, UsageError
from ...schemas.labels import FindingWord, LabelFile, LabelTable, State
from ..checksums import of_file
from ..metadata import read_cells, read_names
from ..progress import SILENT
from .problems import Problems, shown

_Table = TypeVar("_Table")
_COPY = re.compile(r" ?\([0-9]+\)(?=\.[a-z]+$)")  # what a browser adds to a second download
_LONGEST_READER = 64  # characters


@dataclass(frozen=True, slots=True)
class Rows:
    """What a file says, row by row; line 2 has the first.

    `states` holds what each row says of `findings`, in their order, None for nothing. `readers` is
    None where the rows are the set's own labels, not one reader's.
    """

    file: LabelFile
    findings: tuple[str, ...]
    images: Sequence[str]
    readers: Sequence[str] | None
    states: Sequence[tuple[State | None, ...]]


@dataclass(frozen=True, slots=True)
class Names:
    """The names that a list holds, each with its line."""

    file: LabelFile
    names: Sequence[tuple[int, str]]


def match(
    paths: Sequence[Path], tables: Mapping[str, _Table], what: str
) -> list[tuple[Path, _Table, str]]:
    """Return each file with the table it is and its checksum; `tables` are by ends of file names.

    Raises `UsageError` for a file that fits none, and `InputError` for the same file twice.
    """
    found = []
    known: dict[str, Path] = {}
    for path in paths:
        end = _longest_end(path, tables)
        if end is None:
            ends = ", ".join(tables)
            raise UsageError(
                f"{path}: is none of the files of {what}; their names end in {ends}; nothing was "
                "added"
            )
        checksum = str(of_file(path))
        if checksum in known:
            raise InputError(
                f"{path}: is the same file as {known[checksum]}; give each once; nothing was added"
            )
        known[checksum] = path
        found.append((path, tables[end], checksum))
    return found


def read_table(
    path: Path, table: LabelTable, words: Iterable[FindingWord], checksum: str
) -> tuple[Rows, list[str]]:
    """Return what a table's rows say, and remarks on it.

    Raises `InputError`, naming file and lines, for a column that is missing or there twice, and for
    cells that are none of the table's values.
    """
    header, columns = read_cells(path, SILENT, None)
    header = [cell.casefold() for cell in header]

    def column(spellings: Iterable[str]) -> list[str]:
        wanted = list(dict.fromkeys(spelling.casefold() for spelling in spellings))
        places = [place for place, cell in enumerate(header) if cell in wanted]
        if len(places) != 1:
            seen = "is there twice" if places else "is missing"
            raise InputError(
                f"{path.name}:1: the column {next(iter(spellings))!r} {seen}; nothing was added"
            )
        return columns[places[0]]

    words = list(words)
    images = [cell.strip() for cell in column(table.image)]
    if not images:
        raise InputError(f"{path.name}: there is no image in it; nothing was added")
    readers = [cell.strip() for cell in column(table.reader)] if table.reader else None
    cells = [column([word.label, word.name, *word.synonyms]) for word in words]
    problems = Problems(path.name, len(images))
    _check_readers(readers or (), problems)
    said = [
        _states(word.label, each, table, problems) for word, each in zip(words, cells, strict=True)
    ]
    problems.refuse()
    rows = Rows(
        LabelFile(name=path.name, checksum=checksum, rows=len(images)),
        tuple(word.name for word in words),
        images,
        readers,
        list(zip(*said, strict=True)),
    )
    silent = sum(not any(states) for states in rows.states)
    return rows, [f"{path.name}: rows that say nothing: {silent:,}"] if silent else []


def read_list(path: Path, checksum: str) -> Names:
    """Return the names of a list, one a line; commas at a line's end are passed over.

    Raises `InputError` when it cannot be read, or names nothing.
    """
    names = [(line, name.rstrip(", \t")) for line, name in read_names(path)]
    return Names(LabelFile(name=path.name, checksum=checksum, rows=len(names)), names)


def _longest_end(path: Path, ends: Iterable[str]) -> str | None:
    name = _COPY.sub("", path.name.casefold().removesuffix(".gz"))
    fitting = []
    for end in ends:
        before = name.removesuffix(end.casefold())
        if before != name and not before[-1:].isalnum():
            fitting.append(end)
    return max(fitting, key=len, default=None)


def _check_readers(readers: Sequence[str], problems: Problems) -> None:
    for line, reader in enumerate(readers, 2):
        if not reader or len(reader) > _LONGEST_READER or not reader.isprintable():
            problems.add(line, f"the reader is {shown(reader)}, expected a short name")


def _states(
    label: str, cells: Sequence[str], table: LabelTable, problems: Problems
) -> list[State | None]:
    """Return the state that each cell means; each distinct cell is looked at once."""
    values = table.states()
    known = {cell: cell.strip().casefold() for cell in set(cells)}
    wrong = {cell for cell, value in known.items() if value not in values}
    if wrong:
        every = [cell for cells in table.values.values() for cell in cells]
        for line, cell in enumerate(cells, 2):
            if cell in wrong:
                problems.add(line, f"{label} is {shown(cell)}, expected one of {', '.join(every)}")
        return []
    meant = {cell: values[value] for cell, value in known.items()}
    return [meant[cell] for cell in cells]
