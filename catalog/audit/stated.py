"""Check what a project says of its audits."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from ...schemas.errors import InputError
from ..suggest import unknown
from .config import Config
from .model import Severity
from .rules import rules


class _Audit(BaseModel):
    model_config = ConfigDict(extra="forbid")

    exclude: list[str] = []
    rules: dict[str, Literal["error", "warning", "note", "off"]] = {}


def config_of(data: object, path: Path) -> Config:
    """Return what the table ``audit`` of a file says; raise `InputError`, naming the key."""
    if not isinstance(data, dict):
        raise InputError(f"{path}: audit: is no table; write it under [audit]")
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
