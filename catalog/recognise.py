"""Read a table as a release of a dataset, and tell which of its releases it is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..schemas.checksum import Checksum
from ..schemas.descriptor import AgeNotation, Descriptor, Table, Version
from ..schemas.errors import InputError, NotFoundError
from .checksums import of_file
from .metadata import Metadata, metadata_of, read_cells, read_metadata
from .patients import Patients
from .progress import Progress
from .suggest import unknown

_WRITTEN: dict[AgeNotation, str] = {"years": "58", "units": "058Y"}
_NOT_READING = {"file", "checksum", "labels", "ages", "oldest"}  # keys that do not change a reading


@dataclass(frozen=True, slots=True)
class Incoming:
    """A table that was read and found to be a release, ready to be written.

    `like` is the release whose columns it has: `version` itself, unless it was corrected. `ranks`
    has the patient of each image as `patients.Patients` reads it, `patients` is their number, and
    `file` the name of the table's file in printable letters.
    """

    version: Version
    like: str
    columns: Metadata
    ranks: bytes
    patients: int
    file: str
    checksum: str


def read(path: Path, descriptor: Descriptor, version: Version, progress: Progress) -> Incoming:
    """Read the table of a release that is known.

    Raises `InputError` when the file cannot be read, is not the one that the descriptor names, or
    does not fit what is stated there.
    """
    checksum = checked(path, version.table.checksum)
    columns = read_metadata(
        path, version.table, descriptor.vocabulary, progress, total=version.images
    )
    found = _incoming(path, checksum, version, columns)
    for reason in _misfits(found, version):
        raise InputError(f"{path}: {reason}")
    return found


def recognise(
    path: Path, descriptor: Descriptor, wanted: str | None, corrected: bool, progress: Progress
) -> Incoming:
    """Read a table that is a release of the dataset: the one that is wanted, or whichever it is.

    What a correction may change is not looked at when the table is a `corrected` one: the numbers
    of images and patients and the highest age. Raises `InputError` when it fits no release or
    another one, and names what does not fit; `NotFoundError` when the wanted one is unknown.
    """
    if path.exists() and not path.is_file():
        raise InputError(f"{path}: is not a regular file; write the table to one")
    checksum = checked(path, None)
    cells = read_cells(path, progress, None)
    versions = [_wanted(descriptor, wanted)] if wanted else descriptor.versions
    readings = _readings(path.name, cells, descriptor, versions)
    reasons: dict[str, str] = {}
    fitting: list[tuple[int, Incoming]] = []
    for version, reading in zip(versions, readings, strict=True):
        if isinstance(reading, InputError):
            reasons[version.version] = str(reading)
            continue
        found = _incoming(path, checksum, version, reading)
        misfits = list(_misfits(found, version))
        if not misfits or (corrected and _written_alike(found, version)):
            fitting.append((len(misfits), found))
        else:
            reasons[version.version] = misfits[0]
    if not fitting:
        raise InputError(_refusal(path, descriptor.slug, wanted, corrected, reasons))
    return _chosen(path, descriptor, fitting)


def checked(path: Path, expected: str | None) -> Checksum:
    """Return a file's checksum; raise `InputError` when it is not the expected one."""
    found = of_file(path)
    if expected is not None and str(found) != expected:
        raise InputError(f"{path}: is {found}, the descriptor expects {expected}; fetch it again")
    return found


def _wanted(descriptor: Descriptor, name: str) -> Version:
    try:
        return descriptor.version_of(name)
    except KeyError:
        known = [each.version for each in descriptor.versions]
        raise NotFoundError(unknown(f"release of {descriptor.slug}", name, known)) from None


def _readings(
    file: str,
    cells: tuple[list[str], list[list[str]]],
    descriptor: Descriptor,
    versions: Sequence[Version],
) -> Iterator[Metadata | InputError]:
    """Yield the table as each version reads it, or why it cannot; alike versions read it once."""
    known: dict[str, Metadata | InputError] = {}
    for version in versions:
        key = _way_of_reading(version.table)
        if key not in known:
            try:
                known[key] = metadata_of(file, *cells, version.table, descriptor.vocabulary)
            except InputError as error:
                known[key] = error
        yield known[key]


def _way_of_reading(table: Table) -> str:
    return table.model_dump_json(exclude=_NOT_READING)


def _incoming(path: Path, checksum: Checksum, version: Version, columns: Metadata) -> Incoming:
    ranks, patients = Patients.dump(columns.patients)
    file = "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode()
        for letter in path.name
    )
    return Incoming(version, version.version, columns, ranks, patients, file, str(checksum))


def _misfits(found: Incoming, version: Version) -> Iterator[str]:
    """Yield what the table has otherwise than the descriptor states."""
    for counted, stated, what in (
        (len(found.columns), version.images, "images"),
        (found.patients, version.patients, "patients"),
    ):
        if stated not in (None, counted):
            yield f"has {counted} {what}, the descriptor states {stated}"
    table = version.table
    if table.ages is not None and not _written_alike(found, version):
        yield f"ages are not written as the descriptor states ({_WRITTEN[table.ages]})"
    oldest = max((age for age in found.columns.ages if age is not None), default=None)
    if table.oldest not in (None, oldest):
        yield f"the highest age is {oldest}, the descriptor states {table.oldest}"


def _written_alike(found: Incoming, version: Version) -> bool:
    return version.table.ages in (None, found.columns.ages_written)


def _refusal(
    path: Path, slug: str, wanted: str | None, corrected: bool, reasons: dict[str, str]
) -> str:
    """Return the line that says why a table is not the release, or none of them."""
    if len(set(reasons.values())) == 1:
        reason = next(iter(reasons.values()))
        if reason.startswith(f"{path.name}:"):  # it names a line of the file
            return reason
        what = f"is not {slug}@{wanted}" if wanted else f"fits no release of {slug}"
        line = f"{path}: {what}: {reason}"
    else:
        listed = "; ".join(f"not {name}: {reason}" for name, reason in reasons.items())
        line = f"{path}: fits no release of {slug} ({listed})"
    return line if corrected else f"{line}; a corrected table comes in with --as"


def _chosen(
    path: Path, descriptor: Descriptor, fitting: Sequence[tuple[int, Incoming]]
) -> Incoming:
    """Return the release with the fewest misfits; among several that do not fit, the default."""
    fewest = min(misfits for misfits, _ in fitting)
    among = {found.version.version: found for misfits, found in fitting if misfits == fewest}
    if fewest and descriptor.default_version in among:
        return among[descriptor.default_version]
    if len(among) > 1:
        names = " and ".join(f"{descriptor.slug}@{name}" for name in among)
        raise InputError(f"{path}: fits {names}; say which of them it is")
    return next(iter(among.values()))
