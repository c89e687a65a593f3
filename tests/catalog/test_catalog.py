"""The catalog as a user of the Python API meets it, on SQLite and on PostgreSQL."""

from cxrcat.catalog import Catalog


def test_the_findings_are_subsets_from_the_start(catalog: Catalog) -> None:
    found = {each.name: (each.images, each.patients) for each in catalog.subsets()}
    assert len(found) == 15
    assert found["pneumothorax"] == (5_302, 1_487)
