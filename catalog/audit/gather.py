"""Gather the facts of a project: exports, images, tables, and the words of its texts."""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path

from ...schemas.checksum import Checksum
from ...schemas.errors import InputError
from ..checksums import of_file
from . import repository
from .cff import problems_of
from .evidence import Reader
from .found import MANIFEST, is_export, look
from .known import Known, stem_of
from .members import IMAGE, LISTS, Pile, in_archive, in_container, is_archive
from .model import Facts, FoundExport, FoundImages, FoundTable, Words
from .texts import LIMIT, Text, TextKind, from_bytes, kind_of, read, reads_pdf
from .walk import File, Ignore, Tree, shown

_NOTEBOOK = 32 << 20  # bytes of a notebook that are read: pictures stand inside
_HEADER = 4096  # bytes of a table that are read
_TABLES = (".csv", ".tsv", ".txt")
# A link or a pipe that took a file's place since the walk is not followed, nor waited for.
_OPEN = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")  # how spreadsheets begin what they call Unicode text
_GZIP = 31  # zlib's number for the largest window, and the head that gzip writes


def gather(known: Known, reader: Reader, root: Path, tree: Tree, full: bool) -> Facts:
    """Return what is found in a project's tree."""
    return _Gatherer(known, reader, root, full).gather(tree)


