"""A dataset in memory: its words, random rows, and an index that looks at every row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st
from pyroaring import BitMap

from cxrcat.catalog.query import Column, LabelWords, Vocabulary
from cxrcat.catalog.suggest import unknown
from cxrcat.schemas.errors import NotFoundError

from .expressions import (
    Among,
    Belongs,
    Counts,
    Expression,
    HasBox,
    Lacks,
    Lies,
    Row,
    Says,
    Speaks,
    Words,
    holds,
)

FINDINGS = {
    "mass": (),
    "nodule": ("spot", "coin lesion"),
    "pleural_thickening": ("Pleural Thickening",),
    "no_finding": ("No Finding",),
}
WORDS = Words(
    labels={"text": FINDINGS, "panel": FINDINGS},
    states={"text": ("present",), "panel": ("present", "absent", "uncertain")},
    columns={
        "age": (0, 1, 17, 18, 19, 65, -1),
        "patient": (1, 2, 30_805),
        "spacing_x": (0.0, 0.143, 0.14300000000000002, 1e-05, 2.0),
        "view": ("PA", "AP"),
        "split": ("train_val", "test"),
        "name": ("a.png", "it's", 'a "b"', "back\\slash", "%s :x ?", "ünï", "'; drop table image"),
    },
    folded=frozenset({"view", "split"}),
    boxed={"mass": (), "nodule": ("spot", "coin lesion")},
    subsets=(("holdout", 1), ("holdout", 2), ("pleural-thickening", 1)),
    empty="no_finding",
)


def resolve(name: str, version: int | None) -> tuple[str, int]:
    """Return a subset of `WORDS` as it is recorded."""
    versions = [each for known, each in WORDS.subsets if known == name.casefold()]
    if not versions or version not in (None, *versions):
        raise NotFoundError(unknown("subset", name, [known for known, _ in WORDS.subsets]))
    return name.casefold(), version or max(versions)


VOCABULARY = Vocabulary(
    label_sets={
        slug: LabelWords(slug, findings, frozenset(WORDS.states[slug]))  # type: ignore[arg-type]
        for slug, findings in WORDS.labels.items()
    },
    default_labels="text",
    columns={
        "age": Column("age", "integer"),
        "patient": Column("patient", "integer"),
        "spacing_x": Column("spacing_x", "real"),
        "view": Column("view", "text", {"pa": "PA", "ap": "AP"}),
        "split": Column("split", "text", {"train_val": "train_val", "test": "test"}),
        "name": Column("name", "text"),
    },
    boxed=WORDS.boxed,
    resolve_subset=resolve,
    unavailable={"expert": "the expert labels are not here; add them first"},
)


def rows() -> st.SearchStrategy[list[Row]]:
    """Return what makes a few random images, each column missing at times."""
    said = [(labels, finding) for labels in WORDS.labels for finding in FINDINGS]
    states = {labels: st.sampled_from(states) for labels, states in WORDS.states.items()}
    one = st.fixed_dictionaries(
        {
            **{name: st.none() | st.sampled_from(each) for name, each in WORDS.columns.items()},
            "said": st.fixed_dictionaries(
                {}, optional={(labels, finding): states[labels] for labels, finding in said}
            ),
            "boxes": st.frozensets(st.sampled_from(list(WORDS.boxed))),
            "subsets": st.frozensets(st.sampled_from(WORDS.subsets)),
        }
    )
    return st.lists(one, min_size=1, max_size=12)


def matching(asked: Expression, images: Sequence[Row], words: Words) -> BitMap:
    """Return the places of the rows that answer a question."""
    return BitMap(place for place, row in enumerate(images) if holds(asked, row, words))


class MemoryIndex:
    """Answers each leaf by looking at every row; serves `query.Index`."""

    def __init__(self, images: Sequence[Row]) -> None:
        self.images = images

    def _where(self, asked: Expression) -> BitMap:
        return matching(asked, self.images, WORDS)

    def universe(self) -> BitMap:
        return BitMap(range(len(self.images)))

    def finding(self, labels: str, finding: str, state: str) -> BitMap:
        return self._where(Says(labels, finding, state))

    def labelled(self, labels: str) -> BitMap:
        return self._where(Speaks(labels))

    def boxed(self, finding: str | None) -> BitMap:
        return self._where(HasBox(finding))

    def one_of(self, column: str, values: Sequence[Any]) -> BitMap:
        return self._where(Among(column, tuple(values)))

    def range(
        self, column: str, low: float | None, high: float | None, low_open: bool, high_open: bool
    ) -> BitMap:
        return self._where(Lies(column, low, high, low_open, high_open))

    def missing(self, column: str) -> BitMap:
        return self._where(Lacks(column))

    def count(self, labels: str, low: int | None, high: int | None) -> BitMap:
        return self._where(Counts(labels, low, high))

    def subset(self, name: str, version: int) -> BitMap:
        return self._where(Belongs(name, version))
