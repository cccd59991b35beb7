"""Reads the user's TOML files into pydantic models, with errors that name line and key."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ValidationError

from modechat.domain.decoding import NotText, decode_text
from modechat.domain.near import did_you_mean, near
from modechat.errors import ConfigError
from modechat.field_docs import field_docs

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

M = TypeVar("M", bound=BaseModel)

# pydantic names these types in the words of Python, not of TOML.
_WANTED = {"model_type": "this must be a table", "tuple_type": "this must be a list"}


def read_text(path: Path) -> str:
    """Read a file of the user.

    Raises FileNotFoundError if the file is absent or its folder is a file, and ConfigError if it
    cannot be read.
    """
    try:
        return decode_text(path.read_bytes())
    except FileNotFoundError:
        raise
    except NotADirectoryError as error:
        raise FileNotFoundError(*error.args) from error
    except OSError as error:
        raise ConfigError(f"{path} cannot be read", f"{error}") from error
    except NotText as problem:
        raise ConfigError(f"{path} {problem.reason}", problem.hint) from problem


def read_toml(path: Path, text: str, model: type[M]) -> M:
    """Return the values in `text`, the content of `path`. Raises ConfigError with the line."""
    try:
        return model.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        reason = str(error).replace(
            "at end of document", f"at line {text.count(chr(10)) + 1}, the end"
        )
        raise ConfigError(
            f"{path}: this is not TOML: {reason}", "Mend that line, or remove the file."
        ) from error
    except RecursionError:
        raise ConfigError(
            f"{path}: its brackets are nested too deep", "Mend that line, or remove the file."
        ) from None
    except ValidationError as error:
        raise _describe(path, text, error, model) from error
    except ValueError as error:  # a number with more digits than Python reads
        raise ConfigError(
            f"{path}: a value in it cannot be read: {error}", "Mend it, or remove the file."
        ) from error


def line_of(text: str, location: Sequence[str | int]) -> int:
    """Return the line (from 1) where the statement begins that sets the value at `location`.

    tomllib keeps no line numbers. So this reads the first lines of the file, one more each time,
    until they set the value.
    """
    lines = text.split("\n")
    begin = 1
    for end in range(1, len(lines) + 1):
        try:
            values = tomllib.loads("\n".join(lines[:end]))
        except tomllib.TOMLDecodeError:
            continue  # these lines end in the middle of a statement
        if _is_set(values, location):
            return begin
        begin = end + 1
    return begin


def _describe(path: Path, text: str, error: ValidationError, root: type[BaseModel]) -> ConfigError:
    """Return the first error with its line and key, and the number of the others."""
    # Wrong options come before missing ones: a wrong name may be the missing option.
    first, *others = sorted(error.errors(include_url=False), key=_is_missing)
    location = tuple(map(str, first["loc"]))
    set_at = first["loc"]
    if _is_missing(first):
        set_at = set_at[:-1]  # the line of its table
    problem = _problem(first, ".".join(location))
    if first["type"] == "extra_forbidden":
        hint = _suggest(root, location)
    else:
        hint = _explain(root, location)
    if others:
        hint += f" ({len(others)} more after this one.)"
    return ConfigError(f"{path}, line {line_of(text, set_at)}: {problem}", hint.strip())


def _is_missing(error: ErrorDetails) -> bool:
    return error["type"] == "missing"


def _problem(error: ErrorDetails, key: str) -> str:
    match error["type"]:
        case "extra_forbidden":
            return f"there is no option “{key}”"
        case "missing":
            return f"“{key}” is missing"
        case "value_error":  # our own validator gave the reason
            return f"{key}: {error['ctx']['error']}".removeprefix(": ")
        case kind:
            wanted = _WANTED.get(kind) or f"{error['msg'][0].lower()}{error['msg'][1:]}"
            return f"{key}: {wanted}, not {error['input']!r}"


def _is_set(value: Any, location: Sequence[str | int]) -> bool:
    for part in location:
        try:
            value = value[part]
        except (LookupError, TypeError):
            return False
    return True


def _section(root: type[BaseModel], location: Sequence[str]) -> type[BaseModel] | None:
    """Return the model of the section with the last part of `location`, None if there is none."""
    section = root
    for part in location[:-1]:
        field = section.model_fields.get(part)
        if field is None:
            return None
        kind = field.annotation
        if not (isinstance(kind, type) and issubclass(kind, BaseModel)):
            return None
        section = kind
    return section


def _suggest(root: type[BaseModel], location: Sequence[str]) -> str:
    section = _section(root, location)
    if section is None:
        return ""
    names = tuple(section.model_fields)
    return did_you_mean([f"“{name}”" for name in near(location[-1], names)], names)


def _explain(root: type[BaseModel], location: Sequence[str]) -> str:
    section = _section(root, location)
    if section is None or not location:
        return ""
    return field_docs(section).get(location[-1], "")
