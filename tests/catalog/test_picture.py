"""Pictures: grey and colour, PNG and DICOM, as they ask to be shown, none too large."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pydicom.uid import JPEGBaseline8Bit

from cxrcat.catalog import picture
from cxrcat.catalog.boxes import BoxRow
from cxrcat.schemas.errors import InputError

from ..conftest import png
from ..orthanc import instance

RAMP = np.arange(48, dtype=np.uint8).reshape(6, 8) * 5


def shown(tmp_path: Path, data: bytes) -> Any:
    """Return the pixels of a file as they are shown."""
    path = tmp_path / "image"
    path.write_bytes(data)
    return np.asarray(picture.render(path, "here"))


def as_png(pixels: Any, mode: str | None = None) -> bytes:
    image = Image.fromarray(pixels)
    stream = io.BytesIO()
    (image.convert(mode) if mode else image).save(stream, "PNG")
    return stream.getvalue()


def test_a_grey_png_is_shown_as_it_is(tmp_path: Path) -> None:
    assert (shown(tmp_path, as_png(RAMP)) == RAMP).all()


def test_sixteen_bits_become_eight(tmp_path: Path) -> None:
    wide = RAMP.astype(np.uint16) * 257
    assert (shown(tmp_path, as_png(wide)) == RAMP).all()


@pytest.mark.parametrize("mode", ["RGB", "P", "LA", "RGBA"])
def test_colours_and_transparency(tmp_path: Path, mode: str) -> None:
    pixels = shown(tmp_path, as_png(RAMP, mode))
    assert pixels.shape == (6, 8, 3)
    assert (pixels == RAMP[..., None]).all()


def test_what_is_transparent_is_black(tmp_path: Path) -> None:
    clear = np.zeros((2, 2, 4), np.uint8)
    clear[..., :3] = 200
    clear[0, 0, 3] = 255
    assert shown(tmp_path, as_png(clear))[..., 0].tolist() == [[200, 0], [0, 0]]


def test_one_bit_is_black_and_white(tmp_path: Path) -> None:
    pixels = shown(tmp_path, as_png(RAMP > 100))
    assert set(pixels.flat) == {0, 255}


def test_an_instance_of_eight_bits_is_shown_as_it_is(tmp_path: Path) -> None:
    assert (shown(tmp_path, instance(1, PixelData=RAMP.tobytes())) == RAMP).all()


def test_monochrome1_is_inverted(tmp_path: Path) -> None:
    data = instance(1, PixelData=RAMP.tobytes(), PhotometricInterpretation="MONOCHROME1")
    assert (shown(tmp_path, data) == 255 - RAMP).all()


def test_the_window_says_what_is_black_and_white(tmp_path: Path) -> None:
    """Linear window of PS3.3, C.11.2.1.2: black up to 99.5 - 49.5, white from 99.5 + 49.5."""
    data = instance(1, PixelData=RAMP.tobytes(), WindowCenter=100, WindowWidth=100)
    pixels = shown(tmp_path, data)
    assert (pixels[RAMP <= 50] == 0).all()
    assert (pixels[RAMP >= 149] == 255).all()
    expected = np.rint(((RAMP[0, 7:] - 99.5) / 99 + 0.5).clip(0, 1) * 255)
    assert abs(pixels[0, 7:] - expected).max() <= 1


def test_twelve_bits_reach_from_black_to_white(tmp_path: Path) -> None:
    wide = RAMP.astype("<u2") * 10 + 100
    bits = {"BitsAllocated": 16, "BitsStored": 12, "HighBit": 11}
    pixels = shown(tmp_path, instance(1, PixelData=wide.tobytes(), **bits))
    assert abs(pixels.astype(int) - np.rint(RAMP / RAMP.max() * 255)).max() <= 1


def test_a_rescaled_and_signed_instance(tmp_path: Path) -> None:
    signed = RAMP.astype("<i2") - 100
    bits = {"BitsAllocated": 16, "BitsStored": 16, "HighBit": 15, "PixelRepresentation": 1}
    data = instance(1, PixelData=signed.tobytes(), RescaleSlope=2, RescaleIntercept=-7, **bits)
    pixels = shown(tmp_path, data)
    assert (pixels.min(), pixels.max()) == (0, 255)


def test_a_plain_instance_of_one_value(tmp_path: Path) -> None:
    wide = np.full(48, 500, "<u2")
    bits = {"BitsAllocated": 16, "BitsStored": 12, "HighBit": 11}
    assert set(shown(tmp_path, instance(1, PixelData=wide.tobytes(), **bits)).flat) == {0}


def test_a_colour_instance(tmp_path: Path) -> None:
    colours = np.stack([RAMP, RAMP // 2, 255 - RAMP], axis=-1)
    data = instance(
        1,
        PixelData=colours.tobytes(),
        SamplesPerPixel=3,
        PlanarConfiguration=0,
        PhotometricInterpretation="RGB",
    )
    assert (shown(tmp_path, data) == colours).all()


def test_of_several_frames_the_first_is_shown(tmp_path: Path) -> None:
    frames = np.stack([RAMP, 255 - RAMP])
    data = instance(1, PixelData=frames.tobytes(), NumberOfFrames=2)
    assert (shown(tmp_path, data) == RAMP).all()


def _huge_png(side: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    size = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    body = chunk(b"IHDR", size) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    return png()[:8] + body


FAULTS: dict[str, tuple[Callable[[], bytes], str]] = {
    "nothing": (lambda: b"", "neither a PNG nor a DICOM"),
    "a page": (lambda: b"<html>" * 99, "neither a PNG nor a DICOM"),
    "a bomb": (lambda: _huge_png(60_000), "3600000000 pixels"),
    "too many pixels": (lambda: _huge_png(9_000), "9,000 × 9,000 pixels"),
    "a cut PNG": (lambda: png(64, 64)[:-30], "cannot be decoded"),
    "a PNG of noise": (lambda: png()[:33] + bytes(range(256)), "cannot be decoded"),
    "no rows": (lambda: instance(1, Rows=0), "0 pixels"),
    "a large instance": (lambda: instance(1, Rows=65_535, Columns=65_535), "65,535 × 65,535"),
    "pixels missing": (lambda: instance(1, PixelData=bytes(10)), "cannot be"),
    "a cut header": (lambda: instance(1)[:400], "cannot be"),
    "two samples": (lambda: instance(1, SamplesPerPixel=2), "cannot be"),
}


@pytest.mark.parametrize(("data", "words"), FAULTS.values(), ids=list(FAULTS))
def test_what_is_no_picture(tmp_path: Path, data: Callable[[], bytes], words: str) -> None:
    with pytest.raises(InputError, match=words):
        shown(tmp_path, data())


def test_a_file_that_is_too_large(tmp_path: Path) -> None:
    path = tmp_path / "image"
    with path.open("wb") as stream:
        stream.write(png())
        stream.truncate(picture.LARGEST_FILE + 1)
    with pytest.raises(InputError, match="more than any image"):
        picture.render(path, "here")


def test_boxes_are_drawn_where_they_are() -> None:
    box = BoxRow(0, "a", "mass", x=100.0, y=200.0, width=300.0, height=400.0)
    grey = Image.new("L", (512, 512), 90)
    drawn = np.asarray(picture.draw(grey, [box], (1024, 1024), {"mass": "Mass"}))
    assert drawn.shape == (512, 512, 3)
    changed = (drawn != 90).any(axis=-1)
    edge = tuple(drawn[200, 50])  # the left edge, half as far in a picture of half the size
    assert edge == (255, 176, 0)
    assert tuple(drawn[300, 100]) == edge
    assert tuple(drawn[200, 200]) == edge
    assert not changed[120:290, 60:190].any()
    assert not changed[:, 205:].any()
    assert not changed[305:].any()
    assert changed[60:100, 50:90].any()  # the label stands above


def test_a_picture_without_boxes_stays_grey() -> None:
    grey = Image.new("L", (8, 8), 90)
    assert picture.draw(grey, [], (8, 8), {}) is grey


@pytest.mark.parametrize("size", [(1, 1), (8, 3000), (3000, 8)])
def test_boxes_beyond_the_picture_do_no_harm(size: tuple[int, int]) -> None:
    boxes = [BoxRow(0, "a", "mass", -5.0, -5.0, 1e6, 1e6), BoxRow(0, "a", "ß中", 0, 0, 0, 0)]
    assert picture.draw(Image.new("L", size), boxes, (1024, 1024), {}).size == size


def test_the_words_stand_in_the_file() -> None:
    data = picture.encode(Image.new("L", (8, 8)), {"Copyright": "naïve — 中"})
    with Image.open(io.BytesIO(data)) as image:
        image.load()
        assert image.info["Copyright"] == "naïve — 中"


def test_a_compressed_instance(tmp_path: Path) -> None:
    from pydicom.encaps import encapsulate

    stream = io.BytesIO()
    Image.fromarray(np.full((6, 8), 77, np.uint8)).save(stream, "JPEG", quality=95)
    data = instance(1, PixelData=encapsulate([stream.getvalue()]), syntax=JPEGBaseline8Bit)
    assert abs(shown(tmp_path, data).astype(int) - 77).max() <= 2
