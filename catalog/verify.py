"""Check a folder against the checksums that were written with it."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from ..schemas.checksum import Checksum
from ..schemas.errors import CheckFailedError, CxrcatError, InputError
from ..schemas.manifest import Provenance
from .checksums import of_file, of_files
from .payload import PAYLOAD, TAG_FILES, TAGS, payload_of
from .progress import SILENT, Progress
from .signing import SIGNED

if TYPE_CHECKING:
    from .cluster import Cluster
    from .keys import PublicKey

_LINES = {
    algorithm: re.compile(rf"(?P<digest>[0-9a-f]{{{digits}}})  (?P<path>[^\x00-\x1f\\]+)")
    for algorithm, digits in (("xxh128", 32), ("sha256", 64))
}
LISTED = "checksums.xxh128"
MANIFEST = "provenance.json"


class Signature(StrEnum):
    """What a check says of the signature of an export."""

    UNCHECKED = "unchecked"
    VALID = "valid"
    INVALID = "invalid"


@dataclass(frozen=True, slots=True)
class Verified:
    """What a check found: paths relative to the folder, sorted; `size` in bytes.

    `manifest` is None when it is itself among the changed or missing. `recorded` tells whether the
    list of checksums is the one that the catalog recorded; None when it does not know the export.
    `signature` is None for an export without one, and `signer` the fingerprint of the key that it
    was checked with. `checksum` is that of ``checksums.xxh128``, None when that is missing.
    """

    folder: str
    manifest: Provenance | None
    checksum: str | None
    files: int
    size: int
    changed: tuple[str, ...]
    missing: tuple[str, ...]
    extra: tuple[str, ...]
    recorded: bool | None = None
    signature: Signature | None = None
    signer: str | None = None

    @property
    def ok(self) -> bool:
        """Whether everything is as it was written."""
        found = self.changed or self.missing or self.extra
        return not (found or self.recorded is False or self.signature is Signature.INVALID)


def read_checksums(path: Path, algorithm: str = "xxh128") -> dict[str, Checksum]:
    """Return the checksum of each path in a list such as ``xxhsum -c`` reads.

    Raises `InputError` when there is no such list; see `parse_checksums`.
    """
    return parse_checksums(read_bytes(path, CheckFailedError), path, algorithm)


def parse_checksums(data: bytes, path: Path, algorithm: str = "xxh128") -> dict[str, Checksum]:
    """Return the checksum of each path in a list that was read from `path`.

    Raises `CheckFailedError`, naming the line, when it is not as cxrcat writes it, so that no byte
    of the list can change unseen, or holds a path that would lead out of the folder.
    """
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise CheckFailedError(f"{path}: was changed: byte {error.start} is not UTF-8") from error
    listed: dict[str, Checksum] = {}
    for number, line in enumerate(text.removesuffix("\n").split("\n"), 1):
        match = _LINES[algorithm].fullmatch(line)
        if match is None:
            raise CheckFailedError(f"{path}:{number}: was changed: {line[:60]!r}")
        name = match["path"]
        if name.startswith("/") or ".." in name.split("/") or name in listed:
            raise CheckFailedError(f"{path}:{number}: was changed: {name[:80]!r} is no path here")
        listed[name] = Checksum(algorithm, match["digest"])
    if write_checksums(listed) != text:
        raise CheckFailedError(f"{path}: was changed: its lines are not as they were written")
    return listed


def write_checksums(listed: dict[str, Checksum]) -> str:
    """Return the text of the list, by path."""
    return "".join(f"{listed[path].digest}  {path}\n" for path in sorted(listed))


def read_manifest(folder: Path) -> Provenance:
    """Return the manifest of an export; raise `InputError` when it has none that is whole."""
    path = payload_of(folder) / MANIFEST
    return Provenance.from_json(read_bytes(path, InputError), str(path))


def read_bytes(path: Path, wrong: type[CxrcatError]) -> bytes:
    """Return the bytes of a file; raise `wrong` for a link, which could lead out, or a pipe."""
    try:
        if not stat.S_ISREG(path.lstat().st_mode):
            raise wrong(f"{path}: is not a file, as cxrcat would write it")
        return path.read_bytes()
    except OSError as error:
        raise InputError(
            f"{path}: cannot be read: {error.strerror}; is this an export of cxrcat?"
        ) from error


def verify(
    folder: Path,
    progress: Progress = SILENT,
    signer: PublicKey | None = None,
    cluster: Cluster | None = None,
) -> Verified:
    """Read every file of an export again and compare; with `signer`, check its signature too.

    Of a bag the files around the export are checked as well. The workers of a `cluster` read the
    files of the export, where there is one.

    Raises `InputError` when the folder is not an export, and `CheckFailedError` when its list of
    checksums was itself changed, or a signature is asked for and there is none.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: there is no such folder")
    if payload_of(folder) != folder:
        return _verify_bag(folder, progress, signer, cluster)
    return _verify_export(folder, progress, signer, cluster)


