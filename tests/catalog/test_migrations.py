"""The migrations make the tables that the code describes, on both databases."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlmodel import SQLModel, select

from cxrcat.catalog import Catalog, store
from cxrcat.schemas.errors import CatalogError
from cxrcat.schemas.migrations import HEAD
from cxrcat.schemas.tables import LabelSet, Project, Subset, Use, UseArtifact, UtcDateTime


def _same_type(*arguments: object) -> bool | None:
    """Leave out our moment, which is a plain one in the database; compare the others."""
    return False if isinstance(arguments[-1], UtcDateTime) else None


def test_the_tables_are_as_described(location: str) -> None:
    opened = store.Store(location)
    with opened.reading() as session:
        context = MigrationContext.configure(
            session.connection(), opts={"compare_type": _same_type}
        )
        assert compare_metadata(context, SQLModel.metadata) == []
    opened.close()


def test_the_known_head_is_alembics() -> None:
    config = Config()
    folder = Path(store.__file__).parent.parent / "schemas" / "migrations"
    config.set_main_option("script_location", str(folder))
    config.set_main_option("path_separator", "os")
    assert ScriptDirectory.from_config(config).get_current_head() == HEAD


def test_a_failed_first_use_leaves_nothing(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    create: Callable[[str | None], str] = request.getfixturevalue("postgresql")
    for place in (str(tmp_path / "catalog.sqlite"), create(None)):
        with monkeypatch.context() as patch:
            patch.setattr("cxrcat.catalog.create.create_built_in", _fail)
            with pytest.raises(RuntimeError, match="in the middle"):
                Catalog.open(place)
        opened = store.Store(place)
        with opened.reading() as session:
            assert store.revision(session, place) is None
        opened.close()
        with Catalog.open(place) as catalog:
            assert len(catalog.subsets()) == 15


def _fail(*_arguments: object) -> None:
    raise RuntimeError("in the middle")


def test_a_password_is_never_shown(request: pytest.FixtureRequest) -> None:
    request.getfixturevalue("postgresql")
    with pytest.raises(CatalogError) as caught:
        Catalog.open("postgresql://ada:secret@127.0.0.1:1/nothing")
    assert "secret" not in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_a_catalog_of_the_first_release_is_brought_up(
    request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    create: Callable[[str | None], str] = request.getfixturevalue("postgresql")
    for place in (str(tmp_path / "catalog.sqlite"), create(None)):
        opened = store.Store(place)
        with opened.writing() as session:
            connection = session.connection()
            config = Config()
            folder = Path(store.__file__).parent.parent / "schemas" / "migrations"
            config.set_main_option("script_location", str(folder))
            config.set_main_option("path_separator", "os")
            config.attributes["connection"] = connection
            command.upgrade(config, "0001")
            now = datetime.now(UTC)
            tables = sa.MetaData()
            tables.reflect(connection)
            facts = dict.fromkeys(("slug", "version", "title", "descriptor"), "x")
            sums = ("descriptor_checksum", "table_checksum", "names_checksum")
            facts |= dict.fromkeys(sums, "x")
            counts = {"images": 1, "patients": 1}
            connection.execute(
                tables.tables["dataset"].insert(),
                {"id": 1, "is_default": True, "at": now, **facts, **counts},
            )
            connection.execute(
                tables.tables["label_set"].insert(),
                {"id": 1, "dataset_id": 1, "slug": "nih", "title": "x", "source": "x"}
                | {"checksum": "x", "at": now},
            )
            connection.execute(
                tables.tables["subset"].insert(),
                {"id": 1, "dataset_id": 1, "name": "old", "version": 1, "query": "true"}
                | {"normal": "true", "reads": [], "funnel": [], "digest": "x", "members": b"x"}
                | {"note": None, "built_in": False, "by": "ada", "at": now, **counts},
            )
            connection.execute(
                tables.tables["project"].insert(), {"id": 1, "slug": "thesis", "at": now}
            )
            made = {"artifact": "model.pt", "artifact_checksum": "xxh128:" + "0" * 32}
            made |= {"doi": "10.1000/182", "note": None, "contact": "ada", "export_id": None}
            connection.execute(
                tables.tables["use"].insert(),
                {"id": 7, "project_id": 1, "subset_id": 1, "kind": "training", "by": "ada"}
                | {"at": now, **made},
            )
            store.migrate(session)
        with opened.reading() as session:
            assert store.is_current(session)
            use = session.exec(select(Use)).one()
            assert (use.kind, use.contact, use.dois) == ("training", "ada", ["10.1000/182"])
            assert use.at == now
            artifact = session.exec(select(UseArtifact)).one()
            assert (artifact.use_id, artifact.kind, artifact.place) == (use.id, "file", "model.pt")
            assert session.exec(select(Project)).one().title is None
            subset = session.exec(select(Subset)).one()
            assert (subset.name, subset.operation, subset.steps) == ("old", "where", [])
            labels = session.exec(select(LabelSet)).one()
            assert (labels.slug, labels.kind, labels.spec) == ("nih", "labels", None)
        opened.close()
