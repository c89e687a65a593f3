"""What a scan knows of its places, notes of them, and writes down as it goes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import Any

import sqlalchemy as sa
from pyroaring import BitMap

from ...schemas.tables import Dataset, Image
from .. import events, fingerprints, replicas
from ..images import names
from ..replicas import Known, Problem, Seen
from ..sources import file_of
from ..store import Store

_ASKED = 500  # names that one statement asks for
_IMAGE = frozenset(
    (".png", ".dcm", ".dicom", ".jpg", ".jpeg", ".tif", ".tiff", ".gif", ".bmp", ".webp")
)
_DICOM = "application/dicom"

_TABLE: sa.Table = Image.__table__  # type: ignore[attr-defined]


class Ledger:
    """The replicas that are known under some places, and what a scan finds there.

    `known` has them by URI, each a tuple as `replicas.Known` names its parts; those that were seen
    are taken out, so that the rest are gone. What is found is written down by `commit`, time and
    again, so that a scan that breaks off goes on from there.
    """

    def __init__(self, store: Store, dataset: Dataset, by: str, places: Iterable[str]) -> None:
        self._store, self._dataset, self._by = store, dataset, by
        with store.reading() as session:
            self.known = {row[0]: row for row in replicas.under(session, dataset, places)}
        self.uris: dict[int, str] = {}  # the first of each image; DICOM files under ~ordinal
        self.twice: dict[int, list[str]] = {}
        self.problems: list[tuple[int | None, str, str]] = []
        self.changed: list[tuple[int, str, str, str, bool]] = []
        self.gone: list[Known] = []
        self.strangers: list[str] = []
        self.new = self.unchanged = self.read = self.size = self.fingerprinted = 0
        self._looks: BitMap | None = None  # images of which it is known, or None: not asked
        self._prints: dict[int, bytes] = {}
        self._outdated: set[int] = set()  # images whose fingerprint is that of other bytes
        self._seen: list[tuple[str, Seen]] = []
        self._told: list[tuple[Known, str | None]] = []
        self._events: list[dict[str, Any]] = []

    @property
    def ordinals(self) -> BitMap:
        """The images that were found."""
        return BitMap({ordinal if ordinal >= 0 else ~ordinal for ordinal in self.uris})

    def want_fingerprints(self, pixels: tuple[int, int]) -> None:
        """Note that it shall be known how images of such a width and height look.

        Raises `UsageError` when what reads pictures is missing, `InputError` for too many pixels.
        """
        fingerprints.require()
        fingerprints.check_size(*pixels, self._dataset.slug)
        with self._store.reading() as session:
            self._looks = fingerprints.known(session, self._dataset)

    @property
    def looks_wanted(self) -> bool:
        """Whether it shall be known how images look."""
        return self._looks is not None

    def is_known(self, ordinal: int, problem: str | None) -> bool:
        """Tell whether nothing more of an image is wanted than what is recorded."""
        if self._looks is None or ordinal in self._looks:
            return True
        return problem is not None and problem.startswith(Problem.DAMAGED)

    def add_look(self, ordinal: int, bits: bytes, problem: str | None) -> None:
        """Note how an image looks; a file that is whole says so best."""
        if self._looks is not None and (problem is None or ordinal not in self._looks):
            self._looks.add(ordinal)
            self._prints[ordinal] = bits
            self.fingerprinted += 1

    def ordinal_of(self, file: str) -> int | None:
        """Return the image of a file's name: its own name, or that of its DICOM instance."""
        ordinal = self._every.get(file)
        return self._instances.get(file) if ordinal is None and is_dicom(file) else ordinal

    def ordinals_of(self, files: Iterable[str]) -> dict[str, int]:
        """Return the image of each file name that is one."""
        wanted = set(filter(str.isprintable, files))  # others cannot be said in SQL
        if len(wanted) <= _ASKED and not any(map(is_dicom, wanted)):
            return self._names(_TABLE.c.name.in_(wanted))
        found = {file: self.ordinal_of(file) for file in wanted}
        return {file: ordinal for file, ordinal in found.items() if ordinal is not None}

    @cached_property
    def _every(self) -> dict[str, int]:
        return self._names(sa.true())

    @cached_property
    def _instances(self) -> dict[str, int]:
        return {file_of(name, _DICOM): ordinal for name, ordinal in self._every.items()}

    def _names(self, which: sa.ColumnElement[bool]) -> dict[str, int]:
        query = sa.select(_TABLE.c.name, _TABLE.c.ordinal)
        query = query.where(_TABLE.c.dataset_id == self._dataset.id, which)
        with self._store.reading() as session:
            return {row[0]: row[1] for row in session.connection().execute(query)}

    def names_of(self, images: BitMap) -> Iterator[str]:
        """Yield the names of images, in order."""
        with self._store.reading() as session:
            yield from names(session, self._dataset, images)

    def found(self, ordinal: int, uri: str) -> None:
        """Note that an image has a file here."""
        key = ~ordinal if ".dcm" in uri and _is_dicom_uri(uri) else ordinal
        first = self.uris.setdefault(key, uri)
        if first is not uri:
            self.twice.setdefault(key, [first]).append(uri)

    def take(self, uri: str) -> Known | None:
        """Return what is recorded of a place, and note that it was seen."""
        row = self.known.pop(uri, None)
        return None if row is None else Known._make(row)

    def keep(self, rows: Sequence[tuple[Any, ...]]) -> None:
        """Note that files are as they were recorded, also those that were away for a while."""
        self.unchanged += len(rows)
        for row in rows:
            self.found(row[5], row[0])
            if row[4] is not None:
                self._keep_problem(Known._make(row))

    def _keep_problem(self, row: Known) -> None:
        problem = _without_gone(row.problem)
        if problem != row.problem:
            self._tell(row, problem)
        if problem:
            self.problems.append((row.ordinal, row.uri, problem))

    def add(self, source: str, seen: Seen, before: Known | None) -> None:
        """Note a file as it was found now, and what was recorded there before."""
        self.found(seen.ordinal, seen.uri)
        if seen.problem:
            self.problems.append((seen.ordinal, seen.uri, seen.problem))
        if before is not None and seen.checksum is None and seen.stored is None:
            self.unchanged += 1  # unreadable now: what is known of it stays known
            self._tell(before, seen.problem)
            return
        was, now = _comparable(before, seen)
        if before is None or was is None or now is None:
            self.new += 1
        elif was == now:
            self.unchanged += 1
        else:
            mended = _without_gone(before.problem) is not None and seen.problem is None
            self.changed.append((seen.ordinal, seen.uri, was, now, mended))
            self._events.append({"uri": seen.uri, "was": was, "now": now})
            self._outdated.add(seen.ordinal)
        self._seen.append((source, seen))

    def differing(self) -> dict[str, str | None]:
        """Return the recorded checksum of each replica that has other bytes than another one."""
        with self._store.reading() as session:
            found = replicas.differing(session, self._dataset)
        return {row.uri: row.checksum for every in found.values() for row in every}

    def correct(self, source: str, seen: Seen) -> None:
        """Note that a file was misread, and how it is; nothing was changed by anybody."""
        if seen.problem:
            self.problems.append((seen.ordinal, seen.uri, seen.problem))
        self._seen.append((source, seen))

    def mark_gone(self, rows: Iterable[Known]) -> None:
        """Note that replicas are no longer where they were."""
        for row in rows:
            if not is_gone(row.problem):
                self.gone.append(row)
                self.supersede(row)

    def supersede(self, row: Known) -> None:
        """Note that other bytes are where a replica was; the caller reports them."""
        gone = Problem.GONE.value
        self._tell(row, f"{gone}; {row.problem}" if row.problem else gone)

    def commit(self, least: int = 1) -> None:
        """Write down what was noted since the last time, if it is of so many files at least."""
        if len(self._seen) + len(self._told) < least:
            return
        with self._store.writing() as session:
            for source in dict.fromkeys(source for source, _ in self._seen):
                its = (seen for other, seen in self._seen if other == source)
                replicas.record(session, self._dataset, source, its)
            replicas.set_problems(session, self._dataset, self._told)
            fingerprints.forget(session, self._dataset, self._outdated)
            fingerprints.record(session, self._dataset, self._prints)
            if self._events:
                subject = f"{self._dataset.slug}@{self._dataset.version}"
                events.record(session, self._by, "replicas.changed", subject, replicas=self._events)
        self._seen, self._told, self._events = [], [], []
        self._prints, self._outdated = {}, set()

    def _tell(self, row: Known, problem: str | None) -> None:
        self._told.append((row, problem))


def is_dicom(name: str) -> bool:
    """Tell a DICOM file by its name."""
    return name.endswith(".dcm")


def _is_dicom_uri(uri: str) -> bool:
    return uri.endswith(".dcm") or ".dcm#" in uri


def _comparable(before: Known | None, seen: Seen) -> tuple[str | None, str | None]:
    """Return a checksum of before and one of now, both by one algorithm where there are such."""
    if before is None:
        return None, None
    if before.stored and seen.stored:
        return before.stored, seen.stored
    return before.checksum, seen.checksum


def looks_like_image(name: str) -> bool:
    """Tell whether a file's name is that of some image."""
    stem, dot, suffix = name.rpartition(".")
    return bool(stem) and f"{dot}{suffix}".casefold() in _IMAGE


def is_gone(problem: str | None) -> bool:
    """Tell whether a replica was seen to be gone."""
    return problem is not None and problem.startswith(Problem.GONE)


def _without_gone(problem: str | None) -> str | None:
    """Return what was wrong with a file before it went away."""
    if problem is None or not is_gone(problem):
        return problem
    return problem.partition("; ")[2] or None
