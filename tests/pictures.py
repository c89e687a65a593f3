"""Small PNG files with as many pixels as NIH's, and files that were not touched lately."""

from __future__ import annotations

import os
import struct
import zlib
from functools import cache
from pathlib import Path

LONG_AGO = 1_600_000_000_123_456_789  # nanoseconds: no file is changed again at that moment


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


@cache
def picture(seed: int = 0, width: int = 1024, height: int = 1024) -> bytes:
    """Return a whole 8-bit grey PNG, black; the seed makes its bytes differ from others."""
    pixels = zlib.compress(bytes((width + 1) * height), 1)
    return b"".join(
        (
            b"\x89PNG\r\n\x1a\n",
            chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)),
            chunk(b"tEXt", b"Comment\0%d" % seed),
            chunk(b"IDAT", pixels[:100]),
            chunk(b"IDAT", pixels[100:]),
            chunk(b"IEND", b""),
        )
    )


def put(path: Path, data: bytes, at: int = LONG_AGO) -> Path:
    """Write a file, with the folders above it, as it was left at a moment."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    os.utime(path, ns=(at, at))
    return path


def fill(folder: Path, names: list[str]) -> Path:
    """Write a picture of each name into a folder."""
    for number, name in enumerate(names):
        put(folder / name, picture(number))
    return folder
