"""One reader of the built-in datasets, for all tests of this folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from cxrcat.catalog.audit.evidence import Reader
from cxrcat.catalog.audit.texts import Text, from_bytes, kind_of

from ...audit_corpus import score


@pytest.fixture(scope="session")
def reader() -> Reader:
    return score.reader()


@pytest.fixture
def text() -> Callable[[str, str], Text]:
    """Make a text of words, as if they stood in a file of that name."""

    def make(name: str, words: str) -> Text:
        kind = kind_of(name)
        assert kind is not None
        made = from_bytes(Path(name), kind, words.encode())
        assert made is not None
        return made

    return make
