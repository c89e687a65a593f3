"""How people and scripts reach cxrcat: thin commands over `cxrcat.catalog`."""

from .app import main

__all__ = ["main"]
