"""Random questions of the where-language: each as an expression of its own, with what it means.

An expression knows in plain Python whether it holds for a row; `spellings.written` writes it in
one of many ways. Nothing here uses the product's trees, so that the two can be compared.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from hypothesis import strategies as st

Row: TypeAlias = Mapping[str, Any]
"""An image: its columns, and ``said`` (label set, finding) -> state, ``boxes``, ``subsets``."""

Draw: TypeAlias = Callable[[st.SearchStrategy[Any]], Any]


@dataclass(frozen=True)
class Words:
    """What questions can be made of.

    `labels` maps each label set to its findings with their synonyms, the default one first;
    `columns` maps each column to values worth asking for, of one type; of the text columns in
    `folded` a value may be written in any case. `empty` is the finding that is no finding.
    """

    labels: Mapping[str, Mapping[str, tuple[str, ...]]]
    states: Mapping[str, tuple[str, ...]]
    columns: Mapping[str, tuple[Any, ...]]
    folded: frozenset[str] = frozenset()
    boxed: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    subsets: tuple[tuple[str, int], ...] = ()
    empty: str | None = None

    @property
    def default(self) -> str:
        return next(iter(self.labels))

    def is_number(self, column: str) -> bool:
        return not isinstance(self.columns[column][0], str)

    def is_whole(self, column: str) -> bool:
        return isinstance(self.columns[column][0], int)


@dataclass(frozen=True)
class Always:
    value: bool


@dataclass(frozen=True)
class Says:
    labels: str
    finding: str
    state: str


@dataclass(frozen=True)
class Speaks:
    labels: str


@dataclass(frozen=True)
class HasBox:
    finding: str | None


@dataclass(frozen=True)
class Among:
    column: str
    values: tuple[Any, ...]


@dataclass(frozen=True)
class Lies:
    column: str
    low: float | None
    high: float | None
    low_open: bool
    high_open: bool


@dataclass(frozen=True)
class Lacks:
    column: str


@dataclass(frozen=True)
class Counts:
    labels: str
    low: int | None
    high: int | None


@dataclass(frozen=True)
class Belongs:
    name: str
    version: int


@dataclass(frozen=True)
class Compares:
    """Two label sets state of a finding each the same, or not the same."""

    one: tuple[str, str]
    other: tuple[str, str]
    same: bool


@dataclass(frozen=True)
class Nay:
    child: Expression


@dataclass(frozen=True)
class Joined:
    word: str  # "and" or "or"
    children: tuple[Expression, ...]


Leaf: TypeAlias = (
    Always | Says | Speaks | HasBox | Among | Lies | Lacks | Counts | Belongs | Compares
)
Expression: TypeAlias = Leaf | Nay | Joined


def holds(asked: Expression, row: Row, words: Words) -> bool:
    """Tell whether a row answers the question."""
    match asked:
        case Always(value):
            return value
        case Says(labels, finding, state):
            return row["said"].get((labels, finding)) == state
        case Speaks(labels):
            return any(of == labels for of, _ in row["said"])
        case HasBox(finding):
            return bool(row["boxes"]) if finding is None else finding in row["boxes"]
        case Among(column, values):
            return row[column] in values
        case Lies(column, low, high, low_open, high_open):
            value = row[column]
            if value is None:
                return False
            above = low is None or value > low or (value == low and not low_open)
            return above and (high is None or value < high or (value == high and not high_open))
        case Lacks(column):
            return row[column] is None
        case Counts(labels, low, high):
            number = sum(
                state == "present" and of == labels and finding != words.empty
                for (of, finding), state in row["said"].items()
            )
            return (low is None or number >= low) and (high is None or number <= high)
        case Belongs(name, version):
            return (name, version) in row["subsets"]
        case Compares(one, other, same):
            states = [stated(each, row, words) for each in (one, other)]
            return None not in states and (states[0] == states[1]) == same
        case Nay(child):
            return not holds(child, row, words)
        case Joined(word, children):
            return (all if word == "and" else any)(holds(each, row, words) for each in children)


def stated(said: tuple[str, str], row: Row, words: Words) -> str | None:
    """Return what a label set states of a finding of a row; None when it states nothing.

    A set that never says "absent" denies what it does not state, of the images it speaks of.
    """
    state = row["said"].get(said)
    if state is None and "absent" not in words.states[said[0]]:
        return "absent" if any(labels == said[0] for labels, _ in row["said"]) else None
    return state  # type: ignore[no-any-return]


def expressions(words: Words, leaves: int = 8) -> st.SearchStrategy[Expression]:
    """Return what makes random expressions of so many leaves at most."""
    return st.recursive(
        _leaves(words),
        lambda child: st.one_of(
            child.map(Nay),
            st.builds(
                Joined,
                st.sampled_from(["and", "or"]),
                st.lists(child, min_size=2, max_size=4).map(tuple),
            ),
        ),
        max_leaves=leaves,
    )


def _leaves(words: Words) -> st.SearchStrategy[Leaf]:
    said = [
        Says(labels, finding, state)
        for labels, findings in words.labels.items()
        for finding in findings
        for state in words.states[labels]
    ]
    numbers = [name for name in words.columns if words.is_number(name)]
    found: list[st.SearchStrategy[Leaf]] = [
        st.booleans().map(Always),
        st.sampled_from(said),
        st.sampled_from(said),
        st.sampled_from(list(words.labels)).map(Speaks),
        st.sampled_from(list(words.columns)).flatmap(
            lambda column: st.builds(
                Among,
                st.just(column),
                st.lists(
                    st.sampled_from(words.columns[column]), min_size=1, max_size=4, unique=True
                ).map(tuple),
            )
        ),
        st.sampled_from(numbers).flatmap(lambda column: _ranges(words, column)),
        st.sampled_from(list(words.columns)).map(Lacks),
        _counts(words),
        _comparisons(words),
    ]
    if words.boxed:
        found.append(st.sampled_from([None, *words.boxed]).map(HasBox))
    if words.subsets:
        found.append(st.sampled_from(words.subsets).map(lambda each: Belongs(*each)))
    return st.one_of(found)


@st.composite
def _ranges(draw: Draw, words: Words, column: str) -> Lies:
    bounds = st.sampled_from(words.columns[column])
    low, high = draw(
        st.one_of(
            st.tuples(bounds, bounds), st.tuples(bounds, st.none()), st.tuples(st.none(), bounds)
        )
    )
    if words.is_whole(column):
        return Lies(column, low, high, low_open=False, high_open=False)
    return Lies(
        column,
        low,
        high,
        low_open=low is not None and draw(st.booleans()),
        high_open=high is not None and draw(st.booleans()),
    )


@st.composite
def _counts(draw: Draw, words: Words) -> Counts:
    low, high = draw(
        st.sampled_from(
            [(1, None), (0, None), (None, 1), (2, 2), (0, 0), (1, 2), (2, 1), (None, -1)]
        )
    )
    return Counts(draw(st.sampled_from(list(words.labels))), low, high)


def _comparisons(words: Words) -> st.SearchStrategy[Compares]:
    said = [(labels, finding) for labels, every in words.labels.items() for finding in every]
    return st.builds(Compares, st.sampled_from(said), st.sampled_from(said), st.booleans())
