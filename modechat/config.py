"""The config file: TOML, typed, every option with a docstring. A wrong file is named with line and key."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from modechat.domain.sampling import Sampling
from modechat.errors import ConfigError


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class ChatConfig(_Section):
    system_prompt: str = ""
    """What the model is told before every chat; empty: the model's own default."""


class InstructConfig(_Section):
    system_prompt: str = ""
    """What the model is told before every instruction; empty: nothing."""


class InterfaceConfig(_Section):
    theme: str = "textual-dark"
    """Colours: any of Textual's themes, such as nord, gruvbox, dracula, textual-light or ansi-dark."""
    resume: Annotated[bool, Field(strict=True)] = True
    """Whether modechat opens the last conversation when it starts."""


class Config(_Section):
    """All options of the config file."""

    model: Path | None = None
    """The GGUF file to load; unset: the starter model, if it is installed."""
    n_ctx: Annotated[int, Field(ge=256, le=2**31 - 1, strict=True)] | None = None
    """Context length in tokens; unset: what the model was trained for, at most 4096."""
    n_gpu_layers: Annotated[int, Field(ge=0, le=2**31 - 1, strict=True)] | None = None
    """Layers to put on the GPU; unset: all, if this build of llama.cpp can use the GPU."""
    n_threads: Annotated[int, Field(ge=1, le=1024, strict=True)] | None = None
    """Threads that compute; unset: one for each physical core."""
    sampling: Sampling = Sampling()
    chat: ChatConfig = ChatConfig()
    instruct: InstructConfig = InstructConfig()
    interface: InterfaceConfig = InterfaceConfig()


# pydantic's words for these are Python's, not TOML's.
_WANTED = {"model_type": "this must be a table", "tuple_type": "this must be a list"}


def load_config(path: Path) -> Config:
    """The config in `path`; the defaults if there is no such file. Raises ConfigError."""
    try:
        text = _read(path)
    except FileNotFoundError:
        return Config()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read", f"{error}") from error
    try:
        config = Config.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        reason = str(error).replace("at end of document", f"at line {text.count(chr(10)) + 1}, the end")
        raise ConfigError(f"{path}: this is not TOML: {reason}", "Mend that line, or remove the file.") from error
    except ValidationError as error:
        raise _describe(path, text, error) from error
    if config.model is None:
        return config
    try:
        model = config.model.expanduser()
    except RuntimeError as error:  # there is no such user
        line = _line_of(text, ("model",))
        raise ConfigError(f"{path}, line {line}: model: there is no home folder for {config.model}") from error
    return config.model_copy(update={"model": path.parent / model})


def line_of_option(path: Path, *location: str) -> int:
    """The line (from 1) of the config file on which an option is set. Raises OSError."""
    return _line_of(_read(path), location)


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8-sig")  # Windows' editors write the mark


def _describe(path: Path, text: str, error: ValidationError) -> ConfigError:
    """The first thing that is wrong, with line and key; how many more there are."""
    first, *others = error.errors(include_url=False)
    location = tuple(str(part) for part in first["loc"])
    key = ".".join(location)
    line = _line_of(text, first["loc"])
    if first["type"] == "extra_forbidden":
        problem, hint = f"there is no option “{key}”", _suggest(location)
    else:
        wanted = _WANTED.get(first["type"]) or f"{first['msg'][0].lower()}{first['msg'][1:]}"
        problem = f"{key}: {wanted}, not {first['input']!r}"
        hint = _explain(location)
    more = f" ({len(others)} more after this one.)" if others else ""
    return ConfigError(f"{path}, line {line}: {problem}", f"{hint}{more}".strip())


def _line_of(text: str, location: Sequence[str | int]) -> int:
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


def _is_set(value: Any, location: Sequence[str | int]) -> bool:
    for part in location:
        try:
            value = value[part]
        except (LookupError, TypeError):
            return False
    return True


def _section(location: Sequence[str]) -> type[BaseModel] | None:
    """The model of the section that the last part of `location` lies in."""
    section: Any = Config
    for part in location[:-1]:
        field = section.model_fields.get(part)
        section = field.annotation if field is not None else None
        if not (isinstance(section, type) and issubclass(section, BaseModel)):
            return None
    return section  # type: ignore[no-any-return]


def _suggest(location: Sequence[str]) -> str:
    section = _section(location)
    if section is None:
        return ""
    close = difflib.get_close_matches(location[-1], section.model_fields, n=1)
    return f"Did you mean “{close[0]}”?" if close else f"Options here: {', '.join(section.model_fields)}."


def _explain(location: Sequence[str]) -> str:
    section = _section(location)
    field = section.model_fields.get(location[-1]) if section is not None else None
    return field.description or "" if field is not None else ""
