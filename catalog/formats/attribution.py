"""ATTRIBUTION.md: every duty of the slice, why it is owed, and the words that meet it."""

from __future__ import annotations

from ...schemas.manifest import OwedDuty, Provenance
from ...schemas.terms import Citation, DutyKind
from .facts import doi_url, facts_of
from .markdown import code, fenced, prose, with_code
from .wording import count, paragraph, references, size

_DONE = {
    DutyKind.LINK: "The link stands here, in README.md, in CITATION.cff and in "
    "citations/citation.txt.",
    DutyKind.CITATION: "The work is cited here, in README.md, in CITATION.cff and in every file "
    "of citations/.",
    DutyKind.ACKNOWLEDGEMENT: "The acknowledgement stands here, in README.md, in CITATION.cff and "
    "in citations/citation.txt.",
}


def write(manifest: Provenance) -> str:
    """Return ATTRIBUTION.md."""
    dataset, subset = manifest.dataset, manifest.subset
    duties = [_duty(number, duty, manifest) for number, duty in enumerate(manifest.duties, 1)]
    linked = any(duty.kind is DutyKind.LINK for duty in manifest.duties)
    home = "" if linked else f"Home page: <{dataset.homepage}>. "
    about = (
        f"{size(manifest)}, cut from {prose(dataset.title)}, release {prose(dataset.version)}. "
        f"Data provider: {prose(dataset.provider.name)}. {home}Whoever uses the slice owes what "
        "is listed here."
    )
    blocks = [
        f"# Attribution owed by {prose(subset.name)}",
        about,
        "## Ready to paste",
        "In a paper, a README or a model card, this paragraph meets every duty below:",
        fenced(paragraph(manifest)),
        "## Duties",
        *duties,
        "## Terms",
        *_terms(manifest),
    ]
    return "\n\n".join(blocks) + "\n"


def _duty(number: int, duty: OwedDuty, manifest: Provenance) -> str:
    work = {each.id: each for each in manifest.citations}.get(duty.citation or "")
    if duty.kind is DutyKind.CITATION and work is not None:
        owed_to = f"the authors ({_authors(work)})"
    else:
        owed_to = duty.party or manifest.dataset.provider.name
    lines = [
        f"### {number}. {duty.kind.capitalize()}: {prose(duty.id)}",
        "",
        f"- What is owed: {prose(duty.text)}",
        f"- To whom: {prose(owed_to)}",
        f"- Why: {'; '.join(with_code(reason) for reason in duty.because)}",
        f"- Where the duty is stated: {prose(duty.source)}",
        f"- What this export did: {_DONE[duty.kind]}",
        "",
        "The words in which it is met:",
        "",
        "\n>\n".join(f"> {line}" for line in _words(duty, work)),
    ]
    return "\n".join(lines)


def _words(duty: OwedDuty, work: Citation | None) -> list[str]:
    if duty.kind is DutyKind.CITATION and work is not None:
        return reference_lines(work)
    if duty.kind is DutyKind.LINK:
        return [f"{prose(duty.text.rstrip('.'))}: <{duty.url}>"]
    return [prose(duty.text)]


def reference_lines(work: Citation) -> list[str]:
    """Return the wordings of a work in Markdown, each with its DOI and the DOI's address."""
    doi = f"DOI {prose(work.doi)}, <{doi_url(work.doi)}>"
    return [f"{prose(line)} {doi}" for line in references(work)]


def _authors(work: Citation) -> str:
    (family, given), *others = facts_of(work).authors
    return f"{given} {family}" + (f" and {count(len(others), 'other')}" if others else "")


def _terms(manifest: Provenance) -> list[str]:
    terms = manifest.dataset.terms
    name = f"In machine-readable files these terms are called {code(terms.licence)}."
    blocks = [
        f"The owner's own words, from {prose(terms.source)}:",
        f"> “{prose(terms.words)}”",
        f"{prose(terms.title)}, <{terms.url}>. {name}",
    ]
    return [*blocks, prose(terms.note)] if terms.note else blocks
