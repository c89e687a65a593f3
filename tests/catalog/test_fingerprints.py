"""Fingerprints: how images look, what stays the same of that, and what is never claimed."""

from __future__ import annotations

import io
import random
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps

from cxrcat.catalog import Catalog, datasets, fingerprints
from cxrcat.catalog.fingerprints import BITS, of_file, of_stream
from cxrcat.catalog.looks import CLEARLY, NEAR, Looks, looks_of
from cxrcat.schemas.errors import InputError

from ..pictures import chunk, picture, radiograph

Change = Callable[[Image.Image], tuple[Image.Image, str, int]]

COPIES: dict[str, Change] = {
    "512": lambda image: (image.resize((512, 512)), "PNG", 0),
    "224": lambda image: (image.resize((224, 224)), "PNG", 0),
    "224, the nearest pixel": lambda image: (image.resize((224, 224), 0), "PNG", 0),
    "JPEG 90": lambda image: (image, "JPEG", 90),
    "JPEG 50": lambda image: (image, "JPEG", 50),
    "224, JPEG 50": lambda image: (image.resize((224, 224)), "JPEG", 50),
    "64": lambda image: (image.resize((64, 64)), "BMP", 0),
    "colours": lambda image: (image.convert("RGB"), "WEBP", 80),
    "transparent": lambda image: (image.convert("RGBA"), "TIFF", 0),
    "16 bits": lambda image: (Image.fromarray(np.asarray(image).astype(np.uint16) * 16), "PNG", 0),
}


def grey(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data)).convert("L")


def bits_of(image: Image.Image, kind: str = "PNG", quality: int = 0) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **({"quality": quality} if quality else {}))
    stream.seek(0)
    return of_stream(stream, "it")


@pytest.fixture(scope="module")
def chests() -> list[Image.Image]:
    return [grey(radiograph(patient, size=512)) for patient in range(60)]


@pytest.fixture(scope="module")
def looks(chests: list[Image.Image]) -> Looks:
    return Looks.of(enumerate(bits_of(each) for each in chests))


@pytest.mark.parametrize("change", COPIES.values(), ids=list(COPIES))
def test_a_copy_is_its_original(chests: list[Image.Image], looks: Looks, change: Change) -> None:
    for number, image in enumerate(chests):
        found = looks.nearest(bits_of(*change(image)))
        assert found is not None
        assert found.certain
        assert found.ordinal == number
        assert found.distance <= 6


def test_another_patient_is_nobody(looks: Looks) -> None:
    for patient in range(1_000, 1_060):
        found = looks.nearest(bits_of(grey(radiograph(patient, size=256))))
        assert found is not None
        assert not found.near


def test_what_is_not_recognised_is_not_claimed(chests: list[Image.Image], looks: Looks) -> None:
    for image in chests[:20]:
        for other in (ImageOps.mirror(image), ImageOps.invert(image), image.rotate(90)):
            found = looks.nearest(bits_of(other))
            assert found is not None
            assert not found.near


def test_of_two_alike_neither_is_claimed() -> None:
    film, again = (bits_of(grey(radiograph(7, visit, size=256))) for visit in (0, 0))
    looks = Looks.of([(3, film), (9, again), (20, bits_of(grey(radiograph(8, size=256))))])
    found = looks.nearest(film)
    assert found is not None
    assert found.near
    assert not found.certain
    assert {found.ordinal, found.next_ordinal} == {3, 9}


def test_a_blank_picture_is_nothing() -> None:
    blank, film = of_stream(io.BytesIO(picture(1)), "it"), bits_of(grey(radiograph(1, size=256)))
    assert fingerprints.is_blank(blank)
    assert not fingerprints.is_blank(film)
    assert len(Looks.of([(0, blank), (1, film)])) == 1
    assert Looks.of([(1, film)]).nearest(blank) is None
    assert Looks.of([]).nearest(film) is None


fingerprint = st.binary(min_size=BITS // 8, max_size=BITS // 8)


@given(st.lists(fingerprint, min_size=1, max_size=12), fingerprint, st.randoms())
def test_the_nearest_is_the_nearest(every: list[bytes], wanted: bytes, draw: random.Random) -> None:
    ordinals = sorted(draw.sample(range(1_000), len(every)))
    looks = Looks.of(zip(ordinals, every, strict=True))
    found = looks.nearest(wanted)
    kept = [
        (ordinal, bits)
        for ordinal, bits in zip(ordinals, every, strict=True)
        if not fingerprints.is_blank(bits)
    ]
    if fingerprints.is_blank(wanted) or not kept:
        assert found is None
        return
    distances = sorted(
        (int.from_bytes(bits).__xor__(int.from_bytes(wanted)).bit_count(), ordinal)
        for ordinal, bits in kept
    )
    assert found is not None
    assert (found.distance, found.ordinal) == distances[0]
    assert found.next_distance == (distances[1][0] if len(kept) > 1 else BITS)
    assert found.near == (found.distance <= NEAR)
    assert found.certain == (found.near and found.next_distance - found.distance >= CLEARLY)


def huge(width: int, height: int) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (huge(6_000, 6_000), "6,000 × 6,000 pixels"),
        (huge(65_000, 65_000), "too many pixels"),
        (huge(31, 1_000), "too few pixels"),
        (huge(1_000, 1_000), "cannot be decoded"),
        (radiograph(1, size=256)[:2_000], "cannot be decoded"),
        (b"", "is no picture"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 100 100\n", "is no picture"),
        (b"P5 100 100 255\n" + bytes(10_000), "is no picture"),
    ],
)
def test_hostile_pictures_are_one_line(data: bytes, words: str, tmp_path: Path) -> None:
    path = tmp_path / "film.png"
    path.write_bytes(data)
    with fingerprints.quiet(), pytest.raises(InputError, match=words) as caught:
        of_file(path, "film.png")
    assert str(caught.value).startswith("film.png: ")
    assert len(str(caught.value).splitlines()) == 1


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    import os

    os.mkfifo(tmp_path / "film.png")
    with pytest.raises(InputError):
        of_file(tmp_path / "film.png", "film.png")
    with pytest.raises(InputError, match="No such file"):
        of_file(tmp_path / "gone.png", "gone.png")


def test_they_are_kept_and_renewed(catalog: Catalog) -> None:
    first, second = (bits_of(grey(radiograph(each, size=128))) for each in (1, 2))
    with catalog._store.writing() as session:
        dataset = datasets.find(session)
        fingerprints.record(session, dataset, {5: first, 9: first})
        fingerprints.record(session, dataset, {9: second})
        fingerprints.record(session, dataset, {})
    with catalog._store.reading() as session:
        dataset = datasets.find(session)
        assert list(fingerprints.known(session, dataset)) == [5, 9]
        looks = looks_of(session, dataset)
        assert list(looks.images) == [5, 9]
        found = looks.nearest(second)
        assert found is not None
        assert (found.ordinal, found.distance) == (9, 0)


def test_the_real_images(real_data: Path) -> None:
    paths = sorted((real_data / "png").glob("*.png"))
    looks = Looks.of(enumerate(of_file(path, path.name) for path in paths))
    assert len(looks) == 10
    for number, path in enumerate(paths):
        image = Image.open(path)  # one is RGBA
        image = image.convert("L")
        for change in COPIES.values():
            found = looks.nearest(bits_of(*change(image)))
            assert found is not None
            assert (found.ordinal, found.certain) == (number, True)
            assert found.distance <= 6
            assert found.next_distance >= 80
