"""Read a question: sqlglot makes the tree of its text, and that becomes our own, or an error.

Nothing of the text ever reaches a database: names are looked up and values become parameters.
"""

from __future__ import annotations

import logging
from typing import NoReturn

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from ...schemas.errors import NotFoundError
from ..suggest import nearest, unknown
from .compare import agreement, disagreement, stated
from .errors import QueryError
from .normal import sort_values
from .tree import (
    And,
    Boxed,
    Everything,
    FindingCount,
    FindingIs,
    InSubset,
    Labelled,
    Missing,
    Node,
    Not,
    OneOf,
    Or,
    Range,
)
from .values import Bounds, bounds_of, read_value
from .vocabulary import Column, LabelWords, State, Vocabulary, folded

LONGEST = 20_000  # characters of a question

_STATES: dict[str, State] = {"uncertain": "uncertain", "absent": "absent", "present": "present"}
_COMPARED = ("agree", "disagree")
_FUNCTIONS = (*_STATES, "labelled", "boxed", "in_subset", *_COMPARED)
_FLIPPED = {exp.LT: exp.GT, exp.GT: exp.LT, exp.LTE: exp.GTE, exp.GTE: exp.LTE}
_COUNT = "findings"


def parse(text: str, vocabulary: Vocabulary) -> Node:
    """Return the question as a tree, its conditions in the order in which they were written.

    Raises `QueryError` for whatever is not a question of the language.
    """
    if not text.strip():
        raise QueryError("the question is empty; write a finding, such as pneumothorax", text, 0)
    if len(text) > LONGEST:
        raise QueryError(
            f"the question has {len(text):,} characters; {LONGEST:,} are read", text, 0
        )
    for position, letter in enumerate(text):
        if not letter.isprintable() and letter not in " \t\n\r":
            raise QueryError(
                "the question holds a character that cannot be printed", text, position
            )
    try:
        statements = _statements(text)
        if len(statements) != 1 or statements[0] is None:
            raise QueryError("a question is one expression; leave out the ';'", text, 0)
        return _Reader(text, vocabulary).node(statements[0])
    except RecursionError as error:
        raise QueryError(
            "the question is nested too deeply; split it into subsets", text, 0
        ) from error


def _statements(text: str) -> list[exp.Expr | None]:
    logger = logging.getLogger("sqlglot")  # it warns of syntax that it does not know
    before, logger.disabled = logger.disabled, True
    try:
        _refuse_comments(text)
        return list(sqlglot.parse(text))
    except SqlglotError as error:
        first = next(iter(getattr(error, "errors", None) or [{}]))
        word = first.get("highlight") or ""
        start = _place(text, first.get("line"), first.get("col"), word)
        near = f" at {word!r}" if word else ""
        raise QueryError(
            f"the question cannot be read{near}; join conditions with and, or, not and parentheses",
            text,
            start,
            len(word),
        ) from error
    except (RecursionError, QueryError):
        raise
    except Exception as error:  # sqlglot is given hostile text
        raise QueryError("the question cannot be read", text, 0) from error
    finally:
        logger.disabled = before


def _refuse_comments(text: str) -> None:
    """Raise for a comment: what follows it would be left out without a word."""
    for token in sqlglot.tokenize(text):
        if token.comments:
            raise QueryError("a question has no comments; use --note", text, token.end + 1)


def _place(text: str, line: int | None, column: int | None, word: str) -> int:
    """Return where a word stands, of which sqlglot tells the line and the column of its end."""
    if line is None or column is None:
        return 0
    before = text.split("\n")[: line - 1]
    return sum(len(each) + 1 for each in before) + column - len(word)


