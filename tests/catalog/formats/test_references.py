"""BibTeX, RIS and CSL-JSON: what is written is read back, by us and by other people's readers."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import bibtexparser
import pytest
import rispy
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cxrcat.catalog.formats import bibtex, cff, csl, ris
from cxrcat.catalog.formats.facts import Facts, clean, doi_url, facts_of, spelled
from cxrcat.schemas.descriptor import Descriptor
from cxrcat.schemas.manifest import Provenance
from cxrcat.schemas.terms import Citation

FORMATS = [bibtex, ris, csl]
WANG = Facts(
    title="ChestX-ray8: Hospital-scale Chest X-ray Database and Benchmarks on Weakly-Supervised "
    "Classification and Localization of Common Thorax Diseases",
    authors=(
        ("Wang", "Xiaosong"),
        ("Peng", "Yifan"),
        ("Lu", "Le"),
        ("Lu", "Zhiyong"),
        ("Bagheri", "Mohammadhadi"),
        ("Summers", "Ronald"),
    ),
    year=2017,
    pages="3462-3471",
    doi="10.1109/CVPR.2017.369",
)


def parsed_bibtex(text: str) -> list[dict[str, str]]:
    """The fields of each entry as bibtexparser, of either generation, sees them."""
    if hasattr(bibtexparser, "parse_string"):
        library = bibtexparser.parse_string(text)
        assert not library.failed_blocks
        return [{each.key: each.value for each in entry.fields} for entry in library.entries]
    return bibtexparser.loads(text).entries


def work(title: str, **changes: Any) -> Citation:
    return Citation.model_validate(
        {
            "id": "w",
            "type": "article-journal",
            "title": title,
            "author": [{"family": "Doe", "given": "Jane"}],
            "issued": {"date-parts": [[2020]]},
            "DOI": "10.5555/w",
            **changes,
        }
    )


def meant(title: str) -> bool:
    return bool(clean(title))


# Every character that one of the formats takes for its own, between all that Unicode has.
hostile = st.text(
    st.one_of(
        st.sampled_from(list("{}\\%&#_$~^<>|`\"'@,;:-=[]()*! \n\r\t\u2028\x85\0aAé明😀")),
        st.characters(exclude_categories=["Cs"]),
    ),
    min_size=1,
).filter(meant)
names = hostile.filter(lambda name: meant(name.replace(",", "")))


@pytest.mark.parametrize("format_", FORMATS)
def test_the_paper_of_nih_is_read_back(format_: ModuleType, nih: Provenance) -> None:
    assert format_.read(format_.write(nih.citations)) == [WANG]


@pytest.mark.parametrize("format_", FORMATS)
def test_every_work_is_read_back(format_: ModuleType, manifest: Provenance) -> None:
    facts = [facts_of(citation) for citation in manifest.citations]
    assert format_.read(format_.write(manifest.citations)) == facts


@pytest.mark.parametrize("format_", FORMATS)
def test_no_works_are_read_back(format_: ModuleType) -> None:
    assert format_.read(format_.write([])) == []


@pytest.mark.parametrize("format_", FORMATS)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(title=hostile, family=names, given_=names)
def test_hostile_titles_and_names_are_read_back(
    format_: ModuleType, title: str, family: str, given_: str
) -> None:
    citation = work(title, author=[{"family": family, "given": given_}] * 2)
    (facts,) = format_.read(format_.write([citation]))
    assert facts == facts_of(citation)
    assert facts.title == " ".join(clean(title).split())


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(title=hostile)
def test_other_readers_find_hostile_titles_whole(title: str) -> None:
    citation = work(title)
    (entry,) = parsed_bibtex(bibtex.write([citation]))
    (written,) = [
        line for line in bibtex.write([citation]).splitlines() if line.startswith("  title")
    ]
    assert written == f"  title = {{{entry['title']}}},"
    assert entry["title"].count("{") == entry["title"].count("}")
    (record,) = rispy.loads(ris.write([citation]))
    assert record["title"] == clean(title)


def test_bibtexparser_reads_the_same_facts(everything: Provenance) -> None:
    entries = parsed_bibtex(bibtex.write(everything.citations))
    for entry, citation in zip(entries, everything.citations, strict=True):
        facts = facts_of(citation)
        assert entry["title"].replace("{", "").replace("}", "") == facts.title
        assert entry["author"].replace("\n", " ").split(" and ") == [
            f"{family}, {given_}" for family, given_ in facts.authors
        ]
        assert entry["year"] == str(facts.year)
        assert entry.get("pages") == (facts.pages.replace("-", "--") if facts.pages else None)
        assert entry["doi"] == facts.doi
        assert entry["url"] == f"https://doi.org/{facts.doi}"
        assert entry.get("eprint") == citation.arxiv
        assert entry.get("archiveprefix") == ("arXiv" if citation.arxiv else None)


def test_rispy_reads_the_same_facts(everything: Provenance) -> None:
    records = rispy.loads(ris.write(everything.citations))
    for record, citation in zip(records, everything.citations, strict=True):
        facts = facts_of(citation)
        start, _, end = (facts.pages or "").partition("-")
        assert record["type_of_reference"] == (
            "CONF" if citation.type == "paper-conference" else "JOUR"
        )
        assert record["title"] == facts.title
        assert record["authors"] == [f"{family}, {given_}" for family, given_ in facts.authors]
        assert record["year"] == str(facts.year)
        assert record.get("start_page", "") == start
        assert record.get("end_page", "") == end
        assert record["doi"] == facts.doi
        assert record["urls"] == [f"https://doi.org/{facts.doi}"]


def test_bibtex_protects_capitals_that_a_style_would_lower(descriptor: Descriptor) -> None:
    text = bibtex.write(descriptor.citations)
    assert "title = {{ChestX-ray8}: Hospital-scale Chest {X-ray} Database and Bench" in text
    assert "{COVID-19}}," in text
    assert "Weakly-Supervised" in text
    assert "{Weakly" not in text
    assert "{A} " not in bibtex.write([work("A study of A")])


def test_bibtex_escapes_what_latex_takes_for_its_own() -> None:
    text = bibtex.write(
        [
            work(
                "50% of {x_1} & #2 for $3 \\ ~^",
                author=[{"family": "Sand and Sea", "given": "DF"}, {"family": "Doe", "given": "J"}],
            )
        ]
    )
    assert (
        r"title = {50\% of \textbraceleft{}x\_1\textbraceright{} \& \#2 for \$3 "
        r"\textbackslash{} \textasciitilde{}\textasciicircum{}}," in text
    )
    assert "author = {{Sand and Sea}, D. F. and Doe, J.}," in text


def test_a_doi_is_written_letter_by_letter() -> None:
    doi = "10.1002/(SICI)1097_4571(199806)49:8<693::AID-ASI4>3.0.CO;2-O"
    text = bibtex.write([work("t", DOI=doi)])
    assert f"doi = {{{doi}}}," in text
    assert f"DO  - {doi}\n" in ris.write([work("t", DOI=doi)])
    odd = work("t", DOI="10.5555/{a}\\b")
    assert bibtex.read(bibtex.write([odd])) == [facts_of(odd)]
    assert doi_url("10.5555/a<b>") == "https://doi.org/10.5555/a%3Cb%3E"


@pytest.mark.parametrize(
    ("given_", "expected"),
    [
        ("A", "A."),
        ("DF", "D. F."),
        ("PHC", "P. H. C."),
        ("Le", "Le"),
        ("ALEXANDRA", "ALEXANDRA"),
        ("D. F.", "D. F."),
        ("明", "明"),
        ("Ronald, M", "Ronald M"),
    ],
)
def test_initials_are_spelled_apart(given_: str, expected: str) -> None:
    assert spelled(given_) == expected


@pytest.mark.parametrize("page", [None, "7", "7-9"])
@pytest.mark.parametrize("format_", FORMATS)
def test_pages_may_be_none_one_or_a_range(format_: ModuleType, page: str | None) -> None:
    (facts,) = format_.read(format_.write([work("t", page=page)]))
    assert facts.pages == page


@pytest.mark.parametrize(
    "kind", ["paper-conference", "article-journal", "article", "dataset", "report"]
)
def test_every_type_of_work_is_served(kind: str, nih: Provenance) -> None:
    citation = work("t", type=kind, publisher="P", **{"container-title": "C"})
    for format_ in FORMATS:
        assert format_.read(format_.write([citation])) == [facts_of(citation)]
    written = cff.write(nih.model_copy(update={"citations": [citation]}))
    assert cff.read(written).works == (facts_of(citation),)
