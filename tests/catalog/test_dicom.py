"""DICOM files of strangers: their UIDs are read, and whatever is wrong with them is said."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.encaps import encapsulate
from pydicom.uid import JPEGBaseline8Bit

from cxrcat.catalog.dicom import Uids, check_instance, is_uid, uids_of, uids_or_none
from cxrcat.schemas.errors import CxrcatError, InputError

from ..conftest import png
from ..orthanc import instance
from ..orthanc import uids_of as made

WHOLE = instance(7, PatientID="2")
UIDS = Uids(*made(7))


def test_the_uids_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "a.dcm"
    path.write_bytes(WHOLE)
    assert uids_of(path) == UIDS
    check_instance(path, UIDS, "here")


def _deflated(data: bytes) -> bytes:
    place = data.index(b"\x08\x00\x16\x00")  # the first element after the file's own
    squeezed = zlib.compressobj(wbits=-15)
    syntax = b"1.2.840.10008.1.2.1.99"
    head = data[:place].replace(b"\x14\x001.2.840.10008.1.2.1\x00", b"\x16\x00" + syntax)
    head = head.replace(b"UL\x04\x00", b"UL\x04\x00", 1)
    return head + squeezed.compress(bytes(10_000_000)) + squeezed.flush()


FAULTS: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "empty": (lambda _: b"", "is not a DICOM file"),
    "a PNG": (lambda _: png(), "is not a DICOM file"),
    "no mark": (lambda data: data[:128] + b"DOCM" + data[132:], "is not a DICOM file"),
    "no UIDs": (lambda data: data.replace(b"\x08\x00\x18\x00", b"\x08\x00\x19\x00"), "UIDs"),
    "a path for a UID": (
        lambda data: data.replace(UIDS.series.encode(), b"../../../etc/passwd/a/b/c"[:26]),
        "UIDs",
    ),
    "deflated": (_deflated, "deflated as a whole"),
}


@pytest.mark.parametrize(("fault", "words"), FAULTS.values(), ids=list(FAULTS))
def test_a_file_that_says_no_uids(
    tmp_path: Path, fault: Callable[[bytes], bytes], words: str
) -> None:
    path = tmp_path / "a.dcm"
    path.write_bytes(fault(WHOLE))
    with pytest.raises(InputError, match=words):
        uids_of(path)
    assert uids_or_none(path) is None


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        uids_of(tmp_path / "nowhere.dcm")


LARGE = instance(7, Rows=512, Columns=512, PixelData=bytes(512 * 512))
PACKED = instance(7, syntax=JPEGBaseline8Bit, PixelData=encapsulate([bytes(100_000)] * 2))


@pytest.mark.parametrize("whole", [WHOLE, LARGE, PACKED], ids=["small", "large", "in fragments"])
@pytest.mark.parametrize("less", [9, 20, 48])
def test_pixels_that_are_missing(tmp_path: Path, whole: bytes, less: int) -> None:
    path = tmp_path / "a.dcm"
    path.write_bytes(whole)
    check_instance(path, UIDS, "here")
    path.write_bytes(whole[:-less])
    # pydicom warns that fragments have no end, which the tests make an error.
    words = "cannot be read as DICOM|has no pixels" if whole is PACKED else "is cut off after"
    with pytest.raises(InputError, match=words):
        check_instance(path, UIDS, "here")


@pytest.mark.parametrize(
    "data", [WHOLE[: WHOLE.index(b"\xe0\x7f\x10\x00")], instance(7, PixelData=b"")]
)
def test_no_pixels_at_all(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "a.dcm"
    path.write_bytes(data)
    with pytest.raises(InputError, match="has no pixels"):
        check_instance(path, UIDS, "here")


def test_another_instance(tmp_path: Path) -> None:
    path = tmp_path / "a.dcm"
    path.write_bytes(WHOLE)
    with pytest.raises(InputError, match="another instance"):
        check_instance(path, Uids(*made(8)), "here")


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("1.2.840.10008", True),
        ("1", True),
        ("1." * 31 + "12", True),
        ("1." * 32 + "1", False),
        ("", False),
        ("1..2", False),
        ("1.2.", False),
        ("1.2\n", False),
        ("../1", False),
        (None, False),
        (12, False),
    ],
)
def test_what_is_a_uid(text: Any, is_one: bool) -> None:
    assert is_uid(text) == is_one


@settings(deadline=None, max_examples=300)
@given(
    place=st.integers(0, len(WHOLE) - 1),
    bytes_=st.binary(min_size=1, max_size=8),
    cut=st.booleans(),
)
def test_a_damaged_file_is_an_error_or_a_file(
    tmp_path_factory: pytest.TempPathFactory, place: int, bytes_: bytes, cut: bool
) -> None:
    """No damage ends in anything but UIDs or one clear line."""
    path = tmp_path_factory.getbasetemp() / "damaged.dcm"
    rest = b"" if cut else WHOLE[place + len(bytes_) :]
    path.write_bytes(WHOLE[:place] + bytes_ + rest)
    for check in (lambda: uids_of(path), lambda: check_instance(path, UIDS, "here")):
        try:
            check()
        except CxrcatError as error:
            assert "\n" not in str(error)
