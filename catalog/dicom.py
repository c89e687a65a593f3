"""DICOM files: whose study, series and instance one is, and whether it is whole.

pydicom is an extra and imported here and in `picture` alone. Files are read as strangers' files:
whatever is wrong with one is an `InputError` of one line.
"""

from __future__ import annotations

import logging
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from ..schemas.errors import CxrcatError, InputError, UsageError

_UID = re.compile(r"[0-9]+(\.[0-9]+)*")  # PS3.5, section 9.1, but for zeros that some put first
_LONGEST_UID = 64
_LONG = 1 << 16  # bytes from which on a value is not read
_UNDEFINED = 0xFFFFFFFF  # the length of pixels that come in fragments
_KEYWORDS = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")
_PIXELS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")


class Uids(NamedTuple):
    """The UIDs of an instance: of its study, of its series, and its own."""

    study: str
    series: str
    instance: str


def is_uid(text: object) -> bool:
    """Tell whether a text is a UID, so that it can stand in an address."""
    return isinstance(text, str) and len(text) <= _LONGEST_UID and bool(_UID.fullmatch(text))


@cache
def library() -> Any:
    """Return pydicom, which says nothing by itself; raise `UsageError` when it is missing."""
    try:
        import pydicom
    except ImportError as error:
        raise UsageError("DICOM needs more packages: pip install 'cxrcat[dicom]'") from error
    pydicom.config.settings.reading_validation_mode = pydicom.config.IGNORE
    warnings.filterwarnings("ignore", module="pydicom")
    logging.getLogger("pydicom").setLevel(logging.CRITICAL + 1)
    return pydicom


@contextmanager
def plain_errors(place: object) -> Iterator[None]:
    """Turn whatever pydicom raises over a file into an `InputError`; it may raise anything."""
    try:
        yield
    except (InputError, UsageError, OSError):
        raise
    except Exception as error:
        if isinstance(error, library().errors.InvalidDicomError):
            raise InputError(f"{place}: is not a DICOM file; fetch it again") from error
        text = " ".join(str(error).split())[:120]
        raise InputError(
            f"{place}: cannot be read as DICOM ({type(error).__name__}: {text}); fetch it again"
        ) from error


def read(path: Path | str, place: object = None, **options: Any) -> Any:
    """Return a file's data set, read with pydicom's `options`.

    Raises `InputError` when it is no DICOM file, or compressed as a whole: that can swell without
    an end.
    """
    pydicom = library()
    place = place or path
    with plain_errors(place):
        try:
            meta = pydicom.filereader.read_file_meta_info(path)
            if meta.get("TransferSyntaxUID") == pydicom.uid.DeflatedExplicitVRLittleEndian:
                raise InputError(f"{place}: is deflated as a whole, which is not read")
            return pydicom.dcmread(path, **options)
        except OSError as error:
            raise InputError(f"{place}: cannot be read: {error.strerror or error}") from error


def uids_of(path: Path | str) -> Uids:
    """Return the UIDs that a DICOM file has; raise `InputError` when it has not all three."""
    data = read(path, stop_before_pixels=True, specific_tags=list(_KEYWORDS))
    return _uids(data, path)


def uids_or_none(path: Path | str) -> Uids | None:
    """Return the UIDs that a file has, or None when it does not say them or nothing can read it."""
    try:
        return uids_of(path)
    except CxrcatError:
        return None


def check_instance(path: Path | str, wanted: Uids, place: str) -> None:
    """Raise `InputError` unless a file is the instance that was wanted, with all of its pixels."""
    data = read(path, place, specific_tags=[*_KEYWORDS, *_PIXELS], defer_size=_LONG)
    found = _uids(data, place)
    if found != wanted:
        raise InputError(
            f"{place}: what came is another instance, {found.instance} of the study {found.study}"
        )
    with plain_errors(place):
        pixels = [data.get_item(name, keep_deferred=True) for name in _PIXELS if name in data]
        if not pixels or not pixels[0].length:
            raise InputError(f"{place}: has no pixels; fetch it again")
        end = pixels[0].value_tell + pixels[0].length
        size = Path(path).stat().st_size
    if pixels[0].length != _UNDEFINED and end > size:
        raise InputError(f"{place}: is cut off after {size:,} bytes; fetch it again")


def _uids(data: Any, place: object) -> Uids:
    with plain_errors(place):
        values = [str(data.get(keyword, "")) for keyword in _KEYWORDS]
    if not all(map(is_uid, values)):
        raise InputError(f"{place}: does not say the UIDs of its study, its series and itself")
    return Uids(*values)
