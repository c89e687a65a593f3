"""The two files that make an export a signed one, and SHA-256 beside XXH3-128 from one read.

``checksums.sha256`` is what ``sha256sum -c`` reads, over every file of the export but these two;
``checksums.sha256.sig`` is its Ed25519 signature (RFC 8032), 64 bytes, as ``openssl pkeyutl`` reads
it. So whoever has neither cxrcat nor the catalog can check both.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

import xxhash

from ..schemas.checksum import Checksum
from .checksums import buffer, read_each

SHA256_LIST = "checksums.sha256"
SIGNATURE = "checksums.sha256.sig"
SIGNED = frozenset({SHA256_LIST, SIGNATURE})
"""What a signed export has more than another one."""

SIGNATURE_SIZE = 64  # bytes
_MOST_THREADS = 8


def of_both(paths: Sequence[str]) -> Iterator[tuple[Checksum, Checksum]]:
    """Yield the XXH3-128 and the SHA-256 of each file, in order; each file is read once.

    SHA-256 takes several times as long as reading does, and `cryptography` lets other threads run
    meanwhile (its releases before 2026 do not). Raises `InputError` when a file cannot be read.
    """
    from cryptography.hazmat.primitives import hashes

    def both(descriptor: int) -> tuple[Checksum, Checksum]:
        view = buffer()
        xxh128, sha256 = xxhash.xxh3_128(), hashes.Hash(hashes.SHA256())
        while count := os.readv(descriptor, [view]):
            xxh128.update(view[:count])
            sha256.update(view[:count])
        return (
            Checksum("xxh128", xxh128.hexdigest()),
            Checksum("sha256", sha256.finalize().hex()),
        )

    return read_each(paths, both, min(os.cpu_count() or 1, _MOST_THREADS))
