"""What a project says of its audits: ``[audit]`` in cxrcat.toml or ``[tool.cxrcat.audit]``."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from ...schemas.errors import InputError
from ..suggest import unknown
from .model import Severity
from .rules import rules

_FILE, _PYPROJECT = "cxrcat.toml", "pyproject.toml"
_LARGEST = 1 << 20  # bytes


class _Audit(BaseModel):
    model_config = ConfigDict(extra="forbid")

    exclude: list[str] = []
    rules: dict[str, Literal["error", "warning", "note", "off"]] = {}


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
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            if name == _PYPROJECT:
                continue  # the file is not ours to judge
            raise InputError(f"{path}: is not TOML: {error}") from error
        except OSError as error:
            raise InputError(f"{path}: cannot be read: {error.strerror}") from error
        tool = data.get("tool") if name == _PYPROJECT else data
        own = tool.get("cxrcat", {}) if name == _PYPROJECT and isinstance(tool, dict) else tool
        if not isinstance(own, dict) or "audit" not in own:
            continue
        return _config(own["audit"], path)
    return Config((), {})


def _config(data: object, path: Path) -> Config:
    try:
        found = _Audit.model_validate(data)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(["audit", *map(str, first["loc"])])
        raise InputError(f"{path}: {key}: {first['msg']}") from error
    known = [rule.id for rule in rules()]
    for name in found.rules:
        if name not in known:
            raise InputError(f"{path}: audit.rules: {unknown('rule', name, known)}")
    severities = {
        name: None if value == "off" else Severity(value) for name, value in found.rules.items()
    }
    return Config(tuple(found.exclude), severities)
