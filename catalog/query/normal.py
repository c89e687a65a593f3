"""The normal form: one text for all spellings of a question that can be seen to be the same."""

from __future__ import annotations

from .spelling import spell
from .tree import FALSE, TRUE, And, Node, Not, OneOf, Or, Range, Value


def normalise(node: Node) -> Node:
    """Return the normal form.

    ``not`` stands at the leaves only; what is joined by ``and`` or ``or`` is flat, sorted by its
    spelling and without repetition; values of one column are one list, bounds one range; ``true``,
    ``false`` and ``x and not x`` are folded. Comparisons are not turned round, since an image of
    which a column says nothing fulfils neither ``age >= 18`` nor ``age < 18``.
    """
    return _normal(node, negated=False)


def _normal(node: Node, negated: bool) -> Node:
    match node:
        case Not(child):
            return _normal(child, not negated)
        case And(children):
            return _join([_normal(child, negated) for child in children], Or if negated else And)
        case Or(children):
            return _join([_normal(child, negated) for child in children], And if negated else Or)
        case _:
            leaf = _tidy(node) if isinstance(node, Range) else node
            return Not(leaf) if negated else leaf


def _join(children: list[Node], kind: type[And | Or]) -> Node:
    """Join normal forms; `unit` changes nothing in the join, `zero` decides it."""
    unit, zero = (TRUE, FALSE) if kind is And else (FALSE, TRUE)
    flat: list[Node] = []
    for child in children:
        flat.extend(child.children if isinstance(child, kind) else [child])
    flat = _merge_bounds(flat) if kind is And else _merge_values(flat)
    distinct = {spell(each): each for each in flat if each != unit}
    if zero in distinct.values():
        return zero
    if any(isinstance(each, Not) and each.child in distinct.values() for each in distinct.values()):
        return zero
    other = Or if kind is And else And
    kept = [
        each
        for each in distinct.values()
        if not (isinstance(each, other) and any(c in distinct.values() for c in each.children))
    ]
    if not kept:
        return unit
    if len(kept) == 1:
        return kept[0]
    return kind(tuple(sorted(kept, key=spell)))


def _merge_values(nodes: list[Node]) -> list[Node]:
    """Join the lists of values that any may match, a column at a time."""
    values: dict[str, set[Value]] = {}
    for node in nodes:
        if isinstance(node, OneOf):
            values.setdefault(node.column, set()).update(node.values)
    others = [node for node in nodes if not isinstance(node, OneOf)]
    return [*others, *(OneOf(column, sort_values(each)) for column, each in values.items())]


def _merge_bounds(nodes: list[Node]) -> list[Node]:
    """Meet the ranges that must all hold, a column at a time."""
    ranges: dict[str, Range] = {}
    others: list[Node] = []
    for node in nodes:
        if isinstance(node, Range):
            ranges[node.column] = _meet(ranges.get(node.column, node), node)
        else:
            others.append(node)
    return [*others, *map(_tidy, ranges.values())]


def _meet(one: Range, two: Range) -> Range:
    low, low_open = max(
        ((each.low, each.low_open) for each in (one, two) if each.low is not None),
        default=(None, False),
    )
    high, closed = min(
        ((each.high, not each.high_open) for each in (one, two) if each.high is not None),
        default=(None, True),
    )
    return Range(one.column, low, high, low_open, not closed)


def _tidy(node: Range) -> Node:
    """Return a range of one value as that value."""
    if node.low is None or node.low != node.high or node.low_open or node.high_open:
        return node
    return OneOf(node.column, (node.low,))


def sort_values(values: set[Value]) -> tuple[Value, ...]:
    """Return values of one column, without repetition, in the order of the normal form."""
    return tuple(sorted(values, key=lambda value: (isinstance(value, str), value)))
