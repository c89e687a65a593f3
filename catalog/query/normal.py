"""The normal form: one text for all spellings of a question that can be seen to be the same."""

from __future__ import annotations

from .spelling import spell
from .tree import FALSE, TRUE, And, FindingCount, Node, Not, OneOf, Or, Range, Value


def normalise(node: Node) -> Node:
    """Return the normal form.

    ``not`` stands at the leaves only; what is joined by ``and`` or ``or`` is flat, sorted by its
    spelling and without repetition; values of one column are one list, bounds one range; ``true``,
    ``false``, ``x and not x`` and ranges that nothing lies in are folded. Comparisons are not
    turned round, since an image of which a column says nothing fulfils neither ``age >= 18`` nor
    ``age < 18``.
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
            leaf = _tidy(node)
            return _negate(leaf) if negated else leaf


def _join(children: list[Node], kind: type[And | Or]) -> Node:
    """Join normal forms; `unit` changes nothing in the join, `zero` decides it."""
    unit, zero = (TRUE, FALSE) if kind is And else (FALSE, TRUE)
    flat: list[Node] = []
    for child in children:
        flat.extend(child.children if isinstance(child, kind) else [child])
    flat = _merge(flat, kind)
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


def _merge(nodes: list[Node], kind: type[And | Or]) -> list[Node]:
    """Join what speaks of one column: bounds that must all hold, and values of which any may.

    Under ``and`` these are the ranges and the denied values, under ``or`` the values and the
    denied ranges. One number is a range of one value where ranges are joined.
    """
    bounds: dict[tuple[type[Node], str], Range | FindingCount] = {}
    values: dict[str, set[Value]] = {}
    others: list[Node] = []
    for node in nodes:
        leaf = node.child if isinstance(node, Not) else node
        ranged = isinstance(node, Not) == (kind is Or)
        if ranged:
            leaf = _widen(leaf)
        if ranged and isinstance(leaf, Range | FindingCount):
            name = leaf.column if isinstance(leaf, Range) else leaf.labels
            place = type(leaf), name
            bounds[place] = _meet(bounds.get(place, leaf), leaf)
        elif not ranged and isinstance(leaf, OneOf):
            values.setdefault(leaf.column, set()).update(leaf.values)
        else:
            others.append(node)
    met = [_tidy(each) for each in bounds.values()]
    united: list[Node] = [OneOf(column, sort_values(each)) for column, each in values.items()]
    if kind is Or:
        return [*others, *map(_negate, met), *united]
    return [*others, *met, *map(_negate, united)]


def _meet(one: Range | FindingCount, two: Range | FindingCount) -> Range | FindingCount:
    """Return the bounds of both; the two are of one column, or of one label set's findings."""
    low, low_open = max(
        ((each.low, _opens(each)[0]) for each in (one, two) if each.low is not None),
        default=(None, False),
    )
    high, closed = min(
        ((each.high, not _opens(each)[1]) for each in (one, two) if each.high is not None),
        default=(None, True),
    )
    if isinstance(one, FindingCount):
        return FindingCount(one.labels, _count(low), _count(high))
    return Range(one.column, low, high, low_open, not closed)


def _count(bound: float | None) -> int | None:
    return None if bound is None else int(bound)


def _opens(node: Range | FindingCount) -> tuple[bool, bool]:
    return (node.low_open, node.high_open) if isinstance(node, Range) else (False, False)


def _widen(node: Node) -> Node:
    """Return the one number of a column as a range."""
    match node:
        case OneOf(column, (int() | float() as value,)):
            return Range(column, value, value)
        case _:
            return node


def _tidy(node: Node) -> Node:
    """Return a range of one value as that value, and one that nothing lies in as false."""
    if not isinstance(node, Range | FindingCount) or node.low is None or node.high is None:
        return node
    if node.low > node.high or (node.low == node.high and any(_opens(node))):
        return FALSE
    if isinstance(node, Range) and node.low == node.high:
        return OneOf(node.column, (node.low,))
    return node


def _negate(leaf: Node) -> Node:
    return leaf.child if isinstance(leaf, Not) else Not(leaf)


def sort_values(values: set[Value]) -> tuple[Value, ...]:
    """Return values of one column, without repetition, in the order of the normal form."""
    return tuple(sorted(values, key=lambda value: (isinstance(value, str), value)))
