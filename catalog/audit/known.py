"""What the catalog knows that an audit asks for: images by name and checksum, tables, exports."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import TYPE_CHECKING

import sqlalchemy as sa
import xxhash
from pyroaring import BitMap
from sqlmodel import Session, col, select

from ...schemas.descriptor import Descriptor
from ...schemas.tables import (
    Dataset,
    Export,
    Image,
    Project,
    Replica,
    Subset,
    Use,
    Withdrawal,
    key_of,
)
from ..bitmaps import dump, load, ordinals
from ..datasets import full_descriptor
from ..images import ordinals_of
from ..index import DatasetIndex

if TYPE_CHECKING:
    from ..patients import Patients

_IMAGES: sa.Table = Image.__table__  # type: ignore[attr-defined]
_REPLICAS: sa.Table = Replica.__table__  # type: ignore[attr-defined]

_CELL = re.compile(r'[^,\t;|"]+')
_FEWEST = 3  # findings in a header, from which on it is a label set's


def pack(members: BitMap) -> str:
    """Return a bitmap as text."""
    return base64.b64encode(dump(members)).decode()


def stem_of(name: str) -> str:
    """Return the part of a file's name by which images are known."""
    return name.rpartition(".")[0] or name


def unpack(text: str | None) -> BitMap:
    """Return a bitmap from its text; None is empty."""
    return load(base64.b64decode(text)) if text else BitMap()


@dataclass(frozen=True, slots=True)
class Release:
    """A release of a dataset, and how it is named in results: ``slug@version``."""

    row: Dataset
    descriptor: Descriptor

    @property
    def name(self) -> str:
        """The release as people name it."""
        return f"{self.row.slug}@{self.row.version}"


@dataclass(frozen=True, slots=True)
class Marks:
    """The words by which the header of a copied table is told."""

    dataset: str
    what: str
    duties: tuple[str, ...]
    all_of: frozenset[str]
    some_of: frozenset[str] = frozenset()


