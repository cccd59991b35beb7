"""The config file: TOML, typed, every option with a docstring. A wrong file is named with line and key."""

from __future__ import annotations

import difflib
import re
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
    resume: bool = True
    """Whether modechat opens the last conversation when it starts."""


class Config(_Section):
    """All options of the config file."""

    model: Path | None = None
    """The GGUF file to load; unset: the starter model, if it is installed."""
    n_ctx: Annotated[int, Field(ge=64, le=2**31 - 1)] | None = None
    """Context length in tokens; unset: what the model was trained for, at most 4096."""
    n_gpu_layers: Annotated[int, Field(ge=0, le=2**31 - 1)] | None = None
    """Layers to put on the GPU; unset: all, if this build of llama.cpp can use the GPU."""
    n_threads: Annotated[int, Field(ge=1, le=1024)] | None = None
    """Threads that compute; unset: one for each physical core."""
    sampling: Sampling = Sampling()
    chat: ChatConfig = ChatConfig()
    instruct: InstructConfig = InstructConfig()
    interface: InterfaceConfig = InterfaceConfig()


def load_config(path: Path) -> Config:
    """The config in `path`; the defaults if there is no such file. Raises ConfigError."""
    try:
        text = path.read_text(encoding="utf-8")
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
    return config.model_copy(update={"model": path.parent / config.model.expanduser()})


def _describe(path: Path, text: str, error: ValidationError) -> ConfigError:
    """The first thing that is wrong, with line and key; how many more there are."""
    first, *others = error.errors(include_url=False)
    location = tuple(str(part) for part in first["loc"])
    key = ".".join(location)
    line = _line_of(text, location)
    if first["type"] == "extra_forbidden":
        problem, hint = f"there is no option “{key}”", _suggest(location)
    else:
        problem = f"{key}: {first['msg'][0].lower()}{first['msg'][1:]}, not {first['input']!r}"
        hint = _explain(location)
    more = f" ({len(others)} more after this one.)" if others else ""
    return ConfigError(f"{path}, line {line}: {problem}", f"{hint}{more}".strip())


def _line_of(text: str, location: Sequence[str]) -> int:
    """The line (from 1) in which the key of `location` is set; the nearest one before it that can be found.

    tomllib keeps no line numbers, so this looks for `[table]` headers and `key =`.
    """
    table: tuple[str, ...] = ()
    best = (0, 1)  # how many parts of the location match, and the line
    for number, line in enumerate(text.splitlines(), start=1):
        if header := re.match(r"\s*\[+([^\]]+)\]", line):
            table = _parts(header[1])
            here = table
        elif pair := re.match(r"\s*([\w\-.\"' ]+?)\s*=", line):
            here = (*table, *_parts(pair[1]))
        else:
            continue
        matching = len(here) if tuple(location[: len(here)]) == here else 0
        best = max(best, (matching, number), key=lambda found: found[0])
    return best[1]


def _parts(dotted: str) -> tuple[str, ...]:
    return tuple(part.strip().strip("\"'") for part in dotted.split("."))


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
