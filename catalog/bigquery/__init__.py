"""BigQuery: questions that are answered there, and the DICOM metadata that a table there holds."""

from .warehouse import Bill, Grant

__all__ = ["Bill", "Grant"]
