"""What a project says of its audits: ``[audit]`` in cxrcat.toml or ``[tool.cxrcat.audit]``."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from ...schemas.errors import InputError
from .model import Severity

_FILE, _PYPROJECT = "cxrcat.toml", "pyproject.toml"
_LARGEST = 1 << 20  # bytes


@dataclass(frozen=True, slots=True)
class Config:
    """What is left out (shell patterns of paths), and how much rules weigh; None is off."""

    exclude: tuple[str, ...]
    severities: dict[str, Severity | None]

    def excludes(self, path: str) -> bool:
        """Tell whether a path of the project is left out, by itself or with its folder."""
        return any(
            fnmatchcase(path, pattern) or path.startswith(f"{pattern.rstrip('/')}/")
            for pattern in self.exclude
        )


def read_config(root: Path) -> Config:
    """Return what the project at a folder says; raise `InputError`, naming the file and the key."""
    for name in (_FILE, _PYPROJECT):
        path = root / name
        if not path.is_file() or path.is_symlink():
            continue
        try:
            if path.stat().st_size > _LARGEST:
                raise InputError(f"{path}: has more than {_LARGEST:,} bytes")
            data = tomllib.loads(path.read_text("utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
            if name == _PYPROJECT:
                continue  # the file is not ours to judge
            said = "nested too deeply" if isinstance(error, RecursionError) else error
            raise InputError(f"{path}: is not TOML: {said}") from error
        except OSError as error:
            raise InputError(f"{path}: cannot be read: {error.strerror}") from error
        tool = data.get("tool") if name == _PYPROJECT else data
        own = tool.get("cxrcat", {}) if name == _PYPROJECT and isinstance(tool, dict) else tool
        if not isinstance(own, dict) or "audit" not in own:
            continue
        # Few projects have any, and what may be said needs all rules.
        from .stated import config_of

        return config_of(own["audit"], path)
    return Config((), {})
