"""Which slice is meant: an export by its folder or id, or a version of a subset."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlmodel import Session, col, select

from ..schemas.errors import InputError, NotFoundError, UsageError
from ..schemas.tables import Dataset, Export, Subset
from . import exports, subsets
from .datasets import descriptor_of

if TYPE_CHECKING:
    from ..schemas.manifest import Provenance

_UUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")
_START = re.compile(r"[0-9a-f][0-9a-f-]{5,35}")


@dataclass(frozen=True, slots=True)
class Slice:
    """A version of a subset, and the export that was used, if it was one."""

    dataset: Dataset
    subset: Subset
    export: Export | None

    @property
    def name(self) -> str:
        """The subset's release, name and version, as `subsets.get` reads them."""
        release = f"{self.dataset.slug}@{self.dataset.version}"
        return f"{release}/{self.subset.name}@{self.subset.version}"


@dataclass(frozen=True, slots=True)
class SliceFacts:
    """What other systems are told of a slice; `folder` is where its export is, on `host`."""

    dataset: str
    dataset_version: str
    homepage: str
    subset: str
    version: int
    query: str
    digest: str
    images: int
    patients: int
    export: str | None = None
    folder: str | None = None
    host: str | None = None

    @classmethod
    def of(cls, found: Slice) -> SliceFacts:
        """Return what the catalog knows of a slice."""
        export = found.export
        return cls(
            dataset=found.dataset.slug,
            dataset_version=found.dataset.version,
            homepage=descriptor_of(found.dataset).homepage,
            subset=found.subset.name,
            version=found.subset.version,
            query=found.subset.query,
            digest=found.subset.digest,
            images=found.subset.images,
            patients=found.subset.patients,
            export=export.id if export else None,
            folder=export.destination if export else None,
            host=export.host if export else None,
        )

    @classmethod
    def of_manifest(cls, manifest: Provenance, folder: str, host: str) -> SliceFacts:
        """Return what the manifest of an export in a folder says."""
        return cls(
            dataset=manifest.dataset.slug,
            dataset_version=manifest.dataset.version,
            homepage=manifest.dataset.homepage,
            subset=manifest.subset.name,
            version=manifest.subset.version,
            query=manifest.subset.query,
            digest=manifest.subset.digest,
            images=manifest.subset.images,
            patients=manifest.subset.patients,
            export=manifest.export.id,
            folder=folder,
            host=host,
        )


def export_id(text: str) -> str:
    """Return the id of an export that is named by its folder, wherever that is now, or by its id.

    Raises `InputError` for a folder that is no export.
    """
    if _UUID.fullmatch(text) or not Path(text).is_dir():
        return text
    from .verify import read_manifest

    found = read_manifest(Path(text)).export.id
    if not _UUID.fullmatch(found):
        raise InputError(f"{text}: its provenance.json has no id of an export")
    return found


def find(
    session: Session, export: str | None, subset: str | None, before: datetime | None = None
) -> Slice:
    """Return the slice of an export's id, its beginning or its place in a bucket, or of a subset.

    A subset without a version means its newest one, or the one that was newest at `before`; one
    that every catalog has from the start was always there.
    Raises `UsageError` unless one of both is named, and `NotFoundError` for what is not there.
    """
    if (export is None) == (subset is None):
        raise UsageError("name the slice: --export ID, or --subset NAME")
    if export is not None:
        row = _export(session, export)
        version = session.get_one(Subset, row.subset_id)
        return Slice(session.get_one(Dataset, version.dataset_id), version, row)
    version = subsets.get(session, str(subset))
    if before is not None and "@" not in str(subset).rpartition("/")[2]:
        version = _at(session, version, before)
    return Slice(session.get_one(Dataset, version.dataset_id), version, None)


def _at(session: Session, newest: Subset, before: datetime) -> Subset:
    query = select(Subset).where(
        Subset.dataset_id == newest.dataset_id,
        Subset.name == newest.name,
        sa.or_(col(Subset.at) <= before, sa.and_(col(Subset.built_in), col(Subset.version) == 1)),
    )
    row = session.exec(query.order_by(col(Subset.version).desc()).limit(1)).first()
    if row is None:
        moment = before.isoformat(timespec="seconds")
        raise NotFoundError(f"the subset {newest.name!r} was not there yet at {moment}")
    return row


def _export(session: Session, text: str) -> Export:
    rows = []
    if _START.fullmatch(text):
        query = select(Export).where(col(Export.id).startswith(text, autoescape=True))
        rows = list(session.exec(query.limit(2)))
    elif text.startswith("gs://"):
        query = select(Export).where(Export.destination == text.rstrip("/"))
        rows = list(session.exec(query.order_by(col(Export.at).desc()).limit(1)))
    if not rows:
        raise NotFoundError(
            f"unknown export {text[:80]!r}; 'cxrcat exports --json' lists the ids, and the folder "
            "of an export that this catalog made does as well"
        )
    if len(rows) > 1:
        raise NotFoundError(f"more than one export begins with {text!r}; write more of its id")
    if rows[0].state == exports.ABANDONED:
        raise UsageError(f"the export {rows[0].id} was abandoned: nothing of it could be used")
    return rows[0]
