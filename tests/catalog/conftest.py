"""What the tests of the catalog share."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from cxrcat.catalog import Catalog


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def shared(
    request: pytest.FixtureRequest, template: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Catalog]:
    """Open a catalog, on SQLite and on PostgreSQL, for tests that leave nothing behind."""
    if request.param == "sqlite":
        place = str(shutil.copy(template, tmp_path_factory.mktemp("shared") / "catalog.sqlite"))
    else:
        create = request.getfixturevalue("postgresql")
        place = create(request.getfixturevalue("postgresql_template"))
    with Catalog.open(place) as opened:
        yield opened
