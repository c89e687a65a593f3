"""Checksums of files are what xxhash and its own command say."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from pathlib import Path

import pytest
import xxhash
from hypothesis import given, settings
from hypothesis import strategies as st

from cxrcat.catalog.checksums import (
    BUFFER,
    buffer,
    names_checksum,
    of_bytes,
    of_descriptor,
    of_file,
)
from cxrcat.schemas.errors import InputError

SIZES = [0, 1, 240, 241, 4095, BUFFER - 1, BUFFER, BUFFER + 1, 3 * BUFFER + 17]


def write(folder: Path, size: int) -> Path:
    path = folder / f"file-{size}"
    path.write_bytes((b"cxrcat" * (size // 6 + 1))[:size])
    return path


@pytest.mark.parametrize("size", SIZES)
def test_a_file_of_any_size(tmp_path: Path, size: int) -> None:
    path = write(tmp_path, size)
    expected = f"xxh128:{xxhash.xxh3_128_hexdigest(path.read_bytes())}"
    assert str(of_file(path)) == expected
    assert str(of_bytes(path.read_bytes())) == expected
    descriptor = os.open(path, os.O_RDONLY)
    try:
        assert of_descriptor(descriptor) == (of_file(path), size)
    finally:
        os.close(descriptor)


def test_xxhsum_agrees(tmp_path: Path) -> None:
    command = shutil.which("xxhsum")
    if command is None:
        pytest.skip("xxhsum is not installed")
    lines = [f"{of_file(write(tmp_path, size)).digest}  file-{size}\n" for size in SIZES]
    (tmp_path / "sums").write_text("".join(lines))
    done = subprocess.run(
        [command, "-c", "sums"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done
    assert done.stdout.count(": OK") == len(SIZES)


def test_threads_have_buffers_of_their_own() -> None:
    others: list[memoryview] = []
    thread = threading.Thread(target=lambda: others.append(buffer()))
    thread.start()
    thread.join()
    assert buffer() is buffer()
    assert others[0] is not buffer()


def test_many_threads_at_once_do_not_disturb_each_other(tmp_path: Path) -> None:
    paths = [write(tmp_path, BUFFER + each) for each in range(6)]
    expected = {path: xxhash.xxh3_128_hexdigest(path.read_bytes()) for path in paths}
    wrong: list[Path] = []

    def work(path: Path) -> None:
        wrong.extend(path for _ in range(5) if of_file(path).digest != expected[path])

    threads = [threading.Thread(target=work, args=[path]) for path in paths]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    for path, reason in ((tmp_path, "Is a directory"), (tmp_path / "x", "No such file")):
        with pytest.raises(InputError, match=reason) as caught:
            of_file(path)
        assert str(path) in str(caught.value)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.text("abc.png01", min_size=1, max_size=9), max_size=40), st.integers(1, 600))
def test_the_checksum_of_names_is_that_of_the_lines(names: list[str], times: int) -> None:
    text = "".join(f"{name}\n" for name in names * times)
    expected = f"xxh128:{xxhash.xxh3_128_hexdigest(text.encode())}"
    assert names_checksum(iter(names * times)) == expected
