"""Read a YAML file into a pydantic model; every error names the file, the line and the key."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError
from yaml.constructor import SafeConstructor

from .errors import InputError

LARGEST = 4 << 20  # bytes; a descriptor has about 20,000
_DEEPEST = 64  # lists and mappings inside one another; a descriptor has about 6

_Model = TypeVar("_Model", bound=BaseModel)
# The parser in C is the same safe one, ten times faster; some builds of PyYAML lack it.
_Loader: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_model(path: Path, model: type[_Model]) -> _Model:
    """Return the file as `model`.

    Raises `InputError` when the file cannot be read, is not YAML, repeats a key, uses an alias
    (a few bytes of aliases can stand for gigabytes), or does not fit the model.
    """
    try:
        if path.stat().st_size > LARGEST:
            raise InputError(f"{path}: larger than {LARGEST >> 20} MiB, so not a descriptor")
        text = path.read_text("utf-8")
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: is not UTF-8 text (byte {error.start})") from error
    return parse_model(text, model, str(path))


def load(text: str) -> Any:
    """Return the data of a text that cxrcat wrote itself; raise `yaml.YAMLError` for what is none.

    What others wrote is read by `parse_data` and `parse_model`, which bounds what a text may be.
    """
    root = yaml.compose(text, Loader=_Loader)
    return None if root is None else SafeConstructor().construct_document(root)


def parse_data(text: str, where: str) -> Any:
    """Return the data of a YAML text that others wrote (see `read_model`), of whatever shape."""
    return _parse(text, where)[1]


def parse_model(text: str, model: type[_Model], where: str) -> _Model:
    """Return the YAML `text` as `model`; `where` names it in errors (see `read_model`)."""
    root, data = _parse(text, where)
    try:
        return model.model_validate(data)
    except ValidationError as error:
        first, *others = error.errors(include_url=False)
        key = ".".join(str(part) for part in first["loc"]) or "the whole file"
        line = _line_of(root, first["loc"])
        more = f" (and {len(others)} more)" if others else ""
        message = first["msg"].removeprefix("Value error, ")
        raise InputError(f"{where}:{line}: {key}: {message}{more}") from error


def _parse(text: str, where: str) -> tuple[yaml.Node | None, Any]:
    """Return the tree of a text, and the data that is made from it."""
    try:
        depth = 0
        for event in yaml.parse(text, Loader=_Loader):
            depth += isinstance(event, yaml.CollectionStartEvent)
            depth -= isinstance(event, yaml.CollectionEndEvent)
            line = event.start_mark.line + 1 if event.start_mark else 1
            if isinstance(event, yaml.AliasEvent):
                raise InputError(f"{where}:{line}: aliases are not allowed; write it out")
            if depth > _DEEPEST:  # the parser in C would run out of its stack, and end the process
                raise InputError(f"{where}:{line}: nested too deeply")
        root = yaml.compose(text, Loader=_Loader)
        for key, line in _repeated_keys(root):
            raise InputError(f"{where}:{line}: the key {key!r} is there twice; keep one")
        return root, None if root is None else SafeConstructor().construct_document(root)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        line = 1 if mark is None else mark.line + 1
        raise InputError(f"{where}:{line}: is not YAML: {error.problem or error}") from error
    except (AttributeError, LookupError, TypeError) as error:  # PyYAML's own, as of !!timestamp x
        raise InputError(f"{where}: is not YAML: a value is not what its tag says") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(f"{where}: is not YAML: {reason}") from error


def _repeated_keys(node: yaml.Node | None) -> Iterator[tuple[str, int]]:
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if isinstance(key.value, str):
                if key.value in seen:
                    yield key.value, key.start_mark.line + 1
                seen.add(key.value)
            yield from _repeated_keys(value)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _repeated_keys(item)


def _line_of(node: yaml.Node | None, location: tuple[int | str, ...]) -> int:
    """Return the line of the deepest part of `location` that is in the file."""
    line = 1
    for part in location:
        if isinstance(node, yaml.MappingNode):
            found = [(key, value) for key, value in node.value if key.value == part]
            if not found:
                break
            key, node = found[0]
            line = key.start_mark.line + 1
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int):
            if part >= len(node.value):
                break
            node = node.value[part]
            line = node.start_mark.line + 1
        else:
            break
    return line
