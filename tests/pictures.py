"""Small PNG files with as many pixels as NIH's, and files that were not touched lately."""

from __future__ import annotations

import os
import struct
import zlib
from functools import cache
from pathlib import Path
from typing import Any

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


@cache
def radiograph(patient: int, visit: int = 0, size: int = 1024) -> bytes:
    """Return a grey PNG with as much of a chest as a fingerprint sees: torso, lungs, heart, ribs.

    All of them look alike; those of one patient differ as little as two films of one day.
    """
    import io

    import numpy as np
    from PIL import Image

    draw = np.random.default_rng(patient)
    small = 256
    y, x = np.mgrid[0:small, 0:small] / small - 0.5
    again = np.random.default_rng((patient, visit))
    x = x + again.normal(0, 0.008) * bool(visit)
    y = y + again.normal(0, 0.008) * bool(visit)

    def blob(across: float, down: float, width: float, height: float, turn: float) -> Any:
        u = (x - across) * np.cos(turn) + (y - down) * np.sin(turn)
        v = -(x - across) * np.sin(turn) + (y - down) * np.cos(turn)
        steep = 25 * ((u / width) ** 2 + (v / height) ** 2 - 1)
        return 1 / (1 + np.exp(np.minimum(steep, 50)))

    def near(value: float, spread: float = 0.02) -> float:
        return value + draw.normal(0, spread)

    picture = 170 * blob(near(0), near(0.12), near(0.46), near(0.58), near(0, 0.03))
    for side in (-1, 1):
        lung = blob(side * near(0.2), near(0), near(0.15), near(0.3), side * near(0.1, 0.05))
        picture = picture - near(110, 12) * lung
        for rib in range(8):
            height = -0.3 + 0.08 * rib + side * x * near(0.3, 0.1) + near(0, 0.01)
            picture = picture + lung * near(18, 6) * np.exp(
                -(((y - height) / near(0.012, 0.002)) ** 2)
            )
    picture = picture + near(60, 10) * blob(
        near(0.06), near(0.12), near(0.14), near(0.16), near(0.4, 0.2)
    )
    picture = picture + near(40, 8) * np.exp(-((x / near(0.04, 0.006)) ** 2))
    for _ in range(6):
        picture = picture + draw.normal(0, 14) * blob(
            draw.uniform(-0.35, 0.35),
            draw.uniform(-0.35, 0.35),
            draw.uniform(0.03, 0.12),
            draw.uniform(0.03, 0.12),
            0,
        )
    picture = picture + again.normal(0, 2, picture.shape)
    image = Image.fromarray(np.clip(picture, 0, 255).astype(np.uint8)).resize((size, size))
    stream = io.BytesIO()
    image.save(stream, "PNG", compress_level=1)
    return stream.getvalue()
