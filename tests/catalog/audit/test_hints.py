"""Hints are found in bytes whatever stands between their letters."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxrcat.catalog.audit.hints import Hints

WORDS = ["cxr14", "chestxray", "nihcc", "nih\u80f8\u7247"]
HINTS = Hints(WORDS)
# What texts are made of: letters of the words in either case, others, marks, and bytes of UTF-8.
PIECES = st.sampled_from(
    [*"cxrhestnay14CXRHESTNIH", "cxr", "14", "chest", "Xray", "nih", "NIHcc", " ", "-", "\n", "\0"]
) | st.sampled_from(["\u00e9", "\u80f8", "\u7247", "_", "{", "\\", "z", "9"])


def squeezed(data: bytes) -> bytes:
    return bytes(
        byte for byte in data.lower() if chr(byte) in "abcdefghijklmnopqrstuvwxyz0123456789"
    )


@given(st.lists(PIECES, max_size=30).map("".join))
def test_a_hint_is_found_where_the_squeezed_text_holds_it(text: str) -> None:
    data = text.encode()
    latin = any(word.encode() in squeezed(data) for word in WORDS if word.isascii())
    assert HINTS.within(data) == (latin or WORDS[-1].encode() in data)


@given(st.binary(max_size=200))
def test_any_bytes_may_be_looked_at(data: bytes) -> None:
    assert HINTS.within(data) == any(word.encode() in squeezed(data) for word in WORDS[:3])


@pytest.mark.parametrize("data", [b"", b"cxr14", "nih\u80f8\u7247".encode()])
def test_without_words_nothing_is_found(data: bytes) -> None:
    assert not Hints([]).within(data)
