"""Manifests made by hand: the real dataset, the real one with all that it can owe, another one."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import cxrcat.schemas
from cxrcat.catalog.duties import Used, gather
from cxrcat.schemas.descriptor import Descriptor
from cxrcat.schemas.labels import LabelSetSpec
from cxrcat.schemas.manifest import (
    SCHEMA_ID,
    AgeGroup,
    DatasetFacts,
    ExportFacts,
    FileFact,
    FindingCount,
    FunnelStep,
    ImagesFacts,
    Profile,
    Provenance,
    ReadFact,
    SetFacts,
    SubsetFacts,
    Tool,
)
from cxrcat.schemas.yaml_reader import parse_model, read_model

NIH = Path(cxrcat.schemas.__file__).parent / "datasets" / "nih-chest-xray" / "dataset.yaml"
BOXES = ("boxes.csv", "boxes.coco.json")
SUM = "xxh128:" + "0123456789abcdef" * 2

OTHER = r"""
format: cxrcat.dataset/1
revision: 1
slug: lakeside
title: "Lakeside Chest Films: 100% frontal & lateral"
short_title: Lakeside films
description: Films that do not exist.
homepage: https://lakeside.example/films
provider: {name: Lakeside Hospital & Friends, url: "https://lakeside.example"}
terms:
  licence: LicenseRef-Lakeside-1.0+odd
  title: Lakeside terms [draft]
  url: https://lakeside.example/terms
  words: "Use *freely*, but name | us."
  source: the hospital's page
owes: [link, first, second, thanks]
duties:
  - id: link
    kind: link
    text: Say where the films are
    url: https://lakeside.example/get?a=1&b=2
    source: page
  - {id: first, kind: citation, text: Cite the first paper., citation: first2021, source: page}
  - {id: second, kind: citation, text: Cite the data paper., citation: second2022, source: page}
  - id: thanks
    kind: acknowledgement
    text: The films come from Lakeside Hospital & Friends.
    party: Lakeside Hospital & Friends
    source: page
citations:
  - id: first2021
    type: report
    title: "{Curly} 50% of $x_1$ \\ ~O(n^2)~ & #1: is `U-Net` <b>bold</b>?"
    author:
      - {family: "O'Neil, Jr.", given: Jean-Paul}
      - {family: 李, given: 明}
      - {family: Sand and Sea, given: DF}
    issued: {date-parts: [[2021, 3]]}
    publisher: Lakeside Press
    DOI: 10.5555/(SICI)1_a<b>%7;2-#
    as_worded: O'Neil et al., 2021, the films.
  - id: second2022
    type: dataset
    title: The films, version 2.
    author: [{family: García Márquez, given: Ana}]
    issued: {date-parts: [[2022]]}
    publisher: PhysioNet
    DOI: 10.5555/films.2
images: {media_type: image/png, width: 10, height: 10, name: any}
vocabulary: {findings: [{name: nodule, label: Nodule}]}
label_sets: [{slug: films, title: Films, method: by hand, states: [present]}]
default_version: "2"
versions:
  - version: "2"
    title: Two
    released: "2022"
    table: {file: t.csv, labels: films, columns: {name: [n], findings: [f], patient: [p]}}
