"""Eight processes on one catalog for a while; CXRCAT_SOAK=60 makes it a minute on each database.

``python tests/soak.py --seconds 60`` does the same without pytest.
"""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest

from .. import soak

SECONDS = float(os.environ.get("CXRCAT_SOAK") or 8)


@pytest.mark.slow
def test_nothing_is_lost_and_nobody_sees_an_error(
    location: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "soak"
    folder.mkdir()
    done = soak.soak(location, folder, SECONDS)
    with capsys.disabled():
        print(f"\n{soak.told(done)}", end=" ")  # noqa: T201 - how much was done in the time
    soak.check(location, done, folder)
    counts: Counter[str] = Counter()
    for each in done:
        counts.update(each.counts)
    assert set(counts) == set(soak.VERBS)
