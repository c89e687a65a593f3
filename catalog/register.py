"""Take somebody else's export into this catalog, so that whatever comes after goes on from it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pyroaring import BitMap
from sqlmodel import Session

from ..schemas.errors import CheckFailedError, InputError, UsageError
from ..schemas.manifest import Provenance, VersionFacts
from ..schemas.tables import Dataset, Export, Subset, key_of
from . import datasets, events, exports, replicas, subsets
from .bitmaps import digest, dump
from .checksums import names_checksum
from .create import Answer
from .duties import gather
from .export.transfer import ImageMode
from .images import ordinals_of
from .lineage import used
from .progress import SILENT, Progress
from .rebuild import Again, Asker, key
from .recipe import equal_version
from .replicas import Seen
from .reproduce import ask_all, release
from .sources.folder import file_uri
from .store import Store
from .told import MANIFEST, TABLE, Told, of_manifest, read_table
from .verify import Verified, read_checksums, verify

_CHECKSUMS = "checksums.xxh128"


@dataclass(frozen=True, slots=True)
class Registered:
    """What came into the catalog: `versions` has the subsets there and here, ``name@version``.

    `made` are those of them that were not here before; `already` tells that all was.
    """

    export: str
    subset: str
    dataset: str
    versions: dict[str, str]
    made: tuple[str, ...]
    replicas: int
    already: bool


@dataclass(frozen=True, slots=True)
class _Arrived:
    """An export that was read and found whole."""

    folder: Path
    manifest: Provenance
    told: Told
    checksum: str
    table: dict[str, list[str]]
    files: dict[str, str]


def register(store: Store, folder: Path, by: str, progress: Progress = SILENT) -> Registered:
    """Verify an export of another catalog, and record it with its lineage; all or nothing.

    Raises `CheckFailedError` when it is not whole or says what is not so, `UsageError` when this
    catalog lacks what it needs, and `InputError` for what is no export.
    """
    arrived = _read(folder, progress)
    with store.writing() as session:
        return _record(session, arrived, by)


def _read(folder: Path, progress: Progress) -> _Arrived:
    found = verify(folder, progress)
    checksum = _check_whole(folder, found)
    manifest = found.manifest
    listed = read_checksums(folder / _CHECKSUMS)
    if manifest is None or TABLE not in listed:
        raise CheckFailedError(f"{folder}: its list of checksums has no {MANIFEST} or no {TABLE}")
    facts = manifest.export
    for word in (facts.id, facts.by, facts.host, *(each.by or "" for each in facts.arrivals)):
        if not word.isprintable() or len(word) > 300:
            raise InputError(f"{folder / MANIFEST}: export: has a name that cannot be printed")
    if facts.project is not None:
        exports.check_project(facts.project)
    table = read_table(folder / TABLE)
    if names_checksum(table["name"]) != manifest.subset.names:
        raise CheckFailedError(f"{folder / TABLE}: names other images than {MANIFEST} says")
    told = of_manifest(manifest, str(folder / MANIFEST), {manifest.subset.reference: table["name"]})
    files = {path: str(checksum) for path, checksum in listed.items()}
    return _Arrived(folder.absolute(), manifest, told, checksum, table, files)


def _check_whole(folder: Path, found: Verified) -> str:
    """Return the checksum of its list of checksums; raise `CheckFailedError` when it is broken."""
    for what in ("changed", "missing", "extra"):
        paths = getattr(found, what)
        if paths:
            raise CheckFailedError(
                f"{folder}: is not whole, so nothing was registered: {len(paths):,} {what}, "
                f"{paths[0][:80]!r} first; 'cxrcat verify {folder}' says all"
            )
    if found.checksum is None:
        raise CheckFailedError(f"{folder}: has no list of checksums, so nothing was registered")
    return found.checksum


def _record(session: Session, arrived: _Arrived, by: str) -> Registered:
    told, manifest = arrived.told, arrived.manifest
    dataset, problems = release(session, told)
    if dataset is None or dataset.names_checksum != told.dataset.names_checksum:
        raise UsageError(f"{arrived.folder}: nothing was registered: {problems[0]}")
    members = _members(session, dataset, arrived)
    known = session.get(Export, manifest.export.id)
    if known is not None:
        return _again(session, dataset, arrived, known)
    made: list[str] = []
    index = Again(session, dataset, withdrawals=False)
    asker = Asker(session, dataset, index, by)
    row: Subset | None = None
    for version, there in _images(session, dataset, told, members):
        # The catalog asks what it holds again when images are withdrawn: so it must be able to.
        answer = asker.answer(version, there, told.funnel if version is told.subset else None)
        row = _version(session, dataset, arrived, version, answer, there)
        if row.id is None:
            session.add(row)
            session.flush()
            if version is told.subset:
                _keep_duties(session, dataset, arrived, row)
            made.append(f"{row.name}@{row.version}")
            events.record(
                session,
                by,
                "subset.registered",
                made[-1],
                recorded_as=version.reference,
                export=manifest.export.id,
                digest=row.digest,
            )
        asker.numbers[key(version)] = row.name, row.version
        index.answers[row.name, row.version] = there
    if row is None:
        raise InputError(f"{told.where}: has no subset")
    versions = {f"{a}@{b}": f"{c}@{d}" for (a, b), (c, d) in asker.numbers.items()}
    _export(session, arrived, row, by, versions)
    seen = list(_seen(arrived, members))
    replicas.record(session, dataset, "folder", seen)
    return Registered(
        manifest.export.id,
        f"{row.name}@{row.version}",
        f"{dataset.slug}@{dataset.version}",
        versions,
        tuple(made),
        len(seen),
        already=False,
    )


def _again(session: Session, dataset: Dataset, arrived: _Arrived, known: Export) -> Registered:
    if known.checksum != arrived.checksum:
        raise CheckFailedError(
            f"{arrived.folder}: the catalog knows the export {known.id} with other checksums; "
            "one of the two was changed"
        )
    row = session.get_one(Subset, known.subset_id)
    name = f"{row.name}@{row.version}"
    release_name = f"{dataset.slug}@{dataset.version}"
    versions = {arrived.told.subset.reference: name}
    return Registered(known.id, name, release_name, versions, (), 0, already=True)


def _members(session: Session, dataset: Dataset, arrived: _Arrived) -> BitMap:
    """Return the images that the table names; they must give the digest that was recorded."""
    names, subset = arrived.table["name"], arrived.manifest.subset
    found, unknown = ordinals_of(session, dataset, names)
    where = arrived.folder / TABLE
    if unknown:
        raise CheckFailedError(f"{where}: {unknown[0][:80]!r} is no image of the release here")
    if len(found) != len(names) or str(digest(found)) != subset.digest:
        raise CheckFailedError(f"{where}: its images do not give the digest {subset.digest}")
    if len(found) != subset.images or _patients(session, dataset, found) != subset.patients:
        raise CheckFailedError(f"{where}: has other numbers of images or patients than {MANIFEST}")
    return found


def _patients(session: Session, dataset: Dataset, members: BitMap) -> int:
    return Again(session, dataset, False).patients.count(members)


def _images(
    session: Session, dataset: Dataset, told: Told, members: BitMap
) -> Iterator[tuple[VersionFacts, BitMap]]:
    """Yield each version with the images that it had there.

    Those of an ancestor are not in the export: they are those of its question, asked again, or
    those of a version here with its digest.
    """
    for asked in ask_all(session, dataset, told):
        version, there = asked.version, asked.there
        if version is told.subset:
            there = members
        elif asked.answer is not None and asked.answer.digest == version.digest:
            there = asked.answer.members
        if there is None or str(digest(there)) != version.digest:
            reason = asked.problem or "its question has another answer here"
            raise UsageError(f"{told.where}: nothing was registered: {version.reference}: {reason}")
        yield version, there


def _version(
    session: Session,
    dataset: Dataset,
    arrived: _Arrived,
    version: VersionFacts,
    answer: Answer,
    members: BitMap,
) -> Subset:
    """Return the version as it is here, or one that is to be added."""
    known = equal_version(
        session, dataset, version.name, answer.normal, answer.steps, version.digest
    )
    is_subset = version is arrived.told.subset
    if known is not None and not (is_subset and _missing(session, dataset, arrived, known)):
        return known
    newest = subsets.latest(session, dataset, version.name)
    there = {each.name: each for each in arrived.manifest.export.arrivals if each.kind == "subset"}
    arrival = there.get(version.reference)
    pins = {(str(each.kind), each.name): each.checksum for each in version.reads if each.checksum}
    reads = []
    for read in answer.reads:
        pin = pins.get((read["kind"], read["name"]))
        reads.append({**read, "checksum": pin} if pin else read)
    funnel = answer.funnel
    if is_subset and answer.digest != version.digest:  # images had been withdrawn there, say
        funnel = [each.model_dump() for each in arrived.told.funnel]
    return Subset(
        dataset_id=key_of(dataset),
        name=version.name,
        version=newest.version + 1 if newest else 1,
        query=version.query,
        normal=answer.normal,
        operation=version.operation,
        steps=answer.steps,
        reads=reads,
        funnel=funnel,
        images=len(members),
        patients=_patients(session, dataset, members),
        digest=version.digest,
        members=dump(members),
        note=arrived.told.note if is_subset else None,
        built_in=False,
        by=(arrival.by if arrival else None) or arrived.manifest.export.by,
        at=_moment(arrival.at if arrival else arrived.manifest.export.at),
    )


def _moment(at: datetime) -> datetime:
    return at.astimezone(UTC)


def _missing(session: Session, dataset: Dataset, arrived: _Arrived, row: Subset) -> list[str]:
    """Return the duties of the export that a version here does not owe."""
    descriptor = datasets.full_descriptor(session, dataset)
    owed = gather(descriptor, used(session, descriptor, dataset, row))
    here = {duty.id for duty in owed.duties}
    return [duty.id for duty in arrived.manifest.duties if duty.id not in here]


def _keep_duties(session: Session, dataset: Dataset, arrived: _Arrived, row: Subset) -> None:
    """Let a version owe all that the export owes; raise `UsageError` where it cannot.

    What is owed to the source of the export's images is not a question's: it is recorded that the
    version reads that source, so that those duties follow whatever is made from it.
    """
    descriptor = datasets.full_descriptor(session, dataset)
    known = {duty.id for duty in descriptor.duties}
    works = {work.id for work in descriptor.citations}
    lacking = [f"the duty {duty.id!r}" for duty in arrived.manifest.duties if duty.id not in known]
    lacking += [
        f"the citation {work.id!r}" for work in arrived.manifest.citations if work.id not in works
    ]
    if lacking:
        raise UsageError(
            f"{arrived.folder}: nothing was registered, since {lacking[0]} of the export is not in "
            f"the descriptor of {dataset.slug} here and would be lost; add the label set that owes "
            "it ('cxrcat labels add'), or a newer descriptor ('cxrcat dataset add FILE.yaml')"
        )
    missing = _missing(session, dataset, arrived, row)
    for source in descriptor.sources:
        if set(source.owes) & set(missing):
            word = (
                "--images" if source.slug == arrived.manifest.images.brought_from else "--register"
            )
            row.reads = [*row.reads, {"kind": "source", "name": source.slug, "word": word}]
            session.add(row)
            session.flush()
            missing = _missing(session, dataset, arrived, row)
    if missing:
        raise UsageError(
            f"{arrived.folder}: nothing was registered, since the export owes {missing[0]!r} and "
            f"nothing that {row.name} reads here brings that duty; register it where the label "
            "sets and the descriptor are those of the export"
        )


def _export(
    session: Session, arrived: _Arrived, row: Subset, by: str, versions: dict[str, str]
) -> None:
    facts, done = arrived.manifest.export, arrived.manifest.images
    export = Export(
        id=facts.id,
        subset_id=key_of(row),
        host=facts.host,
        destination=str(arrived.folder),
        mode=done.mode,
        source=done.brought_from,
        files=done.files,
        size=done.size,
        missing=done.missing,
        checksum=arrived.checksum,
        state=exports.PUBLISHED,
        by=facts.by,
        at=_moment(facts.at),
    )
    exports.register(session, export, facts.project, by, versions)


def _seen(arrived: _Arrived, members: BitMap) -> Iterator[Seen]:
    """Yield the images of the folder, by ordinal; those that were rewritten are other bytes."""
    if arrived.manifest.images.mode == ImageMode.REWRITE.value:
        return
    # The names are in the order of the ordinals: they gave the digest, and are sorted by bytes.
    table = arrived.table
    rows = sorted(zip(table["name"], table["path"], table["size"], table["checksum"], strict=True))
    for ordinal, (name, path, size, checksum) in zip(members, rows, strict=True):
        if not path:
            continue
        if path not in arrived.files or not size.isascii() or not size.isdigit():
            raise CheckFailedError(
                f"{arrived.folder / TABLE}: {name}: {path[:80]!r} is not a file of the export"
            )
        found = arrived.files[path]
        if checksum.startswith("xxh128:") and checksum != found:
            raise CheckFailedError(
                f"{arrived.folder / TABLE}: {name}: another checksum than {_CHECKSUMS} has"
            )
        real = (arrived.folder / path).stat().st_size
        yield Seen(ordinal, file_uri(str(arrived.folder / path)), real, found)
