"""Scan places for the images of a dataset: record what is there, and compare."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from pyroaring import BitMap

from ...schemas.descriptor import Descriptor, SourceKind
from ...schemas.errors import InputError, NotFoundError, UsageError
from ...schemas.tables import Dataset
from .. import datasets, replicas
from ..cloud import SCHEME
from ..progress import Progress
from ..replicas import Known, Problem
from ..sources import Access
from ..sources.folder import file_uri
from ..store import Store
from ..suggest import unknown
from .ledger import Ledger
from .report import Changed, Differing, Noted, ScanReport, Twice

if TYPE_CHECKING:
    from ..cluster import Cluster

_log = logging.getLogger("cxrcat")

_FIRST = 3  # missing images that are named


@dataclass(frozen=True, slots=True)
class Scan:
    """What a user asks to be scanned.

    A place is a folder, a tar archive, ``gs://BUCKET/PREFIX`` or the name of a source of the
    descriptor that is in Cloud Storage. `full` reads files again that seem unchanged. `name_all`
    names every missing image, not the first few. `fingerprints` records how each image looks, and
    reads those of which that is not known. `scheduler` is the address of a Dask cluster,
    whose workers then read the files of folders.
    """

    places: Sequence[str]
    dataset: str | None = None
    full: bool = False
    access: Access = field(default_factory=Access)
    name_all: bool = False
    fingerprints: bool = False
    scheduler: str | None = None


@dataclass(frozen=True, slots=True)
class _Places:
    """The places by their kinds: absolute paths, and URIs in Cloud Storage."""

    folders: list[str] = field(default_factory=list)
    archives: list[str] = field(default_factory=list)
    buckets: list[str] = field(default_factory=list)


def scan(store: Store, by: str, wanted: Scan, progress: Progress) -> ScanReport:
    """Record where images are, and say what is missing or wrong; nothing is ever deleted.

    Files are recorded a thousand at a time, archives and listings whole, so that a scan that breaks
    off loses little. Raises `InputError` for a place that cannot be read, `UsageError` for one that
    is none, and `SourceError` when a store fails.
    """
    with store.reading() as session:
        dataset = datasets.find(session, wanted.dataset)
        descriptor = datasets.descriptor_of(dataset)
        session.expunge(dataset)
    places = _sorted_out(wanted.places, descriptor)
    pixels = (descriptor.images.width, descriptor.images.height)
    prefixes = []
    if places.buckets:
        from .buckets import Prefix, scan_bucket

        prefixes = [Prefix(uri, descriptor.sources, wanted.access) for uri in places.buckets]
    beginnings = [
        *(file_uri(folder).rstrip("/") + "/" for folder in places.folders),
        *(f"{file_uri(archive)}#" for archive in places.archives),
        *(prefix.uri for prefix in prefixes),
    ]
    ledger = Ledger(store, dataset, by, beginnings)
    if wanted.fingerprints:
        ledger.want_fingerprints(pixels)
    with _cluster(wanted, places) as cluster:
        if places.folders:
            from .folders import scan_folders

            scan_folders(ledger, places.folders, pixels, wanted.full, progress, cluster)
    for archive in places.archives:
        from .archives import scan_archive, source_of

        source = source_of(archive, descriptor.sources)
        scan_archive(ledger, archive, source, pixels, wanted.full, progress)
    for prefix in prefixes:
        scan_bucket(ledger, prefix, progress)
    ledger.mark_gone(map(Known._make, ledger.known.values()))
    ledger.commit()
    return _report(store, dataset, wanted, ledger)


def _cluster(wanted: Scan, places: _Places) -> AbstractContextManager[Cluster | None]:
    if wanted.scheduler is None:
        return nullcontext()
    from ..cluster import connect
    from ..scheduler import check_address

    check_address(wanted.scheduler)
    for place in (*places.archives, *places.buckets):
        _log.warning("%s: this machine scans it; a cluster reads folders alone", place)
    return connect(wanted.scheduler) if places.folders else nullcontext()


def _sorted_out(texts: Iterable[str], descriptor: Descriptor) -> _Places:
    places = _Places()
    sources = {each.slug: each for each in descriptor.sources}
    for text in dict.fromkeys(texts):
        path = Path(text).absolute()
        if ".." in path.parts:
            path = path.resolve()
        if text.startswith(SCHEME):
            places.buckets.append(text)
        elif path.is_dir():
            places.folders.append(str(path))
        elif path.is_file():
            places.archives.append(str(path))
        elif text in sources and sources[text].kind is SourceKind.GCS:
            places.buckets.append(sources[text].uri.partition("{")[0])
        elif text in sources:
            raise UsageError(f"{text}: cannot be scanned; name a folder, an archive or a bucket")
        elif "/" in text or path.exists():
            raise InputError(f"{text}: there is no such folder or archive")
        else:
            what = unknown("source", text, sources)
            raise NotFoundError(f"{text}: there is no such folder or archive ({what})")
    return places


def _report(store: Store, dataset: Dataset, wanted: Scan, ledger: Ledger) -> ScanReport:
    found = ledger.ordinals
    missing = BitMap(range(dataset.images)) - found
    with store.reading() as session:
        differing = replicas.differing(session, dataset)
    differing = {ordinal: every for ordinal, every in differing.items() if ordinal in found}
    images = BitMap(differing)
    images |= BitMap(_image(key) for key in ledger.twice)
    images |= BitMap(ordinal for ordinal, *_ in ledger.problems if ordinal is not None)
    images |= BitMap(ordinal for ordinal, *_ in ledger.changed)
    images |= BitMap(row.ordinal for row in ledger.gone)
    names = dict(zip(images, ledger.names_of(images), strict=True))
    noted = [
        Noted(None if ordinal is None else names[ordinal], uri, problem)
        for ordinal, uri, problem in sorted(ledger.problems, key=lambda each: each[1])
    ]
    return ScanReport(
        dataset=f"{dataset.slug}@{dataset.version}",
        places=tuple(wanted.places),
        images=dataset.images,
        found=len(found),
        files=ledger.new + ledger.unchanged + len(ledger.changed),
        new=ledger.new,
        unchanged=ledger.unchanged,
        read=ledger.read,
        size=ledger.size,
        fingerprints=ledger.fingerprinted,
        changed=tuple(
            Changed(names[ordinal], uri, was, now, mended)
            for ordinal, uri, was, now, mended in sorted(ledger.changed)
        ),
        damaged=tuple(each for each in noted if not each.problem.startswith(Problem.SIZE)),
        resized=tuple(each for each in noted if each.problem.startswith(Problem.SIZE)),
        differing=tuple(
            Differing(names[ordinal], tuple((each.uri, _words(each)) for each in every))
            for ordinal, every in differing.items()
        ),
        twice=tuple(
            Twice(names[_image(key)], tuple(uris))
            for key, uris in sorted(ledger.twice.items(), key=lambda each: _image(each[0]))
        ),
        gone=tuple(
            Noted(names[row.ordinal], row.uri, Problem.GONE.value)
            for row in sorted(ledger.gone, key=lambda row: row.uri)
        ),
        strangers=tuple(sorted(ledger.strangers)),
        missing=len(missing),
        missing_names=tuple(
            ledger.names_of(missing if wanted.name_all else BitMap(islice(missing, _FIRST)))
        ),
    )


def _image(key: int) -> int:
    """Return the image of a key of `Ledger.uris`."""
    return ~key if key < 0 else key


def _words(replica: Known) -> str:
    """Return what is known of a replica's bytes."""
    return replica.checksum or replica.stored or f"{replica.size} bytes"