"""


PROFILE = Profile(
    labels="nih",
    findings=[
        FindingCount(name="effusion", label="Effusion", images=996),
        FindingCount(name="hernia", label="Hernia", images=9),
        FindingCount(name="mass", label="Mass", images=431),
        FindingCount(name="pneumothorax", label="Pneumothorax", images=5302),
        FindingCount(name="no_finding", label="No Finding", images=0),
    ],
    together={
        "effusion": {"hernia": 1, "mass": 86, "pneumothorax": 996},
        "hernia": {"pneumothorax": 9},
        "mass": {"pneumothorax": 431},
    },
    ages=[
        AgeGroup(years="0-9", sexes={"F": 7, "M": 34}),
        AgeGroup(years="10-19", sexes={"F": 2578, "M": 2683}),
        AgeGroup(years="90+", sexes={"F": 0, "M": 0}),
        AgeGroup(years="unknown", sexes={"F": 0, "M": 0}),
    ],
    views={"AP": 1895, "PA": 3407},
    patients={"1": 615, "2-5": 626, "6-10": 161, "11-50": 84, "51+": 1},
)


def provenance(descriptor: Descriptor, used: list[Used], **changes: Any) -> Provenance:
    owed = gather(descriptor, used)
    parts: dict[str, Any] = {
        "$schema": SCHEMA_ID,
        "format": "cxrcat.provenance/1",
        "tool": Tool(version="0.1.0"),
        "export": ExportFacts(
            id="e1", at=datetime(2026, 1, 2, tzinfo=UTC), by="ada", host="lab", project=None
        ),
        "dataset": DatasetFacts(
            slug=descriptor.slug,
            version=descriptor.default_version,
            title=descriptor.title,
            short_title=descriptor.short_title,
            homepage=descriptor.homepage,
            provider=descriptor.provider,
            terms=descriptor.terms,
            released=descriptor.version_of(descriptor.default_version).released,
            images=112120,
            patients=30805,
            table_checksum=SUM,
            names_checksum=SUM,
        ),
        "subset": SubsetFacts(
            name="pneumothorax",
            version=1,
            query="pneumothorax",
            normal="pneumothorax",
            operation="where",
            steps=[],
            reads=[ReadFact(kind="labels", name="nih", word="pneumothorax")],
            images=5302,
            patients=1487,
            digest=SUM,
            names=SUM,
            funnel=[
                FunnelStep(
                    condition="pneumothorax",
                    images_before=112120,
                    images=5302,
                    patients_before=30805,
                    patients=1487,
                )
            ],
            profile=PROFILE,
        ),
        "lineage": [],
        "sets": [
            SetFacts(kind="labels", name="nih", title="NIH's labels", source="t.csv", checksum=SUM)
        ],
        "duties": list(owed.duties),
        "citations": list(owed.citations),
        "images": ImagesFacts(
            mode="none",
            source="gcs-png",
            uri="gs://gcs-public-data--healthcare-nih-chest-xray/png/{name}",
            files=0,
            size=0,
            missing=0,
        ),
        "files": [
            FileFact(path=path, size=1, checksum=SUM)
            for path in (
                "metadata.csv",
                *BOXES,
                "ro-crate-metadata.json",
                "croissant.json",
            )
        ],
    }
    return Provenance(**{**parts, **changes})


@pytest.fixture(scope="session")
def descriptor() -> Descriptor:
    return read_model(NIH, Descriptor)


@pytest.fixture(scope="session")
def nih(descriptor: Descriptor) -> Provenance:
    return provenance(descriptor, [Used("labels", "nih", "the question reads `pneumothorax`")])


@pytest.fixture(scope="session")
def everything(descriptor: Descriptor) -> Provenance:
    """All that NIH's dataset can owe: both expert label sets, and the DICOM instances."""
    experts = [
        LabelSetSpec(
            slug=slug, title=slug, method="read", states=["present"], owes=[f"{slug}-citation"]
        )
        for slug in ("expert4", "expert14")
    ]
    sets = [*descriptor.label_sets, *experts]
    return provenance(
        descriptor.model_copy(update={"label_sets": sets}),
        [
            Used("labels", "expert4", "the question reads `expert4.pneumothorax`"),
            Used("labels", "expert14", "the question reads `expert14.nodule`"),
            Used("source", "gcs-dicom", "the images come from the source gcs-dicom"),
        ],
        images=ImagesFacts(
            mode="copy",
            brought_from="gcs-dicom",
            media_type="application/dicom",
            source="gcs-dicom",
            uri="gs://gcs-public-data--healthcare-nih-chest-xray/dicom/{stem}.dcm",
            files=5300,
            size=123456789,
            missing=2,
        ),
    )


@pytest.fixture(scope="session")
def other() -> Provenance:
    """Two works that are hard to write, terms under an odd name, and a hostile question."""
    hostile = "a | b `c` <img src=x>\n|\\| *d* &amp; ${e}$ ]("
    manifest = provenance(parse_model(OTHER, Descriptor, "lakeside.yaml"), [])
    step = manifest.subset.funnel[0].model_copy(update={"condition": hostile})
    finding = FindingCount(name="nodule", label=f"````\n{hostile}", images=5302)
    subset = {"name": "- a_b* <i>", "query": hostile, "normal": hostile, "note": "# 1. *x*\n\n- y"}
    subset |= {"profile": PROFILE.model_copy(update={"findings": [finding], "together": {}})}
    return manifest.model_copy(
        update={
            "subset": manifest.subset.model_copy(update={**subset, "funnel": [step]}),
            "images": ImagesFacts(mode="copy", source=None, uri=None, files=1, size=1, missing=0),
            "files": [],
        }
    )


@pytest.fixture(params=["nih", "everything", "other"])
def manifest(request: pytest.FixtureRequest) -> Provenance:
    found: Provenance = request.getfixturevalue(request.param)
    return found
