"""Reads the prompt formats and tasks: those that ship with modechat, and the user's own files.

A user's file replaces a shipped one of the same name. A broken file is reported, and the others
still work.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from modechat.errors import ConfigError
from modechat.paths import is_there, prompts_folder, user_prompts_folder
from modechat.prompting.formats import FormatSource, NamedFormat
from modechat.prompting.tasks import NamedTask
from modechat.typed_toml import line_of, read_text, read_toml

T = TypeVar("T", NamedFormat, NamedTask)


@dataclass(frozen=True, slots=True)
class PromptFiles:
    """All formats and tasks, ordered by name, and the errors in the user's files."""

    formats: tuple[NamedFormat, ...]
    tasks: tuple[NamedTask, ...]
    overridden: tuple[NamedFormat, ...] = ()
    """Shipped formats that a user's file replaces."""
    troubles: tuple[ConfigError, ...] = ()


def load_prompt_files(own: Path | None = None) -> PromptFiles:
    """Read the files that ship with modechat, and those below `own` (None: the config folder).

    Both places have the folders `formats` and `tasks`.
    """
    shipped, mine = prompts_folder(), own or user_prompts_folder()
    troubles: list[ConfigError] = []
    formats = _shipped(shipped / "formats", NamedFormat)
    overridden: list[NamedFormat] = []
    for path in _files(mine / "formats"):
        try:
            found = _read_format(path)
        except ConfigError as error:
            troubles.append(error)
            continue
        if found.name in formats:
            overridden.append(formats[found.name])
        formats[found.name] = found
    tasks = _shipped(shipped / "tasks", NamedTask)
    for path in _files(mine / "tasks"):
        try:
            task = read_toml(path, _read(path), NamedTask)
            _check_name(path, task.name)
        except ConfigError as error:
            troubles.append(error)
            continue
        tasks[task.name] = task
    return PromptFiles(_by_name(formats), _by_name(tasks), tuple(overridden), tuple(troubles))


def _shipped(folder: Path, model: type[T]) -> dict[str, T]:
    return {path.stem: read_toml(path, read_text(path), model) for path in _files(folder)}


def _by_name(found: dict[str, T]) -> tuple[T, ...]:
    return tuple([found[name] for name in sorted(found)])


def _read_format(path: Path) -> NamedFormat:
    """Read a format of the user. Raises ConfigError."""
    text = _read(path)
    named = read_toml(path, text, NamedFormat).model_copy(update={"origin": FormatSource.USER})
    _check_name(path, named.name)
    _check_templates(path, text, named)
    return named


def _files(folder: Path) -> list[Path]:
    """Return the TOML files in `folder`, sorted; an empty list if there is no such folder."""
    if not is_there(folder):
        return []
    # Hidden files belong to editors.
    return sorted([path for path in folder.glob("*.toml") if not path.name.startswith(".")])


def _read(path: Path) -> str:
    """Read a file. Raises ConfigError, also for a pipe, which might never end."""
    if not path.is_file():
        raise ConfigError(f"{path} is no file", "Remove it, or mend the link.")
    return read_text(path)


def _check_name(path: Path, name: str) -> None:
    if name != path.stem:
        raise ConfigError(
            f"{path}, line 1: the name in the file is “{name}”",
            f"Call it “{path.stem}”, as the file.",
        )


def _check_templates(path: Path, text: str, named: NamedFormat) -> None:
    """Raise ConfigError for a template that is not valid Jinja.

    Only the user's templates are checked: tests cover the shipped ones, and Jinja loads slowly.
    """
    from modechat.prompting.template import find_syntax_error

    for key, template in (
        ("chat_template", named.chat_template),
        ("instruct_template", named.instruct_template),
    ):
        if template is None:
            continue
        error = find_syntax_error(template)
        if error is None:
            continue
        line, reason = error
        begin = line_of(text, (key,))
        # TOML drops the newline after the quotes that open a multi-line string.
        opens_below = text.split("\n")[begin - 1].rstrip().endswith(("'''", '"""'))
        raise ConfigError(f"{path}, line {begin + line - 1 + opens_below}: {key}: {reason}")
