"""The where-language: a question as text, as a tree, in its normal form, and answered."""

from .errors import QueryError
from .evaluate import Index, evaluate, funnel
from .normal import normalise
from .parse import parse
from .reading import Read, reads
from .spelling import spell
from .tree import Node, conditions
from .vocabulary import Column, Kind, LabelWords, Vocabulary

__all__ = [
    "Column",
    "Index",
    "Kind",
    "LabelWords",
    "Node",
    "QueryError",
    "Read",
    "Vocabulary",
    "conditions",
    "evaluate",
    "funnel",
    "normalise",
    "parse",
    "reads",
    "spell",
]
