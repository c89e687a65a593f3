"""Sign an export that is complete otherwise: every file of it is read, listed, and the list signed.

The images are read again, as they lie in the folder: what is signed is what is there.
"""

from __future__ import annotations

from pathlib import Path

from ...schemas.checksum import Checksum
from ...schemas.errors import CheckFailedError
from ..keys import PrivateKey
from ..progress import SILENT, Progress
from ..signing import SHA256_LIST, SIGNATURE, of_both
from ..verify import files_under, read_checksums, write_checksums
from .plan import CHECKSUMS
from .staging import write_file


def sign(folder: Path, key: PrivateKey, progress: Progress = SILENT) -> None:
    """Write ``checksums.sha256`` and its signature into a folder, over all that is in it.

    Raises `CheckFailedError` when a file is no longer what its XXH3-128 in the folder says, as
    when another program wrote into a linked image meanwhile.
    """
    expected = read_checksums(folder / CHECKSUMS)
    sizes = files_under(folder)
    paths = sorted(sizes)
    listed: dict[str, Checksum] = {}
    with progress.task("signing", sum(sizes.values()), "bytes") as advance:
        found = of_both([f"{folder}/{path}" for path in paths])
        for path, (xxh128, sha256) in zip(paths, found, strict=True):
            if expected.get(path, xxh128) != xxh128:
                raise CheckFailedError(
                    f"{path}: was changed while it was exported; nothing was exported; "
                    "see what writes to it, and try again"
                )
            listed[path] = sha256
            advance(sizes[path])
    data = write_checksums(listed).encode()
    write_file(folder / SHA256_LIST, data)
    read_checksums(folder / SHA256_LIST, "sha256")  # no path in it could be taken for another
    write_file(folder / SIGNATURE, key.sign(data))
