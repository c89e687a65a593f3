"""A checksum says which algorithm made it, and nothing else passes for one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxrcat.schemas.checksum import Checksum
from cxrcat.schemas.errors import InputError

LENGTHS = {"xxh128": 32, "md5": 32, "sha256": 64, "crc32c": 8}


@given(st.sampled_from(list(LENGTHS)), st.data())
def test_a_checksum_is_read_as_it_is_written(algorithm: str, data: st.DataObject) -> None:
    size = LENGTHS[algorithm]
    digest = data.draw(st.text("0123456789abcdef", min_size=size, max_size=size))
    found = Checksum.parse(f"{algorithm}:{digest}")
    assert (found.algorithm, found.digest) == (algorithm, digest)
    assert Checksum.parse(str(found)) == found


@pytest.mark.parametrize(
    "text",
    [
        "",
        ":",
        "f" * 32,
        "xxh128:",
        "xxh128:" + "f" * 31,
        "xxh128:" + "f" * 33,
        "xxh128:" + "F" * 32,
        "XXH128:" + "f" * 32,
        "xxh128:" + "g" * 32,
        "xxh128: " + "f" * 31,
        "xxh128:" + "f" * 32 + "\n",
        "xxh64:" + "f" * 16,
        "md5:" + "f" * 64,
        "sha256:" + "f" * 32,
        "xxh128:" + "٣" * 32,
    ],
)
def test_what_is_no_checksum_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="is not a checksum; write algorithm:digest") as caught:
        Checksum.parse(text)
    assert str(caught.value).isprintable()


def test_checksums_are_compared_by_algorithm_and_digest() -> None:
    assert Checksum("md5", "f" * 32) != Checksum("xxh128", "f" * 32)
    assert Checksum("md5", "1") < Checksum("xxh128", "0")
    assert len({Checksum("md5", "0"), Checksum("md5", "0")}) == 1
