"""Read the values of a question as their column wants them."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import NamedTuple, NoReturn, Protocol

from sqlglot import exp

from ..suggest import unknown
from .tree import Value
from .vocabulary import Column

_LARGEST = 1 << 62  # of whole numbers, so that every database can compare with them


class Failing(Protocol):
    """Whatever can say that a part of the question is wrong."""

    def fail(self, tree: exp.Expr, message: str) -> NoReturn:
        """Raise a `QueryError` with the place of the part."""
        ...


class Bounds(NamedTuple):
    """The two ends of a range; None is no end, open leaves the end out."""

    low: float | None
    high: float | None
    low_open: bool
    high_open: bool


def read_value(reader: Failing, column: Column, tree: exp.Expr) -> Value:
    """Return a value; `reader.fail` is called for one that the column cannot have."""
    if column.kind == "text":
        return _read_text(reader, column, tree)
    number = _read_number(tree)
    if number is None:
        shown = tree.sql()[:40]
        reader.fail(tree, f"{column.name} is a number; {shown} is not")
    if column.kind == "real":
        return float(number) + 0.0  # which makes -0.0 the zero that it equals
    if number != int(number):
        reader.fail(tree, f"{column.name} is a whole number; {float(number)} is not")
    return int(number)


def bounds_of(column: Column, low: Value | None, high: Value | None, is_open: bool) -> Bounds:
    """Return the ends of a range of numbers; those of whole numbers are always included."""
    lowest = None if low is None else float(low) if column.kind == "real" else int(low)
    highest = None if high is None else float(high) if column.kind == "real" else int(high)
    if column.kind == "integer" and is_open:
        lowest = None if lowest is None else lowest + 1
        highest = None if highest is None else highest - 1
        is_open = False
    return Bounds(lowest, highest, is_open and lowest is not None, is_open and highest is not None)


def _read_number(tree: exp.Expr) -> Decimal | None:
    """Return a number exactly as written: a float would round whole numbers from 2**53 on."""
    sign = 1
    while isinstance(tree, exp.Neg | exp.Paren):
        sign = -sign if isinstance(tree, exp.Neg) else sign
        tree = tree.this
    if not isinstance(tree, exp.Literal) or tree.is_string:
        return None
    try:
        number = Decimal(tree.name)
    except InvalidOperation:
        return None
    if not number.is_finite() or abs(number) >= _LARGEST:
        return None
    return sign * number


def _read_text(reader: Failing, column: Column, tree: exp.Expr) -> str:
    if isinstance(tree, exp.Column):
        reader.fail(tree, f"write the value in single quotes: {column.name} = '{tree.name}'")
    if not isinstance(tree, exp.Literal) or not tree.is_string:
        reader.fail(tree, f"{column.name} is text; write the value in single quotes")
    if column.values is None:
        return tree.name
    value = column.values.get(tree.name.casefold())
    if value is None:
        reader.fail(tree, unknown(column.name, tree.name[:40], sorted(set(column.values.values()))))
    return value
