"""Check a signed export: its signature, and every file against both of its lists.

Three witnesses tell of a file: its bytes, ``checksums.xxh128`` and ``checksums.sha256``. Where two
of them agree, the third is what was changed; where the signature holds, the signed list is right in
all it says. Every file is read once, for both lists.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ..schemas.checksum import Checksum
from ..schemas.errors import CheckFailedError, CxrcatError
from .keys import PublicKey
from .progress import SILENT, Progress
from .signing import SHA256_LIST, SIGNATURE, SIGNATURE_SIZE, SIGNED, of_both
from .verify import (
    LISTED,
    MANIFEST,
    Signature,
    Verified,
    parse_checksums,
    read_bytes,
    read_checksums,
    read_manifest,
)

if TYPE_CHECKING:
    from .cluster import Cluster

_LARGEST = 1 << 30  # bytes of a list: ten million files have as many

List = Mapping[str, Checksum]


@dataclass(slots=True)
class _Found:
    """What was found so far: paths relative to the folder."""

    changed: set[str] = field(default_factory=set)
    missing: set[str] = field(default_factory=set)
    extra: set[str] = field(default_factory=set)


def says_unsigned(folder: Path) -> bool:
    """Tell whether the manifest of an export can be read, and does not name a signer."""
    try:
        return read_manifest(folder).export.signer is None
    except CxrcatError:
        return False


def verify_signed(
    folder: Path,
    sizes: Mapping[str, int],
    key: PublicKey | None,
    progress: Progress = SILENT,
    cluster: Cluster | None = None,
) -> Verified:
    """Read every file of a signed export again and compare; without a key, its lists alone count.

    `sizes` has what is in the folder, as `verify.files_under` tells. Raises `CheckFailedError` when
    a key was given and the export has no signature at all.
    """
    if key is not None and SIGNED.isdisjoint(sizes):
        raise CheckFailedError(
            f"{folder}: is not signed: {SHA256_LIST} and {SIGNATURE} are missing; "
            "without --signer its checksums alone are checked"
        )
    found = _Found(missing=set(SIGNED - sizes.keys()))
    signature = Signature.UNCHECKED if key is None else Signature.INVALID
    data = _read_whole(folder, sizes, SHA256_LIST, range(1, _LARGEST), found)
    made = _read_whole(folder, sizes, SIGNATURE, range(SIGNATURE_SIZE, SIGNATURE_SIZE + 1), found)
    if key is not None and data is not None and made is not None and key.signed(data, made):
        signature = Signature.VALID
    trusted = signature is Signature.VALID
    sha256 = _sha256_list(folder, data, trusted, found)
    xxh128 = _xxh128_list(folder, sizes, found)
    own, listed = _read_all(folder, sizes, xxh128, sha256, progress, cluster)
    if trusted and sha256 is not None:
        _compare_with_signed(own, sizes, xxh128, sha256, found)
    else:
        _compare(own, sizes, xxh128, sha256, found)
        consistent = SHA256_LIST not in found.changed | found.missing
        if signature is Signature.INVALID and SIGNATURE in sizes and consistent:
            found.changed.add(SIGNATURE)
    manifest = None
    if MANIFEST in own and MANIFEST not in found.changed:
        manifest = read_manifest(folder)
    return Verified(
        folder=str(folder),
        manifest=manifest,
        checksum=str(own[LISTED][0]) if LISTED in own else None,
        files=len(listed),
        size=sum(max(0, sizes[path]) for path in listed),
        changed=tuple(sorted(found.changed)),
        missing=tuple(sorted(found.missing)),
        extra=tuple(sorted(found.extra)),
        signature=signature,
        signer=None if key is None else key.fingerprint,
    )


def _read_whole(
    folder: Path, sizes: Mapping[str, int], name: str, allowed: range, found: _Found
) -> bytes | None:
    """Return the bytes of one of the two files, None when it is missing or plainly another."""
    if name not in sizes:
        return None
    if sizes[name] not in allowed:
        found.changed.add(name)
        return None
    return read_bytes(folder / name, CheckFailedError)


def _sha256_list(
    folder: Path, data: bytes | None, trusted: bool, found: _Found
) -> dict[str, Checksum] | None:
    if data is None:
        return None
    try:
        return parse_checksums(data, folder / SHA256_LIST, "sha256")
    except CheckFailedError:
        if trusted:  # it was signed as it is, so nothing that was changed can be named
            raise
        found.changed.add(SHA256_LIST)
        return None


def _xxh128_list(
    folder: Path, sizes: Mapping[str, int], found: _Found
) -> dict[str, Checksum] | None:
    if LISTED not in sizes:
        found.missing.add(LISTED)
        return None
    try:
        return read_checksums(folder / LISTED)
    except CheckFailedError:
        found.changed.add(LISTED)
        return None


def _read_all(
    folder: Path,
    sizes: Mapping[str, int],
    xxh128: List | None,
    sha256: List | None,
    progress: Progress,
    cluster: Cluster | None,
) -> tuple[dict[str, tuple[Checksum, Checksum]], list[str]]:
    """Return both checksums of each file that a list names, and which of these are here.

    A link or a device in the place of a file is here, and is not read.
    """
    names = {LISTED, *(xxh128 or ()), *(sha256 or ())} - SIGNED
    listed = sorted(names & sizes.keys())
    regular = [path for path in listed if sizes[path] >= 0]
    own = {}
    with progress.task("verifying", sum(sizes[path] for path in regular), "bytes") as advance:
        paths = [f"{folder}/{path}" for path in regular]
        if cluster is None:
            both = of_both(paths)
        else:

            def is_well(place: int, found: tuple[Checksum, Checksum]) -> bool:
                lists = (xxh128 or {}, sha256 or {})
                wanted = (each.get(regular[place]) for each in lists)
                return all(each is None or each in found for each in wanted)

            both = cluster.both(paths, is_well)
        for path, checksums in zip(regular, both, strict=True):
            own[path] = checksums
            advance(sizes[path])
    return own, listed


def _compare_with_signed(
    own: Mapping[str, tuple[Checksum, Checksum]],
    sizes: Mapping[str, int],
    xxh128: List | None,
    sha256: List,
    found: _Found,
) -> None:
    """Compare with the signed list, which is right in all it says."""
    found.changed -= {LISTED}
    for path, wanted in sha256.items():
        if path not in sizes:
            found.missing.add(path)
        elif path not in own or own[path][1] != wanted:
            found.changed.add(path)
    found.extra |= sizes.keys() - sha256.keys() - SIGNED
    if LISTED not in found.changed:  # else it says nothing of the others
        found.changed |= {
            path
            for path, wanted in (xxh128 or {}).items()
            if path in own and own[path][0] != wanted
        }


def _compare(
    own: Mapping[str, tuple[Checksum, Checksum]],
    sizes: Mapping[str, int],
    xxh128: List | None,
    sha256: List | None,
    found: _Found,
) -> None:
    """Compare the files and the two lists with one another, none of which is above doubt."""
    lists = {name: each for name, each in ((LISTED, xxh128), (SHA256_LIST, sha256)) if each}
    if not lists:
        return
    for path in sorted({*sizes, *(xxh128 or ()), *(sha256 or ())} - SIGNED - {LISTED}):
        naming = [name for name, listed in lists.items() if path in listed]
        silent = lists.keys() - naming
        if path not in sizes:
            if silent:
                found.changed |= set(naming)
            else:
                found.missing.add(path)
        elif not naming:
            found.extra.add(path)
        else:
            found.changed |= silent
            wrong = [name for name in naming if not _agrees(own, path, lists[name][path])]
            found.changed |= {path} if wrong == naming else set(wrong)
    # A changed checksums.xxh128 would not agree with all the files, since its form is fixed.
    sound = LISTED in own and LISTED not in found.changed
    if sha256 is not None and sound and sha256.get(LISTED) != own[LISTED][1]:
        found.changed.add(SHA256_LIST)


def _agrees(own: Mapping[str, tuple[Checksum, Checksum]], path: str, wanted: Checksum) -> bool:
    return path in own and wanted in own[path]
