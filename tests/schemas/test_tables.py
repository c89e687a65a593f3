"""Moments in the catalog are in UTC, and one without a time zone is refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy.dialects import postgresql, sqlite

from cxrcat.schemas.tables import Project, UtcDateTime, key_of

MOMENT = datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC)


@pytest.mark.parametrize("dialect", [sqlite.dialect(), postgresql.dialect()])
def test_a_moment_is_stored_and_read_in_utc(dialect: object) -> None:
    kind = UtcDateTime()
    there = MOMENT.astimezone(timezone(timedelta(hours=-5)))
    stored = kind.process_bind_param(there, dialect)  # type: ignore[arg-type]
    assert stored == MOMENT
    assert stored.tzinfo is UTC
    for read in (MOMENT.replace(tzinfo=None), there):
        found = kind.process_result_value(read, dialect)  # type: ignore[arg-type]
        assert found == MOMENT
        assert found.tzinfo is UTC
    assert kind.process_bind_param(None, dialect) is None  # type: ignore[arg-type]
    assert kind.process_result_value(None, dialect) is None  # type: ignore[arg-type]


def test_a_moment_without_a_time_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="has no time zone"):
        UtcDateTime().process_bind_param(MOMENT.replace(tzinfo=None), sqlite.dialect())


def test_a_row_has_a_key_when_it_is_in_the_catalog() -> None:
    row = Project(slug="x", at=MOMENT)
    with pytest.raises(ValueError, match="the row is not in the catalog yet"):
        key_of(row)
    row.id = 7
    assert key_of(row) == 7