class _Reader:
    """Turns sqlglot's tree of one question into ours."""

    def __init__(self, text: str, vocabulary: Vocabulary) -> None:
        self.text = text
        self.words = vocabulary

    def node(self, tree: exp.Expr) -> Node:
        """Return a condition."""
        match tree:
            case exp.Paren():
                return self.node(tree.this)
            case exp.Not():
                return Not(self.node(tree.this))
            case exp.And() | exp.Or():
                kind = And if isinstance(tree, exp.And) else Or
                return kind(tuple(self.node(each) for each in _chain(tree, type(tree))))
            case exp.Boolean():
                return Everything() if tree.this else Not(Everything())
            case exp.Column():
                return self.finding(tree, "present")
            case exp.Anonymous():
                return self.function(tree)
            case exp.Between() if not tree.args.get("symmetric"):
                return self.between(tree)
            case exp.In() if tree.expressions and not _more(tree, "this", "expressions"):
                return self.one_of(tree.this, tree.expressions)
            case exp.Is(expression=exp.Null()):
                return Missing(self.column(tree.this).name)
            case exp.EQ() | exp.NEQ() | exp.LT() | exp.GT() | exp.LTE() | exp.GTE():
                return self.comparison(tree)
            case exp.Sub():
                self.fail_at_hyphen(tree)
            case exp.Func():
                self.fail(tree, unknown("function", tree.sql_name().lower(), _FUNCTIONS))
            case exp.Literal() | exp.Null() | exp.Neg():
                self.fail(tree, "a value alone is not a condition; compare a column with it")
            case _:
                pass
        self.fail(tree, "this is not part of the language; see 'cxrcat subset create --help'")

    def finding(self, tree: exp.Column, state: State) -> FindingIs:
        """Return the condition that a finding is in a state."""
        labels, finding = self.word(tree)
        if state not in labels.states:
            said = ", ".join(sorted(labels.states))
            self.fail(
                tree,
                f"the label set {labels.slug} says only {said}; for the rest write not {finding}",
            )
        return FindingIs(labels.slug, finding, state)

    def word(self, tree: exp.Column) -> tuple[LabelWords, str]:
        """Return a finding and its label set."""
        labels, word = self.qualified(tree)
        if word.casefold() in self.words.unavailable:
            self.fail(tree, self.words.unavailable[word.casefold()])
        spellings = folded(labels.findings)
        finding = spellings.get(word.casefold())
        if finding is None:
            if word.casefold() in (*self.words.columns, _COUNT):
                self.fail(tree, f"{word} is a column; compare it, as in {word} = …")
            near = unknown("finding", word, spellings)
            if "did you mean" not in near and nearest(word, self.words.columns):
                near = unknown("word", word, (*spellings, *self.words.columns))
            self.fail(tree, near)
        return labels, finding

    def qualified(self, tree: exp.Column) -> tuple[LabelWords, str]:
        """Return the label set of a word, and the word alone."""
        if _more(tree, "this", "table") or not isinstance(tree.this, exp.Identifier):
            self.fail(tree, "write a finding, or LABELS.FINDING")
        slug = tree.table.casefold() or self.words.default_labels
        return self.label_set(slug, tree), tree.name

    def label_set(self, slug: str, tree: exp.Expr) -> LabelWords:
        """Return a label set by name."""
        if slug in self.words.unavailable:
            self.fail(tree, self.words.unavailable[slug])
        if slug not in self.words.label_sets:
            self.fail(tree, unknown("label set", slug, self.words.label_sets))
        return self.words.label_sets[slug]

    def function(self, tree: exp.Anonymous) -> Node:
        """Return a condition that is written as a function."""
        name = str(tree.this).casefold()
        if name not in _FUNCTIONS:
            self.fail(tree, unknown("function", name, _FUNCTIONS))
        if name == "boxed" and not tree.expressions:
            return Boxed(None)
        if name in _COMPARED:
            return self.compared(name, tree)
        if len(tree.expressions) != 1:
            self.fail(tree, f"{name}() takes one word")
        (argument,) = tree.expressions
        if name == "in_subset":
            return self.in_subset(argument)
        if not isinstance(argument, exp.Column):
            self.fail(argument, f"{name}() takes a word without quotes")
        if name in _STATES:
            return self.finding(argument, _STATES[name])
        if name == "labelled":
            return Labelled(self.label_set(argument.sql().casefold(), argument).slug)
        spellings = folded(self.words.boxed)
        word = argument.name.casefold()
        if argument.table or word not in spellings:
            self.fail(argument, unknown("finding with boxes", argument.sql()[:60], spellings))
        return Boxed(spellings[word])

    def compared(self, name: str, tree: exp.Anonymous) -> Node:
        """Return the condition that two label sets say the same, or not the same, of findings."""
        if len(tree.expressions) != 2:
            self.fail(tree, f"{name}() takes two findings, as in {name}(nih.mass, expert.mass)")
        said = []
        for argument in tree.expressions:
            if not isinstance(argument, exp.Column):
                self.fail(argument, f"{name}() takes words without quotes")
            said.append(stated(*self.word(argument)))
        return agreement(*said) if name == "agree" else disagreement(*said)

    def in_subset(self, argument: exp.Expr) -> InSubset:
        """Return the condition of being a member of a subset, its version pinned."""
        quoted = isinstance(argument, exp.Literal) and argument.is_string
        if not quoted and (not isinstance(argument, exp.Column) or argument.table):
            self.fail(argument, "write a subset in quotes, as in in_subset('pleural-thickening')")
        name = argument.name
        bare, at, version = name.partition("@")
        if at and not (version.isascii() and version.isdigit() and len(version) < 10):
            self.fail(argument, f"{version!r} is not a version; write NAME or NAME@NUMBER")
        try:
            return InSubset(*self.words.resolve_subset(bare, int(version) if at else None))
        except NotFoundError as error:
            self.fail(argument, str(error))

    def comparison(self, tree: exp.Binary) -> Node:
        """Return a comparison of a column, or of the number of findings, with a value."""
        left, right, kind = tree.left, tree.right, type(tree)
        if isinstance(left, exp.Literal | exp.Neg) and isinstance(right, exp.Column):
            left, right, kind = right, left, _FLIPPED.get(kind, kind)
        if kind is exp.EQ:
            return self.one_of(left, [right])
        if kind is exp.NEQ:
            return Not(self.one_of(left, [right]))
        low, high = (None, right) if kind in (exp.LT, exp.LTE) else (right, None)
        is_open = kind in (exp.LT, exp.GT)
        return self.bounded(left, low, high, is_open)

    def between(self, tree: exp.Between) -> Node:
        """Return a comparison with two bounds, both included."""
        return self.bounded(tree.this, tree.args["low"], tree.args["high"], is_open=False)

    def bounded(
        self, tree: exp.Expr, low: exp.Expr | None, high: exp.Expr | None, is_open: bool
    ) -> Node:
        """Return a range of a column, or of the number of findings."""
        labels = self.counted(tree)
        column = Column(_COUNT, "integer") if labels else self.column(tree)
        if column.kind == "text":
            self.fail(tree, f"{column.name} is text; compare it with = or in")
        bounds: Bounds = bounds_of(
            column,
            None if low is None else read_value(self, column, low),
            None if high is None else read_value(self, column, high),
            is_open,
        )
        if labels is not None:
            return FindingCount(
                labels.slug,
                None if bounds.low is None else int(bounds.low),
                None if bounds.high is None else int(bounds.high),
            )
        return Range(column.name, bounds.low, bounds.high, bounds.low_open, bounds.high_open)

    def one_of(self, tree: exp.Expr, values: list[exp.Expr]) -> Node:
        """Return the condition that a column, or the number of findings, has one of the values."""
        labels = self.counted(tree)
        if labels is not None:
            column = Column(_COUNT, "integer")
            counts = sort_values({read_value(self, column, value) for value in values})
            nodes = tuple(FindingCount(labels.slug, int(n), int(n)) for n in counts)
            return nodes[0] if len(nodes) == 1 else Or(nodes)
        column = self.column(tree)
        return OneOf(column.name, sort_values({read_value(self, column, each) for each in values}))

    def counted(self, tree: exp.Expr) -> LabelWords | None:
        """Return the label set whose findings are counted, None when it is a column."""
        if isinstance(tree, exp.Column) and tree.name.casefold() == _COUNT:
            return self.qualified(tree)[0]
        return None

    def column(self, tree: exp.Expr) -> Column:
        """Return a column by name."""
        if isinstance(tree, exp.Sub):
            self.fail_at_hyphen(tree)
        if not isinstance(tree, exp.Column):
            self.fail(tree, "a comparison has a column on one side and a value on the other")
        name = tree.name.casefold()
        if name in self.words.unavailable:
            self.fail(tree, self.words.unavailable[name])
        if not tree.table and name in self.words.columns:
            return self.words.columns[name]
        labels = self.words.label_sets.get(tree.table.casefold() or self.words.default_labels)
        if labels is not None and name in folded(labels.findings):
            self.fail(tree, f"{tree.name} is a finding; write the word alone, or not {tree.name}")
        self.fail(tree, unknown("column", tree.sql()[:60], self.words.columns))

    def fail_at_hyphen(self, tree: exp.Expr) -> NoReturn:
        """Say of a subtraction that the word was perhaps meant with an underscore."""
        start, end = self.span(tree)
        word = self.text[start:end].replace(" ", "").replace("-", "_").casefold()
        labels = folded(self.words.label_sets[self.words.default_labels].findings)
        near = nearest(word, labels)
        hint = f"; did you mean {near[0]}?" if near else ""
        self.fail(tree, f"a word has no hyphen: {self.text[start:end]!r}{hint}")

    def fail(self, tree: exp.Expr, message: str) -> NoReturn:
        """Raise a `QueryError` with the place of a part of the question."""
        start, end = self.span(tree)
        raise QueryError(message, self.text, start, end - start)

    def span(self, tree: exp.Expr) -> tuple[int, int]:
        """Return where a part of the question stands in its text."""
        marks = [each.meta for each in tree.walk() if "start" in each.meta]
        if not marks:
            return 0, 1
        return min(mark["start"] for mark in marks), max(mark["end"] for mark in marks) + 1


def _chain(tree: exp.Expr, kind: type[exp.Expr]) -> list[exp.Expr]:
    """Return the operands of a chain of one operator, in order, without recursion on its length."""
    found: list[exp.Expr] = []
    while isinstance(tree, kind):
        found.append(tree.args["expression"])
        tree = tree.this
    return [tree, *reversed(found)]


def _more(tree: exp.Expr, *known: str) -> bool:
    """Tell whether a part has arguments beyond the known ones."""
    return any(value for key, value in tree.args.items() if key not in known)
