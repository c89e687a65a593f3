"""What the catalog knows of images by their names, of which most trees make it read none."""

from __future__ import annotations

import pytest

from cxrcat.catalog import Catalog
from cxrcat.catalog.audit.known import Known, stem_of


def test_every_image_is_found_by_the_stem_of_its_name(catalog: Catalog) -> None:
    with catalog._store.reading() as session:
        known = Known(session)
        found = {
            stem_of(name): known.place_of(stem_of(name))
            for name in ("00000001_000.png", "00000013_005.png", "00030805_000.png")
        }
    assert all(found.values())
    assert len(set(found.values())) == 3


@pytest.mark.parametrize("stem", ["", "scan_1", "00000001", "0", "zz", "00030805_0000", "Ä"])
def test_other_stems_are_of_no_image(catalog: Catalog, stem: str) -> None:
    with catalog._store.reading() as session:
        assert Known(session).place_of(stem) is None


def test_names_are_read_only_for_a_stem_that_lies_among_them(catalog: Catalog) -> None:
    with catalog._store.reading() as session:
        known = Known(session)
        known.place_of("scan_1")
        known.place_of("#")
        assert "_names" not in vars(known)
        known.place_of("00000500_999")
        assert "_names" in vars(known)


def test_a_stem_comes_before_its_name_and_after_shorter_ones(catalog: Catalog) -> None:
    """The first name is ``a-b.png``, though the stem ``a`` of another comes before its stem."""
    with catalog._store.reading() as session:
        known = Known(session)
        known._bounds = [("a-b.png", "a.png")]
        known._names = {"a": (0, 1), "a-b": (0, 0)}
        assert (known.place_of("a"), known.place_of("a-b")) == ((0, 1), (0, 0))
        assert known.place_of("a.png.x") is None


def test_what_an_export_says_wrongly_is_not_asked_for(catalog: Catalog) -> None:
    with catalog._store.reading() as session:
        known = Known(session)
        assert known.export("a\0b") is None
        (release,) = known.defaults
        names = ["00000001_000.png", "mine.png", "a\0b", "00000001_002.png"]
        assert list(known.ordinals(release, names)) == [0, 2]
