"""Projects and uses: recorded once, listed by what they are of, found when data is withdrawn."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import col, select

from cxrcat.catalog import Catalog, NewUse, ProjectFacts, Request, events, exports, projects, uses
from cxrcat.catalog.impact import Target
from cxrcat.catalog.withdrawals import Withdraw
from cxrcat.schemas.errors import InputError, NotFoundError, UsageError
from cxrcat.schemas.tables import Event

HERNIA = "00000003_000.png"


@pytest.fixture
def folder(catalog: Catalog, tmp_path: Path) -> Path:
    """Return an export of hernia for the project thesis."""
    _, plan = catalog.export(Request("hernia", tmp_path / "hernia", project="thesis"))
    return plan.destination


def use(**changes: Any) -> NewUse:
    return NewUse(**{"project": "thesis", "kind": "training", "subset": "hernia", **changes})


def log(catalog: Catalog, kind: str) -> list[Event]:
    with catalog._store.reading() as session:
        assert events.first_broken(session) is None
        return list(session.exec(select(Event).where(Event.kind == kind).order_by(col(Event.id))))


def test_a_project_is_recorded_and_more_of_it_is_told(catalog: Catalog, tmp_path: Path) -> None:
    assert catalog.add_project("thesis").how == "added"
    assert catalog.add_project("thesis").how == "already"
    told = catalog.add_project("thesis", ProjectFacts("A thesis", tmp_path, "ada@example.org"))
    assert told.how == "changed"
    assert (told.project.path, told.project.host) == (str(tmp_path), catalog.settings.host)
    told = catalog.add_project("thesis", ProjectFacts(note="two\nlines"))
    assert (told.project.title, told.project.note) == ("A thesis", "two\nlines")
    with catalog._store.reading() as session:
        assert projects.listing(session) == [told.project]
    assert [each.detail for each in log(catalog, "project.added")] == [{}]
    assert [set(each.detail) for each in log(catalog, "project.changed")] == [
        {"title", "path", "host", "contact"},
        {"note"},
    ]


@pytest.mark.parametrize(
    ("slug", "facts"),
    [
        ("Thesis", ProjectFacts()),
        ("../thesis", ProjectFacts()),
        ("thesis", ProjectFacts(title="two\nlines")),
        ("thesis", ProjectFacts(title="")),
        ("thesis", ProjectFacts(contact="\x1b[31m")),
        ("thesis", ProjectFacts(note="\0")),
        ("thesis", ProjectFacts(path=Path("/nowhere/at/all"))),
    ],
)
def test_what_is_no_project(shared: Catalog, slug: str, facts: ProjectFacts) -> None:
    with pytest.raises(UsageError) as caught:
        shared.add_project(slug, facts)
    assert len(str(caught.value).splitlines()) == 1
    assert shared.projects() == []


def test_a_use_is_recorded_once(catalog: Catalog, folder: Path, tmp_path: Path) -> None:
    model = tmp_path / "model.pt"
    model.write_bytes(b"weights")
    stated = use(
        subset=None,
        export=str(folder),
        artifacts=(str(model), "https://ada:pw@example.org/m?token=x"),
        dois=("https://doi.org/10.1000/ABC",),
        contact="ada@example.org",
    )
    first = catalog.record_use(stated)
    assert first.how == "recorded"
    assert [duty.id for duty in first.duties] == ["nih-link", "nih-citation", "nih-acknowledgement"]
    again = catalog.record_use(stated)
    assert (again.how, again.use) == ("already", first.use)
    (found,) = catalog.uses()
    assert found == first.use
    assert [made.place for made in found.artifacts] == [str(model), "https://example.org/m"]
    assert found.artifacts[0].checksum
    assert (found.dois, found.outcome) == (("10.1000/abc",), "completed")
    assert found.export == catalog.exports()[0].id
    model.write_bytes(b"other weights")
    assert catalog.record_use(stated).how == "recorded"
    assert len(catalog.uses()) == 2
    (entry, _) = log(catalog, "use.recorded")
    assert entry.subject == first.use.id
    assert entry.detail["slice"] == "nih-chest-xray@v2020/hernia@1"
    assert "pw" not in str(entry.detail)


def test_another_contact_or_note_changes_the_use(catalog: Catalog) -> None:
    catalog.add_project("thesis")
    first = catalog.record_use(use(contact="ada@example.org"))
    changed = catalog.record_use(use(note="moved"))
    assert (changed.how, changed.use.id) == ("changed", first.use.id)
    assert (changed.use.contact, changed.use.note) == ("ada@example.org", "moved")
    assert [each.detail for each in log(catalog, "use.changed")] == [{"note": "moved"}]


def test_an_export_is_found_by_id_start_and_moved_folder(
    catalog: Catalog, folder: Path, tmp_path: Path
) -> None:
    key = catalog.exports()[0].id
    moved = Path(shutil.move(folder, tmp_path / "elsewhere"))
    made = {catalog.record_use(use(subset=None, export=each)).use.id for each in
            (key, key[:8], str(moved))}  # fmt: skip
    assert len(made) == 1
    assert catalog.use(made.pop()[:6]).use.export == key


def test_uses_are_listed_by_what_they_are_of(catalog: Catalog, folder: Path) -> None:
    catalog.add_project("other")
    catalog.record_use(use())
    catalog.record_use(use(subset=None, export=str(folder), kind="evaluation"))
    catalog.record_use(use(project="other", subset="mass"))
    catalog.withdraw(Withdraw("damaged", images=(HERNIA,)))
    catalog.record_use(use(project="other"))

    def kinds(**asked: str) -> list[str]:
        return sorted(
            f"{each.kind} {each.subset}@{each.subset_version}" for each in catalog.uses(**asked)
        )

    assert kinds(project="thesis") == ["evaluation hernia@1", "training hernia@1"]
    assert kinds(subset="hernia") == [
        "evaluation hernia@1",
        "training hernia@1",
        "training hernia@2",
    ]
    assert kinds(subset="hernia@1", kind="training") == ["training hernia@1"]
    assert len(catalog.uses()) == 4
    with pytest.raises(NotFoundError, match="did you mean thesis"):
        catalog.uses(project="thesiss")
    assert [(each.slug, each.exports, each.uses) for each in catalog.projects()] == [
        ("other", 0, 2),
        ("thesis", 1, 2),
    ]


def test_a_project_owes_what_all_its_slices_owe(
    catalog: Catalog, folder: Path, tmp_path: Path
) -> None:
    assert folder.is_dir()
    catalog.create_subset("marked", "boxed(mass)")
    catalog.record_use(use(subset="marked"))
    _, plan = catalog.export(Request("mass", tmp_path / "mass", project="thesis"))
    with catalog._store.writing() as session:
        row = session.get_one(
            exports.Export, next(e.id for e in catalog.exports() if e.subset == "mass")
        )
        row.source, row.brought_from = "gs://somewhere/dicom", "gcs-dicom"
        session.add(row)
    assert plan.destination.is_dir()
    report = catalog.project("thesis")
    owed = {duty.id: duty for duty in report.duties}
    assert set(owed) > {"nih-link", "nih-citation", "nih-acknowledgement"}
    assert set(owed["nih-link"].slices) == {"hernia@1", "mass@1", "marked@1"}
    converted = [duty for duty in report.duties if "Google" in duty.text]
    assert [duty.slices for duty in converted] == [("mass@1",)] * len(converted)
    assert converted
    assert {each.subset for each in report.exports} == {"mass", "hernia"}
    assert [each.subset for each in report.uses] == ["marked"]
    with pytest.raises(NotFoundError, match="cxrcat project add"):
        catalog.project("unknown")


def test_an_export_of_the_first_releases_owes_its_source_by_its_place(
    catalog: Catalog, folder: Path
) -> None:
    assert folder.is_dir()
    with catalog._store.writing() as session:
        row = session.get_one(exports.Export, catalog.exports()[0].id)
        row.source = "gs://gcs-public-data--healthcare-nih-chest-xray/dicom"
        session.add(row)
    assert any("Google" in duty.text for duty in catalog.project("thesis").duties)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"project": "thesiss"}, "did you mean thesis"),
        ({"kind": "trainng"}, "choose one of training"),
        ({"subset": None}, "name the slice"),
        ({"export": "x"}, "name the slice"),
        ({"subset": "hernja"}, "did you mean hernia"),
        ({"subset": "hernia@7"}, "versions are 1 to 1"),
        ({"subset": None, "export": "0000000000"}, "unknown export"),
        ({"subset": None, "export": "gs://bucket/x"}, "unknown export"),
        ({"subset": None, "export": "."}, "cannot be read"),
        ({"artifacts": ("/nowhere/model.pt",)}, "cannot be read"),
        ({"dois": ("11/x",)}, "not a DOI"),
        ({"contact": "a\nb"}, "the contact is one line"),
        ({"note": "\x1b"}, "cannot be printed"),
    ],
)
def test_what_is_no_use(catalog: Catalog, changes: dict[str, Any], said: str) -> None:
    catalog.add_project("thesis")
    with pytest.raises((UsageError, InputError), match=said) as caught:
        catalog.record_use(use(**changes))
    assert len(str(caught.value).splitlines()) == 1
    assert catalog.uses() == []
    assert log(catalog, "use.recorded") == []


def test_an_abandoned_export_cannot_be_used(catalog: Catalog, folder: Path) -> None:
    with catalog._store.writing() as session:
        exports.settle(session, catalog.exports()[0].id, exports.ABANDONED, "ada")
    with pytest.raises(UsageError, match="abandoned"):
        catalog.record_use(use(subset=None, export=str(folder)))
    assert catalog.project("thesis").duties == ()


def test_a_use_is_among_what_a_withdrawal_touches(catalog: Catalog, folder: Path) -> None:
    catalog.add_project("thesis", ProjectFacts(contact="ada@example.org"))
    made = catalog.record_use(
        use(subset=None, export=str(folder), artifacts=("https://example.org/m",))
    )
    other = catalog.record_use(use(subset="mass", contact="bob@example.org"))
    assert made.withdrawn == 0
    catalog.withdraw(Withdraw("consent withdrawn", images=(HERNIA,)))
    assert catalog.use(made.use.id).withdrawn == 1
    (touched,) = catalog.impact(Target(image=HERNIA)).uses
    assert (touched.id, touched.subset, touched.contact) == (
        made.use.id,
        "hernia@1",
        "ada@example.org",
    )
    assert touched.artifacts == ("https://example.org/m",)
    everything = catalog.impact(Target(labels="nih")).uses
    assert [(each.id, each.contact) for each in everything if each.id == other.use.id] == [
        (other.use.id, "bob@example.org")
    ]
    with catalog._store.reading() as session:
        assert uses.listing(session, subset="hernia@2") == []


def test_a_use_is_in_the_lineage(catalog: Catalog, folder: Path) -> None:
    catalog.create_subset("few", "in_subset(hernia) and age > 60")
    of_folder = catalog.record_use(use(subset=None, export=str(folder))).use
    of_few = catalog.record_use(use(subset="few", kind="publication")).use
    graph = catalog.lineage("hernia")
    assert {node.id for node in graph.nodes if node.kind == "use"} == {
        f"use {of_folder.id}",
        f"use {of_few.id}",
    }
    edges = {(edge.source, edge.made, edge.how) for edge in graph.edges}
    assert (f"export {of_folder.export}", f"use {of_folder.id}", "training") in edges
    assert ("subset few@1", f"use {of_few.id}", "publication") in edges
    assert not any(node.kind == "use" for node in catalog.lineage("mass").nodes)
