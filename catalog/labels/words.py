"""Which label sets a question can name, and how to come by those that it cannot name yet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from sqlmodel import Session, col, select

from ...schemas.labels import SPLIT
from ...schemas.tables import Dataset, Facet, Finding, LabelSet
from ..datasets import find

if TYPE_CHECKING:
    from ...schemas.descriptor import Descriptor
    from ..query.vocabulary import LabelWords


def label_words(
    session: Session, dataset: Dataset, descriptor: Descriptor
) -> tuple[dict[str, LabelWords], dict[str, str]]:
    """Return the label sets that are in the catalog with their words, and advice on the others.

    `descriptor` is that of the dataset with the label sets that were brought along.
    """
    from ..query.vocabulary import LabelWords

    query = select(LabelSet.slug).where(LabelSet.dataset_id == dataset.id)
    here = set(session.exec(query))
    stating = set(session.exec(query.join(Finding, col(Finding.label_set_id) == LabelSet.id)))
    shipped = descriptor.version_of(dataset.version).table.labels
    words, advice = {}, {}
    for spec in descriptor.label_sets:
        if spec.slug in stating or spec.slug == shipped:
            words[spec.slug] = LabelWords(
                slug=spec.slug,
                findings={
                    word.name: tuple({word.label, *word.synonyms})
                    for word in descriptor.words_of(spec.slug)
                },
                states=frozenset(spec.states),
            )
        elif spec.slug in here:
            advice[spec.slug] = (
                f"of the label set {spec.slug} only readers' own readings are in the catalog; add "
                f"it again with its labels too: {_command(session, dataset, spec.slug, 'FILE…')}"
            )
        else:
            advice[spec.slug] = absent_labels(session, dataset, descriptor, spec.slug)
    return words, advice


def split_words(
    session: Session, dataset: Dataset, descriptor: Descriptor
) -> tuple[Mapping[str, str] | None, dict[str, str]]:
    """Return the parts of the split by their spellings, None without one, and advice then."""
    query = select(Facet.value).where(Facet.dataset_id == dataset.id, Facet.field == SPLIT)
    parts = {part.casefold(): part for part in session.exec(query) if part}
    if parts:
        return parts, {}
    if not descriptor.splits:
        return None, {}
    return None, {SPLIT: absent_split(session, dataset, descriptor)}


def absent_labels(session: Session, dataset: Dataset, descriptor: Descriptor, slug: str) -> str:
    """Return how to come by a label set that is not in the catalog."""
    access = descriptor.labels_of(slug).access
    what = f"the label set {slug} is not in the catalog"
    return _advice(what, access, _command(session, dataset, slug, "FILE…"))


def absent_split(session: Session, dataset: Dataset, descriptor: Descriptor) -> str:
    """Return how to come by the split lists, which are not in the catalog."""
    (spec,) = descriptor.splits
    files = " ".join(part.file for part in spec.parts)
    what = "the split lists are not in the catalog"
    return _advice(what, spec.access, _command(session, dataset, SPLIT, files))


def _advice(what: str, access: str | None, command: str) -> str:
    if access is None:
        return f"{what}; run {command}"
    return f"{what}: {access}; then run {command}"


def _command(session: Session, dataset: Dataset, slug: str, files: str) -> str:
    default = find(session, None)
    option = "" if dataset.id == default.id else f" --dataset {dataset.slug}@{dataset.version}"
    return f"'cxrcat labels add {slug} {files}{option}'"
