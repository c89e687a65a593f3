"""Random questions of the where-language: each as an expression of its own, with what it means.

An expression knows in plain Python whether it holds for a row, and `written` spells it in one of
many ways. Nothing here uses the product's trees, so that the two can be compared.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from hypothesis import strategies as st

Row: TypeAlias = Mapping[str, Any]
"""An image: its columns, and ``said`` (label set, finding) -> state, ``boxes``, ``subsets``."""

Draw: TypeAlias = Callable[[st.SearchStrategy[Any]], Any]

_KEYWORDS = {"and", "between", "false", "in", "is", "not", "null", "or", "true"}


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
class Nay:
    child: Expression


@dataclass(frozen=True)
class Joined:
    word: str  # "and" or "or"
    children: tuple[Expression, ...]


Leaf: TypeAlias = Always | Says | Speaks | HasBox | Among | Lies | Lacks | Counts | Belongs
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
        case Nay(child):
            return not holds(child, row, words)
        case Joined(word, children):
            return (all if word == "and" else any)(holds(each, row, words) for each in children)


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
        st.one_of(st.tuples(bounds, bounds), st.tuples(bounds, st.none()), st.tuples(st.none(), bounds))
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
        st.sampled_from([(1, None), (0, None), (None, 1), (2, 2), (0, 0), (1, 2), (2, 1), (None, -1)])
    )
    return Counts(draw(st.sampled_from(list(words.labels))), low, high)


# How tightly a text binds, from loose to tight.
_OR, _AND, _NOT, _ATOM = range(4)


def written(asked: Expression, words: Words) -> st.SearchStrategy[str]:
    """Return what spells an expression in random ways that all mean the same question."""

    @st.composite
    def texts(draw: Draw) -> str:
        return _Writer(draw, words).text(asked)[0]

    return texts()


class _Writer:
    """Spells expressions, with every choice drawn."""

    def __init__(self, draw: Draw, words: Words) -> None:
        self.draw = draw
        self.words = words

    def text(self, asked: Expression) -> tuple[str, int]:
        """Return a text and how tightly it binds."""
        text, binding = self.plain(asked)
        if self.one_in(8):
            return f"({text})", _ATOM
        return text, binding

    def plain(self, asked: Expression) -> tuple[str, int]:
        match asked:
            case Nay(Lacks(column)) if self.one_in(2):
                return f"{self.name(column)} {self.cased('is not null')}", _ATOM
            case Nay(Among(column, (value,))) if self.one_in(2):
                sign = self.pick(["!=", "<>"])
                return f"{self.name(column)} {sign} {self.value(column, value)}", _ATOM
            case Nay(child):
                return f"{self.cased('not')} {self.within(child, _NOT)}", _NOT
            case Joined(word, children):
                return self.joined(word, [*children])
            case Always(value):
                return self.cased(str(value)), _ATOM
            case Says(labels, finding, "present") if self.one_in(2):
                return self.finding(labels, finding), _ATOM
            case Says(labels, finding, state):
                return f"{self.cased(state)}({self.finding(labels, finding)})", _ATOM
            case Speaks(labels):
                return f"{self.cased('labelled')}({self.name(labels)})", _ATOM
            case HasBox(finding):
                word = "" if finding is None else self.spelling(finding, self.words.boxed[finding])
                return f"{self.cased('boxed')}({word})", _ATOM
            case Among(column, values):
                return self.among(column, list(values))
            case Lies():
                return self.range(asked)
            case Lacks(column):
                return f"{self.name(column)} {self.cased('is null')}", _ATOM
            case Counts():
                return self.count(asked)
            case Belongs(name, version):
                latest = max(each for known, each in self.words.subsets if known == name)
                at = "" if version == latest and self.one_in(2) else f"@{version}"
                return f"{self.cased('in_subset')}('{name}{at}')", _ATOM

    def joined(self, word: str, children: list[Expression]) -> tuple[str, int]:
        binding = _AND if word == "and" else _OR
        parts = [self.within(each, binding + 1) for each in self.shuffled(children)]
        if len(parts) > 2 and self.one_in(3):
            parts[:2] = [f"({parts[0]} {self.cased(word)} {parts[1]})"]
        return f" {self.cased(word)} ".join(parts), binding

    def within(self, asked: Expression, least: int) -> str:
        text, binding = self.text(asked)
        return text if binding >= least else f"({text})"

    def finding(self, labels: str, finding: str) -> str:
        word = self.spelling(finding, self.words.labels[labels][finding])
        if labels == self.words.default and self.one_in(2):
            return word
        return f"{self.name(labels)}.{word}"

    def spelling(self, name: str, synonyms: tuple[str, ...]) -> str:
        word = self.pick([name, *synonyms])
        if re.fullmatch("[A-Za-z_][A-Za-z0-9_]*", word) and word not in _KEYWORDS:
            return self.name(word) if self.one_in(2) else f'"{word}"'
        return '"' + word.replace('"', '""') + '"'

    def among(self, column: str, values: list[Any]) -> tuple[str, int]:
        texts = [self.value(column, each) for each in self.shuffled(values)]
        if len(values) == 1 and self.one_in(4):
            return f"{texts[0]} = {self.name(column)}", _ATOM
        if len(values) > 1 and self.one_in(3):
            word = f" {self.cased('or')} "
            return word.join(f"{self.name(column)} = {each}" for each in texts), _OR
        if len(values) == 1 and self.one_in(2):
            return f"{self.name(column)} = {texts[0]}", _ATOM
        return f"{self.name(column)} {self.cased('in')} ({', '.join(texts)})", _ATOM

    def range(self, asked: Lies) -> tuple[str, int]:
        column = asked.column
        if asked.low is not None and asked.high is not None:
            closed = not (asked.low_open or asked.high_open)
            if closed and self.one_in(2):
                return self.between(self.name(column), asked.low, asked.high), _ATOM
        parts = []
        if asked.low is not None:
            parts.append(self.bound(column, ">", asked.low, asked.low_open))
        if asked.high is not None:
            parts.append(self.bound(column, "<", asked.high, asked.high_open))
        parts = self.shuffled(parts)
        return f" {self.cased('and')} ".join(parts), _AND if len(parts) > 1 else _ATOM

    def bound(self, column: str, sign: str, value: float, is_open: bool) -> str:
        name = self.name(column)
        if self.words.is_whole(column) and self.one_in(3):
            value, is_open = (value - 1 if sign == ">" else value + 1), True
        equal = "" if is_open else "="
        if self.one_in(3):
            return f"{value!r} {'<' if sign == '>' else '>'}{equal} {name}"
        return f"{name} {sign}{equal} {value!r}"

    def between(self, name: str, low: float, high: float) -> str:
        return f"{name} {self.cased('between')} {low!r} {self.cased('and')} {high!r}"

    def count(self, asked: Counts) -> tuple[str, int]:
        name = self.name("findings")
        if asked.labels != self.words.default or self.one_in(2):
            name = f"{self.name(asked.labels)}.{name}"
        if asked.low is None:
            return f"{name} <= {asked.high}", _ATOM
        if asked.high is None:
            return self.pick([f"{name} >= {asked.low}", f"{name} > {asked.low - 1}"]), _ATOM
        if asked.low == asked.high and self.one_in(2):
            return f"{name} = {asked.low}", _ATOM
        if self.one_in(2):
            return f"{name} >= {asked.low} and {name} <= {asked.high}", _AND
        return self.between(name, asked.low, asked.high), _ATOM

    def value(self, column: str, value: Any) -> str:
        if not isinstance(value, str):
            return repr(value)
        if column in self.words.folded:
            value = self.cased(value)
        return "'" + value.replace("'", "''") + "'"

    def name(self, word: str) -> str:
        return self.cased(word)

    def cased(self, word: str) -> str:
        return self.pick([word, word, word.upper(), word.title()])

    def pick(self, choices: list[Any]) -> Any:
        return self.draw(st.sampled_from(choices))

    def shuffled(self, items: list[Any]) -> list[Any]:
        return self.draw(st.permutations(items))

    def one_in(self, number: int) -> bool:
        return bool(self.draw(st.integers(0, number - 1)) == number - 1)
