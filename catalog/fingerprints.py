"""How an image looks, as 256 bits: taken from its pixels, and kept in the catalog.

The bits are the signs of the lowest 16 by 16 frequencies of the picture at 64 by 64 pixels, against
their median, as imagehash computes them. Another size, file format or quality changes few of them.
How they are compared is in `looks`. Pillow and imagehash are an extra, and imported here alone.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import sqlalchemy as sa
from pyroaring import BitMap
from sqlmodel import Session

from ..schemas.errors import CxrcatError, InputError, UsageError
from ..schemas.tables import Dataset, Fingerprint

if TYPE_CHECKING:
    from PIL.Image import Image

ALGORITHM = "phash-256"
BITS = 256

LARGEST_FILE = 1 << 28  # bytes
MOST_PIXELS = 1 << 25  # more than 5792 × 5792; NIH's largest originals have a third of that
FEWEST = 32  # pixels across and down

_SIDE = 16
_FORMATS = ("PNG", "JPEG", "TIFF", "WEBP", "BMP", "GIF")  # of a hostile file, nothing else is tried
_BLANK = BITS // 4  # bits that are set in the fingerprint of any picture, and that are not
_HEAD = 132

_TABLE: sa.Table = Fingerprint.__table__  # type: ignore[attr-defined]


def require() -> None:
    """Raise `UsageError` when what reads pictures is not installed."""
    try:
        import imagehash as _  # noqa: F401 - a package that is found may still not load; with Pillow
    except ImportError as error:
        raise UsageError(
            "fingerprints need more packages: pip install 'cxrcat[identify]'"
        ) from error


def check_size(width: int, height: int, place: str) -> None:
    """Raise `InputError` for a picture of so many pixels that is not looked at."""
    if min(width, height) < FEWEST:
        raise InputError(f"{place}: has too few pixels to be told from others")
    if width * height > MOST_PIXELS:
        raise InputError(f"{place}: says it is {width:,} × {height:,} pixels, which are too many")


def installed() -> bool:
    """Tell whether what reads pictures is installed."""
    try:
        require()
    except UsageError:
        return False
    return True


@contextmanager
def quiet() -> Iterator[None]:
    """Keep decoders from warning of strangers' files; around the threads, for all of them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def of_file(path: Path | str, place: str) -> bytes:
    """Return the fingerprint of a picture's or a DICOM instance's file.

    `place` names it in messages. Raises `InputError` for whatever is no such picture.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        with open(descriptor, "rb") as stream:  # noqa: PTH123
            if os.fstat(descriptor).st_size > LARGEST_FILE:
                raise InputError(f"{place}: has more bytes than any image is read from")
            head = stream.read(_HEAD)
            stream.seek(0)
            if head[128:] != b"DICM":
                return of_stream(stream, place)
    except OSError as error:
        raise InputError(f"{place}: cannot be read: {error.strerror or error}") from error
    from .picture import render

    image = render(Path(path), place)
    check_size(*image.size, place)
    return _bits(image, place)


def of_stream(stream: BinaryIO, place: str) -> bytes:
    """Return the fingerprint of a picture: its first frame, where it has several.

    Nothing is decoded before its size is known. Raises `InputError`.
    """
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(stream, formats=_FORMATS) as image:
            check_size(*image.size, place)
            return _bits(_grey(image), place)
    except CxrcatError:
        raise
    except UnidentifiedImageError as error:
        raise InputError(f"{place}: is no picture that can be read") from error
    except Image.DecompressionBombError as error:
        raise InputError(f"{place}: says it has too many pixels") from error
    except Exception as error:  # a decoder may raise anything
        text = " ".join(str(error).split())[:160]
        raise InputError(f"{place}: cannot be decoded ({type(error).__name__}: {text})") from error


def _grey(image: Image) -> Image:
    """Return a picture of 8 bits a pixel; what is transparent is black."""
    import numpy as np
    from PIL import Image

    if image.mode.startswith(("I", "F")):  # more than 8 bits, of which a scan may fill any part
        pixels = np.nan_to_num(np.asarray(image, dtype=np.float32))
        low, high = float(pixels.min()), float(pixels.max())
        scaled = (pixels - low) * (255.0 / max(high - low, 1e-9))
        return Image.fromarray(np.rint(scaled).astype(np.uint8))
    if image.mode in ("LA", "PA", "RGBA", "RGBa") or "transparency" in image.info:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "black"), image)
    return image.convert("L")


def _bits(image: Image, place: str) -> bytes:
    import imagehash
    import numpy as np

    try:
        found = imagehash.phash(image.convert("L"), hash_size=_SIDE)
    except Exception as error:  # the last rows may be decoded here
        raise InputError(f"{place}: cannot be decoded ({type(error).__name__})") from error
    return np.packbits(found.hash).tobytes()


def is_blank(bits: bytes) -> bool:
    """Tell the fingerprint of a picture on which nothing is to be seen."""
    ones = int.from_bytes(bits, "big").bit_count()
    return not _BLANK <= ones <= BITS - _BLANK


def known(session: Session, dataset: Dataset) -> BitMap:
    """Return the images whose fingerprint the catalog has."""
    query = sa.select(_TABLE.c.ordinal).where(
        _TABLE.c.dataset_id == dataset.id, _TABLE.c.algorithm == ALGORITHM
    )
    return BitMap(session.connection().execute(query).scalars())


def forget(session: Session, dataset: Dataset, ordinals: Iterable[int]) -> None:
    """Forget how images looked whose bytes are others now."""
    columns = _TABLE.c
    its = columns.dataset_id == dataset.id
    statement = sa.delete(_TABLE).where(its, columns.ordinal == sa.bindparam("its_ordinal"))
    rows = [{"its_ordinal": ordinal} for ordinal in ordinals]
    if rows:
        session.connection().execute(statement, rows)


def record(session: Session, dataset: Dataset, found: dict[int, bytes]) -> None:
    """Record fingerprints of images, in the place of those that were known."""
    connection = session.connection()
    if connection.dialect.name == "postgresql":
        from sqlalchemy.dialects.postgresql import insert
    else:
        from sqlalchemy.dialects.sqlite import insert  # type: ignore[assignment]
    statement = insert(_TABLE)
    statement = statement.on_conflict_do_update(
        index_elements=("dataset_id", "ordinal", "algorithm"),
        set_={"bits": statement.excluded.bits},
    )
    rows = [
        {"dataset_id": dataset.id, "ordinal": ordinal, "algorithm": ALGORITHM, "bits": bits}
        for ordinal, bits in found.items()
    ]
    if rows:
        connection.execute(statement, rows)