def _verify_bag(
    folder: Path, progress: Progress, signer: PublicKey | None, cluster: Cluster | None
) -> Verified:
    from .bag import changed_tags

    found = _verify_export(folder / PAYLOAD, progress, signer, cluster)
    sizes = files_under(folder)
    own = {*TAG_FILES, TAGS}
    whole = not (found.changed or found.missing or found.extra)
    manifest = found.manifest if whole else None

    def inside(paths: Iterable[str]) -> Iterator[str]:
        return (f"{PAYLOAD}/{path}" for path in paths)

    changed = changed_tags(folder, sizes, manifest)
    outside = {path for path in sizes if not path.startswith(f"{PAYLOAD}/")}
    return replace(
        found,
        folder=str(folder),
        files=found.files + len(own & outside),
        size=found.size + sum(max(0, sizes[path]) for path in own & outside),
        changed=tuple(sorted({*inside(found.changed), *changed})),
        missing=tuple(sorted({*inside(found.missing), *(own - outside)})),
        extra=tuple(sorted({*inside(found.extra), *(outside - own)})),
    )


def _verify_export(
    folder: Path, progress: Progress, signer: PublicKey | None, cluster: Cluster | None
) -> Verified:
    sizes = files_under(folder)
    if signer is not None or not SIGNED.isdisjoint(sizes):
        from .signed import says_unsigned, verify_signed

        if signer is not None or not says_unsigned(folder):
            return verify_signed(folder, sizes, signer, progress, cluster)
    listed = read_checksums(folder / LISTED)
    present = [path for path in sorted(listed) if path in sizes]
    total = sum(max(0, sizes[path]) for path in present)
    regular = [path for path in present if sizes[path] >= 0]
    changed = [path for path in present if sizes[path] < 0]
    with progress.task("verifying", total, "bytes") as advance:
        paths = [f"{folder}/{path}" for path in regular]
        if cluster is None:
            found = of_files(paths)
        else:
            found = cluster.checksums(paths, [listed[path] for path in regular])
        for path, checksum in zip(regular, found, strict=True):
            if checksum != listed[path]:
                changed.append(path)
            advance(sizes[path])
    manifest = None
    if MANIFEST in present and MANIFEST not in changed:
        manifest = read_manifest(folder)
    lost = SIGNED if manifest is not None and manifest.export.signer is not None else set()
    return Verified(
        folder=str(folder),
        manifest=manifest,
        checksum=str(of_file(folder / LISTED)),
        files=len(present),
        size=total,
        changed=tuple(sorted(changed)),
        missing=tuple(sorted(set(listed) - set(sizes) | lost)),
        extra=tuple(sorted(set(sizes) - set(listed) - {LISTED})),
        signature=Signature.UNCHECKED if lost else None,
    )


def files_under(folder: Path) -> dict[str, int]:
    """Return the size of every file under a folder, by its path in it; -1 for a link or device."""
    sizes: dict[str, int] = {}
    waiting = [""]
    while waiting:
        place = waiting.pop()
        try:
            with os.scandir(folder / place) as entries:
                for entry in entries:
                    path = f"{place}{entry.name}"
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(f"{path}/")
                    else:
                        status = entry.stat(follow_symlinks=False)
                        sizes[path] = status.st_size if stat.S_ISREG(status.st_mode) else -1
        except OSError as error:
            raise InputError(f"{folder / place}: cannot be read: {error.strerror}") from error
    return sizes
