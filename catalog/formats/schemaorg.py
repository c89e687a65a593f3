"""A slice as a Dataset of schema.org, in JSON-LD: for web pages, and what searches them."""

from __future__ import annotations

import json
from typing import Any

from ...schemas.manifest import Provenance
from ...schemas.terms import Citation
from . import cff
from .facts import clean, doi_url, facts_of
from .files import TABLES
from .wording import acknowledgement_sentences, links, paragraph, size

_TYPES = {"dataset": "Dataset", "report": "Report"}  # all other works are articles
_COLUMNS = {
    "findings": "findings that the dataset's own labels say are present",
    "age": "age of the patient in years",
    "sex": "sex of the patient",
    "view": "view position",
    "follow_up": "number of the follow-up study",
}


def write(manifest: Provenance) -> str:
    """Return the JSON-LD, as it stands in a page's ``<script type="application/ld+json">``."""
    dataset, subset = manifest.dataset, manifest.subset
    works = [_work(citation) for citation in manifest.citations]
    keywords = (dataset.short_title, dataset.slug, subset.name, dataset.provider.name)
    provider = _provider(manifest)
    record = {
        "@context": "https://schema.org/",
        "@type": "Dataset",
        "name": cff.title(manifest),
        "description": f"{cff.abstract(manifest)}. {paragraph(manifest)}",
        "identifier": {
            "@type": "PropertyValue",
            "propertyID": "XXH3-128 of the names of the images, one a line",
            "value": subset.names,
        },
        "version": cff.version(manifest),
        "keywords": list(dict.fromkeys(map(clean, keywords))),
        "size": size(manifest),
        "creator": works[0]["author"] if works else [provider],
        "provider": provider,
        "creditText": " ".join(acknowledgement_sentences(manifest)),
        "license": dataset.terms.url,
        "acquireLicensePage": dataset.terms.url,
        "usageInfo": dataset.terms.url,
        "conditionsOfAccess": clean(dataset.terms.words),
        "citation": works,
        "isBasedOn": {
            "@type": "Dataset",
            "name": clean(dataset.title),
            "description": (
                f"Release {dataset.version} of {clean(dataset.title)}: {dataset.images:,} images "
                f"of {dataset.patients:,} patients, provided by {clean(dataset.provider.name)}"
            ),
            "version": dataset.version,
            "url": links(manifest)[0],
            "license": dataset.terms.url,
            "creator": provider,
        },
        "variableMeasured": [
            {"@type": "PropertyValue", "name": column, "description": what}
            for column, what in _COLUMNS.items()
        ],
        "distribution": [
            {
                "@type": "DataDownload",
                "name": fact.path,
                "contentUrl": fact.path,  # beside the page, wherever the slice is put
                "encodingFormat": TABLES[fact.path],
                "contentSize": f"{fact.size} B",
            }
            for fact in manifest.files
            if fact.path in TABLES
        ],
    }
    text = json.dumps(
        {key: value for key, value in record.items() if value}, indent=2, ensure_ascii=False
    )
    # In a page, nothing of it can end the element that holds it; JSON reads the same.
    return text.replace("<", "\\u003c").replace(">", "\\u003e") + "\n"


def _provider(manifest: Provenance) -> dict[str, str]:
    provider = manifest.dataset.provider
    return {
        "@type": "Organization",
        "name": clean(provider.name),
        **({"url": provider.url} if provider.url else {}),
        **({"sameAs": provider.ror} if provider.ror else {}),
    }


def _work(citation: Citation) -> dict[str, Any]:
    facts = facts_of(citation)
    container = clean(citation.container_title or "")
    return {
        "@type": _TYPES.get(citation.type, "ScholarlyArticle"),
        "@id": doi_url(facts.doi),
        "name": facts.title,
        "author": [
            {
                "@type": "Person",
                "name": f"{given} {family}",
                "familyName": family,
                "givenName": given,
            }
            for family, given in facts.authors
        ],
        "datePublished": str(facts.year),
        **({"pagination": facts.pages} if facts.pages else {}),
        **({"isPartOf": {"@type": "CreativeWork", "name": container}} if container else {}),
        "identifier": {"@type": "PropertyValue", "propertyID": "DOI", "value": facts.doi},
    }
