"""What can be done with chest X-ray data and its duties: the public Python API.

>>> from cxrcat.catalog import Catalog, Request
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .catalog import Catalog
    from .export import ImageMode, Request
    from .images import ImageRow
    from .projects import ProjectFacts
    from .tracking import training
    from .uses import NewUse

__all__ = [
    "Catalog",
    "ImageMode",
    "ImageRow",
    "NewUse",
    "ProjectFacts",
    "Request",
    "training",
]

_HOMES = {
    "Catalog": ".catalog",
    "ImageMode": ".export",
    "ImageRow": ".images",
    "NewUse": ".uses",
    "ProjectFacts": ".projects",
    "Request": ".export",
    "training": ".tracking",
}


def __getattr__(name: str) -> object:
    """Import a part of the API when it is first asked for: the command line starts without any."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name], __name__), name)
