"""Where an export is in a folder: in ``data/`` of a bag, and else in the folder itself.

The names are those of BagIt 1.0 (RFC 8493).
"""

from __future__ import annotations

from pathlib import Path

PAYLOAD = "data"
DECLARATION = "bagit.txt"
INFO = "bag-info.txt"
MANIFEST = "manifest-sha256.txt"
TAGS = "tagmanifest-sha256.txt"
TAG_FILES = (DECLARATION, INFO, MANIFEST)


def payload_of(folder: Path) -> Path:
    """Return where the export is: the payload of a bag, and any other folder itself.

    A bag is still one when one of its own files was lost. A payload that is a link leads elsewhere.
    """
    payload = folder / PAYLOAD
    tagged = any((folder / name).exists() for name in (*TAG_FILES, TAGS))
    return payload if tagged and payload.is_dir() and not payload.is_symlink() else folder
