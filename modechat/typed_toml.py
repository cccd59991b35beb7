"""Files of the user in TOML, read into a pydantic model. What is wrong in them is named with line and key."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from modechat.domain.decoding import NotText, decode_text
from modechat.domain.near import did_you_mean, near
from modechat.errors import ConfigError
from modechat.field_docs import field_docs

M = TypeVar("M", bound=BaseModel)

# pydantic's words for these are Python's, not TOML's.
_WANTED = {"model_type": "this must be a table", "tuple_type": "this must be a list"}


def read_text(path: Path) -> str:
    """Raises FileNotFoundError, also where a file stands in the place of its folder, or ConfigError for a file that
    cannot be read."""
    try:
        return decode_text(path.read_bytes())  # Windows' editors write the mark
    except FileNotFoundError:
        raise
    except NotADirectoryError as error:
        raise FileNotFoundError(*error.args) from error
    except OSError as error:
        raise ConfigError(f"{path} cannot be read", f"{error}") from error
    except NotText as problem:
        raise ConfigError(f"{path} {problem.reason}", problem.hint) from problem


def read_toml(path: Path, text: str, model: type[M]) -> M:
    """The values in `text`, which stands in `path`. Raises ConfigError that names the line."""
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
    """The line (from 1) on which the statement begins that sets the value at `location`.

    tomllib keeps no line numbers, but it tells whether the first so many lines of the file set the value already.
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
    """The first thing that is wrong, with line and key; how many more there are."""
    # What stands there and is wrong comes before what is missing: it may be the same thing under a wrong name.
    first, *others = sorted(
        error.errors(include_url=False), key=lambda found: found["type"] == "missing"
    )
    location = tuple(str(part) for part in first["loc"])
    key = ".".join(location)
    line = line_of(
        text, first["loc"][:-1] if first["type"] == "missing" else first["loc"]
    )  # its table's, then
    if first["type"] == "extra_forbidden":
        problem, hint = f"there is no option “{key}”", _suggest(root, location)
    elif first["type"] == "missing":
        problem, hint = f"“{key}” is missing", _explain(root, location)
    elif first["type"] == "value_error":  # the reason is that of our own validator
        problem, hint = (
            f"{key}: {first['ctx']['error']}".removeprefix(": "),
            _explain(root, location),
        )
    else:
        wanted = _WANTED.get(first["type"]) or f"{first['msg'][0].lower()}{first['msg'][1:]}"
        problem = f"{key}: {wanted}, not {first['input']!r}"
        hint = _explain(root, location)
    more = f" ({len(others)} more after this one.)" if others else ""
    return ConfigError(f"{path}, line {line}: {problem}", f"{hint}{more}".strip())


def _is_set(value: Any, location: Sequence[str | int]) -> bool:
    for part in location:
        try:
            value = value[part]
        except (LookupError, TypeError):
            return False
    return True


def _section(root: type[BaseModel], location: Sequence[str]) -> type[BaseModel] | None:
    """The model of the section that the last part of `location` lies in."""
    section: Any = root
    for part in location[:-1]:
        field = section.model_fields.get(part)
        section = field.annotation if field is not None else None
        if not (isinstance(section, type) and issubclass(section, BaseModel)):
            return None
    return section  # type: ignore[no-any-return]


def _suggest(root: type[BaseModel], location: Sequence[str]) -> str:
    section = _section(root, location)
    if section is None:
        return ""
    names = tuple(section.model_fields)
    return did_you_mean((f"“{name}”" for name in near(location[-1], names)), names)


def _explain(root: type[BaseModel], location: Sequence[str]) -> str:
    section = _section(root, location)
    return field_docs(section).get(location[-1], "") if section is not None and location else ""
