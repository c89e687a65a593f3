"""Whole PNG images, and every way in which one is not, however the bytes are cut into blocks."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxrcat.catalog.scan.png import Png

from ..conftest import png
from ..pictures import chunk

SMALL = png(7, 5, seed=3, padding=40)
HEADER = SMALL[:33]


def problem(data: bytes, block: int = 1 << 20) -> str | None:
    image = Png()
    for start in range(0, len(data), block):
        image.feed(memoryview(data[start : start + block]))
    return image.problem(len(data))


@given(st.lists(st.integers(1, 60), max_size=40))
def test_blocks_of_any_size_say_the_same(sizes: list[int]) -> None:
    image, at = Png(), 0
    for size in [*sizes, len(SMALL)]:
        image.feed(memoryview(SMALL[at : at + size]))
        at += size
    assert image.problem(len(SMALL)) is None
    assert (image.width, image.height) == (7, 5)


@given(st.integers(0, len(SMALL) - 1), st.integers(1, 255), st.integers(1, 50))
def test_no_changed_byte_passes(place: int, change: int, block: int) -> None:
    data = bytearray(SMALL)
    data[place] ^= change
    assert problem(bytes(data), block) is not None


@given(st.integers(0, len(SMALL) - 1), st.integers(1, 50))
def test_no_shorter_file_passes(length: int, block: int) -> None:
    said = problem(SMALL[:length], block)
    assert said == (f"is cut off after {length} bytes" if length else "is empty")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (SMALL + b"x", "goes on after its end"),
        (SMALL + SMALL, "goes on after its end"),
        (b"GIF89a" + SMALL, "is not a PNG image"),
        (b"GI", "is not a PNG image"),
        (bytes(1000), "is not a PNG image"),
        (SMALL[:8] + chunk(b"IDAT", bytes(13)) + SMALL[33:], "changed bytes in its header"),
        (HEADER + chunk(b"IDAT", b"x" * 9)[:-1] + b"\0" + SMALL[-12:], "in its chunk IDAT"),
        (HEADER + struct.pack(">I", 0xFFFFFFFF) + b"IDAT" + bytes(99), "is cut off after 140"),
        (HEADER + struct.pack(">I", 0) + b"\xff\x1b[1" + bytes(4), "in its chunk"),
    ],
)
def test_what_is_wrong_is_said(data: bytes, words: str) -> None:
    for block in (1, 13, 1 << 20):
        said = problem(data, block)
        assert said is not None
        assert words in said
        assert said.isprintable()


def test_the_header_has_its_own_checksum() -> None:
    other = bytearray(SMALL)
    other[19] = 9  # the width
    assert problem(bytes(other)) == "has changed bytes in its header"
    other[29:33] = struct.pack(">I", zlib.crc32(other[12:29]))
    assert problem(bytes(other)) is None


def test_the_real_images_are_whole(real_data: Path) -> None:
    for path in (real_data / "png").glob("*.png"):
        image = Png()
        image.feed(memoryview(path.read_bytes()))
        assert image.problem(path.stat().st_size) is None
        assert (image.width, image.height) == (1024, 1024)