class Known:
    """What the catalog knows, read when it is first asked for, in one session."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self._patients: dict[int, Patients] = {}
        rows = session.exec(select(Dataset).order_by(col(Dataset.id))).all()
        self.releases = [Release(row, full_descriptor(session, row)) for row in rows]

    def reopen(self) -> None:
        """Ask through a connection of this process's own from now on, as a fork of it must.

        What was read already stays; the connection of the process before is left to it.
        """
        engine = self.session.get_bind()
        assert isinstance(engine, sa.Engine)  # noqa: S101 - for the type checker
        engine.dispose(close=False)
        self.session = Session(engine)

    @property
    def defaults(self) -> list[Release]:
        """The default release of each dataset."""
        return [each for each in self.releases if each.row.is_default]

    @cached_property
    def state(self) -> str:
        """What facts about projects depend on; they are gathered again when it changes."""
        digest = xxhash.xxh3_128()
        for each in self.releases:
            digest.update(f"{each.name}\0{each.row.names_checksum}\0".encode())
            digest.update(each.descriptor.model_dump_json().encode())
        query = sa.select(sa.func.count(), sa.func.max(_REPLICAS.c.at))
        digest.update(repr(self.session.execute(query).one()).encode())
        return digest.hexdigest()

    def place_of(self, stem: str) -> tuple[int, int] | None:
        """Return the release's place and the ordinal of the image that a name's stem stands for.

        The names are read when one is asked for that lies between the first and the last of them:
        few projects that hold other pictures have such.
        """
        # A name is its stem and a suffix that begins with a dot, which comes before a slash.
        after = f"{stem}/"
        if not any(first < after and stem <= last for first, last in self._bounds):
            return None
        return self._names.get(stem)

    @cached_property
    def _bounds(self) -> list[tuple[str, str]]:
        """The first and the last name of each default release: an ordinal is a rank by name."""
        return [
            (self.name_of(each, 0), self.name_of(each, each.row.images - 1))
            for each in self.defaults
            if each.row.images
        ]

    @cached_property
    def _names(self) -> dict[str, tuple[int, int]]:
        found: dict[str, tuple[int, int]] = {}
        for place, each in enumerate(self.releases):
            if not each.row.is_default:
                continue
            query = sa.select(_IMAGES.c.name, _IMAGES.c.ordinal)
            for name, ordinal in self.session.execute(
                query.where(_IMAGES.c.dataset_id == each.row.id)
            ):
                found[stem_of(name)] = (place, ordinal)
        return found

    @cached_property
    def sizes(self) -> frozenset[int]:
        """The sizes of images whose checksum is on record, in bytes."""
        query = sa.select(_REPLICAS.c.size).where(_REPLICAS.c.checksum.is_not(None)).distinct()
        return frozenset(size for (size,) in self.session.execute(query) if size)

    def by_checksum(self, checksums: Iterable[str]) -> dict[str, tuple[str, int]]:
        """Return the release and the ordinal of images by their bytes' checksum."""
        names = {each.row.id: each.name for each in self.releases}
        found: dict[str, tuple[str, int]] = {}
        every = sorted(set(checksums))
        for start in range(0, len(every), 500):
            query = sa.select(_REPLICAS.c.checksum, _REPLICAS.c.dataset_id, _REPLICAS.c.ordinal)
            some = query.where(_REPLICAS.c.checksum.in_(every[start : start + 500]))
            for checksum, dataset, ordinal in self.session.execute(some):
                found.setdefault(checksum, (names[dataset], ordinal))
        return found

    def release(self, name: str) -> Release | None:
        """Return a release by ``slug@version``, or the default one by its slug."""
        for each in self.releases:
            if each.name == name or (each.row.slug == name and each.row.is_default):
                return each
        return None

    def ordinals(self, release: Release, names: Sequence[str]) -> BitMap:
        """Return the ordinals of images by name; a name that is none of the release's is no image.

        People add rows of their own to the table of an export, which then still has the others.
        """
        return ordinals_of(self.session, release.row, names)[0]

    @cached_property
    def tables(self) -> list[Marks]:
        """What the headers of the datasets' tables hold."""
        return list(dict.fromkeys(mark for each in self.defaults for mark in _marks(each)))

    def table_of(self, header: str) -> Marks | None:
        """Return which table a header belongs to: of two, the one of which it has more words."""
        cells = _set(_CELL.findall(header))
        best: tuple[int, Marks] | None = None
        for marks in self.tables:
            some = len(cells & marks.some_of)
            if not marks.all_of <= cells or (marks.some_of and some < _FEWEST):
                continue
            if best is None or some + len(marks.all_of) > best[0]:
                best = (some + len(marks.all_of), marks)
        return best and best[1]

    def export(self, id_: str) -> Export | None:
        """Return an export that the catalog recorded; what is no id of one is not asked for."""
        return self.session.get(Export, id_) if id_.isprintable() else None

    @cached_property
    def exports(self) -> Sequence[Export]:
        """Every export that stands or stood."""
        return self.session.exec(select(Export).where(Export.state == "published")).all()

    def members_of(self, export: Export) -> tuple[int, BitMap]:
        """Return the release's key and the members of an export."""
        subset = self.session.get_one(Subset, export.subset_id)
        return subset.dataset_id, load(subset.members)

    @cached_property
    def used(self) -> frozenset[str]:
        """The exports of which a use is on record."""
        return frozenset(each for each in self.session.exec(select(Use.export_id)) if each)

    def used_in(self, root: str) -> frozenset[int]:
        """Return the versions of subsets that the project in a folder is on record to use."""
        query = select(Use.subset_id).join(Project, col(Project.id) == Use.project_id)
        return frozenset(self.session.exec(query.where(Project.path == root)))

    @cached_property
    def withdrawn(self) -> Mapping[int, Mapping[str, BitMap]]:
        """The withdrawn images, by release and reason."""
        found: dict[int, dict[str, BitMap]] = {}
        for row in self.session.exec(select(Withdrawal).order_by(col(Withdrawal.ordinal))):
            reasons = found.setdefault(row.dataset_id, {})
            reasons.setdefault(row.reason, BitMap()).add(row.ordinal)
        return found

    def patients(self, release: Release, members: BitMap) -> BitMap:
        """Return the ranks of the patients of images."""
        key = key_of(release.row)
        if key not in self._patients:
            self._patients[key] = DatasetIndex(self.session, release.row).patients
        return BitMap(self._patients[key].ranks[ordinals(members)])

    def name_of(self, release: Release, ordinal: int) -> str:
        """Return the name of an image."""
        query = select(Image.name).where(
            Image.dataset_id == release.row.id, Image.ordinal == ordinal
        )
        return self.session.exec(query).one()


def _set(words: Iterable[str]) -> frozenset[str]:
    return frozenset(" ".join(word.split()).casefold() for word in words)


def _marks(release: Release) -> Iterator[Marks]:
    descriptor, slug = release.descriptor, release.row.slug
    for version in descriptor.versions:
        columns = version.table.columns
        for name, findings in product(columns.name, columns.findings):
            yield Marks(slug, "its metadata", (), _set([name, findings]))
    for boxes in descriptor.boxes:
        words = _set([boxes.name, boxes.finding, boxes.first_coordinate])
        yield Marks(slug, boxes.title, tuple(boxes.owes), words)
    for labels in descriptor.label_sets:
        words = _set([word.label for word in descriptor.words_of(labels.slug)])
        for name in (name for table in labels.tables for name in table.image):
            yield Marks(slug, labels.title, tuple(labels.owes), _set([name]), words)
