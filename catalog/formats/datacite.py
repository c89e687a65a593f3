"""DataCite's metadata as JSON, version 4.6: for those who deposit a slice in a repository.

What a repository alone knows is not made up. Its name is DataCite's own word for what is told
later, and there is no DOI.
"""

from __future__ import annotations

import json
from typing import Any

from ...schemas.manifest import Provenance
from ...schemas.terms import Party
from . import cff
from .facts import clean, facts_of
from .files import media_types
from .wording import acknowledgement_sentences, count, link_sentences, links, parties, references

_LATER = ":tba"  # "to be assigned or announced later", of DataCite's list of standard values
_SPDX = {"rightsIdentifierScheme": "SPDX", "schemeUri": "https://spdx.org/licenses/"}


def write(manifest: Provenance) -> str:
    """Return the metadata of the slice; the year is that of the export, the first possible one."""
    dataset, subset = manifest.dataset, manifest.subset
    works = [facts_of(citation) for citation in manifest.citations]
    provider = _organization(dataset.provider)
    keywords = (dataset.short_title, dataset.slug, subset.name, dataset.provider.name)
    record = {
        "schemaVersion": "http://datacite.org/schema/kernel-4",
        "types": {"resourceTypeGeneral": "Dataset", "resourceType": "Subset of a dataset"},
        "creators": [_person(*each) for each in works[0].authors] if works else [provider],
        "titles": [{"title": cff.title(manifest)}],
        "publisher": {"name": _LATER},
        "publicationYear": str(manifest.export.at.year),
        "contributors": [
            {**provider, "contributorType": "DataCollector"},
            *(
                {**_organization(Party(name=party)), "contributorType": "Other"}
                for party in parties(manifest)[1:]
            ),
        ],
        "subjects": [{"subject": each} for each in dict.fromkeys(map(clean, keywords))],
        "version": cff.version(manifest),
        "language": "en",
        "sizes": _sizes(manifest),
        "formats": media_types(manifest),
        "rightsList": [_rights(manifest)],
        "alternateIdentifiers": [
            {
                "alternateIdentifier": subset.names,
                "alternateIdentifierType": "XXH3-128 of the names of the images, one a line",
            }
        ],
        "relatedIdentifiers": [
            *(_related(link, "URL", "IsDerivedFrom", "Dataset") for link in links(manifest)),
            *(_related(work.doi, "DOI", "Cites", None) for work in works),
        ],
        "descriptions": [
            {"descriptionType": "Abstract", "description": cff.abstract(manifest)},
            {"descriptionType": "Other", "description": _duties(manifest)},
        ],
    }
    return (
        json.dumps(
            {key: value for key, value in record.items() if value}, indent=2, ensure_ascii=False
        )
        + "\n"
    )


def _person(family: str, given: str) -> dict[str, str]:
    return {
        "name": f"{family}, {given}",
        "nameType": "Personal",
        "givenName": given,
        "familyName": family,
    }


def _organization(party: Party) -> dict[str, Any]:
    ror = {"nameIdentifier": party.ror, "nameIdentifierScheme": "ROR"}
    return {
        "name": clean(party.name),
        "nameType": "Organizational",
        **({"nameIdentifiers": [{**ror, "schemeUri": "https://ror.org"}]} if party.ror else {}),
    }


def _sizes(manifest: Provenance) -> list[str]:
    subset = manifest.subset
    size = sum(fact.size for fact in manifest.files) + manifest.images.size
    sizes = [count(subset.images, "image"), count(subset.patients, "patient")]
    return [*sizes, *([count(size, "byte")] if size else [])]


def _rights(manifest: Provenance) -> dict[str, str]:
    terms = manifest.dataset.terms
    spdx = {} if terms.licence.startswith("LicenseRef-") else {"rightsIdentifier": terms.licence}
    return {
        "rights": f"{clean(terms.title)}: {clean(terms.words)}",
        "rightsUri": terms.url,
        **({**spdx, **_SPDX} if spdx else {}),
    }


def _related(what: str, kind: str, relation: str, general: str | None) -> dict[str, str]:
    return {
        "relatedIdentifier": what,
        "relatedIdentifierType": kind,
        "relationType": relation,
        **({"resourceTypeGeneral": general} if general else {}),
    }


def _duties(manifest: Provenance) -> str:
    """Return in words what a use of the slice owes; DOIs stand among the related identifiers."""
    works = [f"{references(work)[-1]} DOI {clean(work.doi)}" for work in manifest.citations]
    owed = [*link_sentences(manifest), *acknowledgement_sentences(manifest)]
    cited = [f"Cite: {'; '.join(works)}"] if works else []
    return " ".join(["A use of this slice owes the following.", *owed, *cited])
