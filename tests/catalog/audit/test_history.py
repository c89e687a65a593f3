"""Recorded audits stand beside those before them, whatever the clock says."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from cxrcat.catalog import store
from cxrcat.catalog.audit import history

from .test_results import report


def test_the_one_before_is_the_one_recorded_before(
    sqlite_location: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = datetime(2026, 1, 2, tzinfo=UTC)
    moments = iter([start, start - timedelta(hours=1)])  # at which the clock was set back

    class Clock(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:
            return next(moments).astimezone(tz)

    monkeypatch.setattr(history, "datetime", Clock)
    bad = report(tmp_path)
    good = replace(bad, projects=(replace(bad.projects[0], problems=()),))
    opened = store.Store(sqlite_location)
    for each in (bad, good):
        with opened.writing() as session:
            history.record(session, each, "here")
    with opened.reading() as session:
        after, before = history.listing(session)
    opened.close()
    assert (len(before.problems), before.new, before.mended) == (3, (), ())
    assert (len(after.problems), after.new, len(after.mended)) == (0, (), 3)
