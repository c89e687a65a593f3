"""Spell a random question as text, in one of the many ways that mean the same."""

from __future__ import annotations

import re
from typing import Any

from hypothesis import strategies as st

from .expressions import (
    Always,
    Among,
    Belongs,
    Compares,
    Counts,
    Draw,
    Expression,
    HasBox,
    Joined,
    Lacks,
    Lies,
    Nay,
    Says,
    Speaks,
    Words,
)

_KEYWORDS = {"and", "between", "false", "in", "is", "not", "null", "or", "true"}

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
            case Compares(one, other, same):
                word = self.cased("agree" if same else "disagree")
                findings = self.shuffled([one, other])
                return f"{word}({', '.join(self.finding(*each) for each in findings)})", _ATOM

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
