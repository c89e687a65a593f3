"""Say which dataset's images some files are, and which subsets, exports and projects hold them."""

from __future__ import annotations

from .names import Named, Naming, by_names, namings
from .nearest import Share, nearest, shares

__all__ = ["Named", "Naming", "Share", "by_names", "namings", "nearest", "shares"]
