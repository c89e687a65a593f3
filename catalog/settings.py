"""What the surroundings decide: where the catalog is, and who is asking. Read once, at the edge."""

from __future__ import annotations

import getpass
import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

CATALOG_VARIABLE = "CXRCAT_CATALOG"
USER_VARIABLE = "CXRCAT_USER"
OPENLINEAGE_VARIABLE = "CXRCAT_OPENLINEAGE"


@dataclass(frozen=True, slots=True)
class Settings:
    """Where the catalog is (a path or a database URL), who is asking, and on which host.

    `openlineage` is the file or URL that OpenLineage's events go to, None for none of ours.
    """

    location: str
    by: str
    host: str
    openlineage: str | None = None

    @classmethod
    def read(
        cls, location: str | None = None, environ: Mapping[str, str] | None = None
    ) -> Settings:
        """Return the settings: `location`, else ``CXRCAT_CATALOG``, else the user's data folder."""
        environ = os.environ if environ is None else environ
        place = location or environ.get(CATALOG_VARIABLE) or str(_default_path())
        by = _printable(environ.get(USER_VARIABLE) or _user())
        openlineage = environ.get(OPENLINEAGE_VARIABLE) or None
        return cls(place, by, socket.gethostname(), openlineage)


def _printable(name: str) -> str:
    """Return a name as it can stand in the catalog and in papers, whatever bytes it was made of."""
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in name)


def data_folder() -> Path:
    """Return the user's data folder of cxrcat, which need not be there."""
    from platformdirs import user_data_path

    return user_data_path("cxrcat", appauthor=False)


def _default_path() -> Path:
    return data_folder() / "catalog.sqlite"


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user id without a name, as in many containers
        return f"uid {os.getuid()}"
