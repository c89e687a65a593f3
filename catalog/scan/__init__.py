"""Look at images that are already somewhere: record where, and say what is wrong with them."""

from __future__ import annotations

from .report import Changed, Differing, Noted, ScanReport, Twice
from .run import Scan, scan

__all__ = ["Changed", "Differing", "Noted", "Scan", "ScanReport", "Twice", "scan"]
