"""The duties of a slice come from all that it used, and none is ever left out."""

from __future__ import annotations

from typing import Any

import pytest

from cxrcat.catalog.datasets import BUILT_IN, read_descriptor
from cxrcat.catalog.duties import Used, gather
from cxrcat.schemas.descriptor import Descriptor
from cxrcat.schemas.errors import InputError
from cxrcat.schemas.yaml_reader import parse_model

from . import small

NIH = read_descriptor(BUILT_IN / "nih-chest-xray" / "dataset.yaml")
WARD = parse_model(small.DESCRIPTOR, Descriptor, "ward.yaml")
CUT = "the slice is cut from Ward films"


def without(key: str, **changes: Any) -> Descriptor:
    """Return the small dataset's descriptor with a part changed behind the validators' back."""
    return WARD.model_copy(update={key: [], **changes})


def test_nih_is_owed_three_duties_by_every_slice() -> None:
    owed = gather(NIH)
    assert [duty.id for duty in owed.duties] == ["nih-link", "nih-citation", "nih-acknowledgement"]
    assert [duty.kind for duty in owed.duties] == ["link", "citation", "acknowledgement"]
    assert [work.id for work in owed.citations] == ["wang2017chestxray8"]
    for duty in owed.duties:
        assert duty.because == ["the slice is cut from NIH ChestX-ray14"]


def test_a_source_brings_its_duties() -> None:
    owed = gather(NIH, [Used("source", "gcs-dicom", "images were fetched as DICOM")])
    assert owed.duties[-1].id == "google-conversion"
    assert owed.duties[-1].because == ["images were fetched as DICOM"]
    assert len(owed.duties) == 4
    assert len(gather(NIH, [Used("source", "gcs-png", "images were fetched")]).duties) == 3


def test_labels_and_boxes_bring_theirs() -> None:
    assert [each.id for each in gather(WARD).duties] == ["thanks"]
    assert gather(WARD).citations == ()
    owed = gather(
        WARD,
        [
            Used("labels", "panel", "the question reads `panel.mass`"),
            Used("labels", "text", "the question reads `text.mass`"),
            Used("boxes", "drawn", "the question reads `boxed(mass)`"),
        ],
    )
    assert [each.id for each in owed.duties] == ["thanks", "box-paper", "panel-paper"]
    assert [each.id for each in owed.citations] == ["doe2020", "roe2021"]
    assert [each.because for each in owed.duties] == [
        [CUT],
        ["the question reads `boxed(mass)`"],
        ["the question reads `panel.mass`"],
    ]


def test_reasons_are_gathered_in_order_and_said_once() -> None:
    uses = [Used("labels", "panel", why) for why in ("one", "two", "one", "three")]
    assert gather(WARD, uses).duties[-1].because == ["one", "two", "three"]
    nih = gather(NIH, [Used("labels", "nih", "the question reads `nih.mass`")])
    assert nih.duties[1].because == [
        "the slice is cut from NIH ChestX-ray14",
        "the question reads `nih.mass`",
    ]


def test_the_order_is_the_descriptors_whatever_was_used_first() -> None:
    uses = [Used("labels", "panel", "a"), Used("boxes", "drawn", "b")]
    one, two = gather(WARD, uses), gather(WARD, reversed(uses))
    assert one == two


@pytest.mark.parametrize(
    ("kind", "name"),
    [("labels", "nobody"), ("boxes", "mass"), ("source", "web"), ("split", "x"), ("", "")],
)
def test_a_part_that_is_not_described_is_refused(kind: str, name: str) -> None:
    with pytest.raises(InputError, match="so its duties are unknown; add it there"):
        gather(WARD, [Used(kind, name, "it is used")])


def test_a_duty_that_is_not_described_is_refused() -> None:
    with pytest.raises(InputError, match="ward: the duty 'thanks' is owed and is not described"):
        gather(without("duties"))
    others = [duty for duty in WARD.duties if duty.id != "panel-paper"]
    lame = WARD.model_copy(update={"duties": others})
    assert len(gather(lame).duties) == 1
    with pytest.raises(InputError, match="the duty 'panel-paper' is owed and is not described"):
        gather(lame, [Used("labels", "panel", "it is read")])


def test_a_citation_that_is_missing_is_refused() -> None:
    lame = without("citations")
    assert len(gather(lame).duties) == 1
    with pytest.raises(InputError, match="the citation 'doe2020' is owed and is missing"):
        gather(lame, [Used("boxes", "drawn", "it is read")])
