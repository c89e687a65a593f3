"""The database migrations, run by alembic; `HEAD` is the revision that this release writes."""

HEAD = "0006"
"""The newest revision, known without importing alembic: opening a catalog compares it only."""