class _Gatherer:
    def __init__(self, known: Known, reader: Reader, root: Path, full: bool) -> None:
        self._known, self._reader, self._root, self._full = known, reader, root, full
        self._base = str(root)
        self._tracked: frozenset[str] | None = None
        self._asked = False

    def gather(self, tree: Tree) -> Facts:
        exports = list(self._exports(tree))
        inside = tuple(f"{each.folder}/" if each.folder else "" for each in exports)
        public = tuple(
            f"{each.folder}/" if each.folder else "" for each in exports if not each.ignored
        )
        outside: Sequence[File] = tree.files
        if inside:
            outside = [file for file in outside if not file.path.startswith(inside)]
        images = self._images(file for file in outside if kind_of(file.name) is None)
        tables = list(self._tables(outside))
        references: list[Words] = []
        evidence: list[Words] = []
        unread = [(shown(place), "cannot be looked into") for place in tree.unreadable]
        self._texts(outside, references, evidence, unread)
        references += self._named(outside)
        if public:
            papers = (file for file in tree.files if file.path.startswith(public))
            self._texts(papers, [], evidence, unread)
        return Facts(
            files=len(tree.files),
            size=sum(file.size for file in tree.files),
            exports=tuple(exports),
            images=tuple(images),
            tables=tuple(tables),
            references=tuple(references),
            evidence=tuple(evidence),
            cff=tuple(self._cff(outside)),
            unread=tuple(unread),
            repository=repository.top_of(self._root) is not None,
        )

    def _is_tracked(self, path: str) -> bool:
        if not self._asked:
            self._tracked, self._asked = repository.tracked(self._root), True
        return self._tracked is not None and path in self._tracked

    def _is_ignored(self, path: str) -> bool:
        if self._is_tracked(path):
            return False
        return self._ignore is not None and self._ignore(path)

    @cached_property
    def _ignore(self) -> Ignore | None:
        return repository.ignored(self._root)

    def _exports(self, tree: Tree) -> Iterator[FoundExport]:
        for file in tree.files:
            if file.name != MANIFEST or not is_export(self._root / file.path):
                continue
            folder = file.path.rpartition("/")[0]
            start = len(folder) + 1 if folder else 0
            inside = f"{folder}/" if folder else ""
            own = {each.path[start:]: each for each in tree.files if each.path.startswith(inside)}
            ignored = bool(folder) and self._is_ignored(file.path)  # by itself it is no part
            yield look(self._known, self._root, folder, own, self._full, ignored)

    def _images(self, files: Iterable[File]) -> list[FoundImages]:
        piles: dict[tuple[str, int], Pile] = {}
        renamed: list[File] = []
        found: list[FoundImages] = []
        for file in files:
            suffix = "." + file.name.rpartition(".")[2].lower()
            if suffix in IMAGE:
                place = self._known.place_of(stem_of(file.name))
                if place is not None:
                    folder = file.shown.rpartition("/")[0]
                    pile = piles.setdefault((folder, place[0]), Pile())
                    pile.add(place[1], file.shown, self._is_tracked(file.path))
                elif file.size in self._known.sizes:
                    renamed.append(file)
            elif is_archive(file.name):
                found += in_archive(
                    self._known, self._root / file.path, file.shown, file.size, self._full
                )
            elif suffix in LISTS:
                found += in_container(self._known, self._root / file.path, file.shown, self._full)
        for (folder, number), pile in piles.items():
            found.append(pile.found(folder, self._known.releases[number].name, "name"))
        return [*found, *self._renamed(renamed)]

    def _renamed(self, files: list[File]) -> Iterator[FoundImages]:
        """Yield images that are told by their bytes: only files of a recorded size are read."""
        checksums = {file: str(found) for file in files if (found := self._sum(file))}
        there = self._known.by_checksum(checksums.values())
        piles: dict[tuple[str, str], Pile] = {}
        for file, checksum in checksums.items():
            if checksum in there:
                dataset, ordinal = there[checksum]
                folder = file.shown.rpartition("/")[0]
                pile = piles.setdefault((folder, dataset), Pile())
                pile.add(ordinal, file.shown, self._is_tracked(file.path))
        for (folder, dataset), pile in piles.items():
            yield pile.found(folder, dataset, "checksum")

    def _sum(self, file: File) -> Checksum | None:
        with suppress(InputError):  # it may not be read, or have gone
            return of_file(self._root / file.path)
        return None

    def _tables(self, files: Iterable[File]) -> Iterator[FoundTable]:
        for file in files:
            name = file.name.lower().removesuffix(".gz")
            if not name.endswith(_TABLES):
                continue
            marks = self._known.table_of(_header(f"{self._base}/{file.path}"))
            if marks is not None:
                tracked = self._is_tracked(file.path)
                yield FoundTable(file.shown, marks.dataset, marks.what, marks.duties, tracked)

    def _texts(
        self,
        files: Iterable[File],
        references: list[Words],
        evidence: list[Words],
        unread: list[tuple[str, str]],
    ) -> None:
        for file in files:
            kind = kind_of(file.name)
            if kind is None:
                continue
            if kind is TextKind.PDF and not reads_pdf():
                unread.append((file.shown, "to read PDFs: pip install 'cxrcat[pdf]'"))
                continue
            try:
                text = self._read(file, kind)
            except PermissionError:
                unread.append((file.shown, "may not be read"))
                continue
            if text is None:
                continue
            for found in self._reader.references(text):
                owed = self._reader.owed_for(found)
                uses = found.strength == "uses"
                references.append(
                    Words(
                        found.dataset, file.shown, found.line, found.words, found.what, owed, uses
                    )
                )
            evidence += [
                Words(found.duty, file.shown, found.line, found.words, found.how)
                for found in self._reader.evidence(text)
            ]

    def _named(self, files: Iterable[File]) -> Iterator[Words]:
        """Yield what the names of folders, and of files that are texts, refer to."""
        paths: dict[str, None] = {}
        for file in files:
            folder = file.shown.rpartition("/")[0]
            paths.setdefault(folder if kind_of(file.name) is None else file.shown)
        for found in self._reader.named_after(list(paths)):
            owed, uses = self._reader.owed_for(found), found.strength == "uses"
            yield Words(found.dataset, found.path, 1, found.words, found.what, owed, uses)

    def _read(self, file: File, kind: TextKind) -> Text | None:
        """Return a text that may concern us: most files are only looked at as bytes."""
        if kind.is_packed:
            return read(self._root / file.path, kind)
        most = LIMIT if kind is not TextKind.NOTEBOOK else _NOTEBOOK
        # As many bytes as there are: a buffer for more would cost more than the reading.
        data = _beginning(f"{self._base}/{file.path}", min(most, file.size + 1))
        if data is None or not self._reader.may_concern(data):
            return None
        return from_bytes(self._root / file.path, kind, data)

    def _cff(self, files: Iterable[File]) -> Iterator[tuple[str, str]]:
        for file in files:
            if file.name == "CITATION.cff":
                for problem in problems_of(self._root / file.path):
                    yield file.shown, problem


def _header(path: str) -> str:
    """Return the first line of a table, packed or not."""
    try:
        data = _beginning(path, _HEADER) or b""
    except PermissionError:
        return ""
    if path.lower().endswith(".gz"):
        try:
            data = zlib.decompressobj(wbits=_GZIP).decompress(data, _HEADER)
        except zlib.error:
            return ""
    encoding = "utf-16" if data.startswith(_UTF_16) else "utf-8-sig"
    return data.decode(encoding, "replace").lstrip().partition("\n")[0]


def _beginning(path: str, most: int) -> bytes | None:
    """Return at most so many bytes of a file; None where it has gone, or is none any more.

    Raises `PermissionError` when it may not be read.
    """
    try:
        descriptor = os.open(path, _OPEN)
    except PermissionError:
        raise
    except OSError:
        return None
    try:
        return os.read(descriptor, most)
    except OSError:
        return None
    finally:
        os.close(descriptor)
