"""The prompt formats and tasks that are there: those that ship with modechat, and the user's own files.

A user's file with the name of a shipped one takes its place. One that is broken is reported, and the rest works.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
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
    """All formats and tasks by name, in the order of their names, and what is wrong with files of the user."""

    formats: tuple[NamedFormat, ...]
    tasks: tuple[NamedTask, ...]
    overridden: tuple[NamedFormat, ...] = ()
    """Shipped formats that a file of the user has the place of."""
    troubles: tuple[ConfigError, ...] = ()


def load_prompt_files(own: Path | None = None) -> PromptFiles:
    """The files that ship with modechat, and those below `own` (unset: the user's config folder). Both places have the
    folders `formats` and `tasks`.
    """
    shipped, mine = prompts_folder(), own or user_prompts_folder()
    troubles: list[ConfigError] = []
    overridden: list[NamedFormat] = []

    def collect(kind: str, model: type[T], mark_own: Callable[[T], T]) -> tuple[T, ...]:
        found = {
            path.stem: read_toml(path, read_text(path), model) for path in _files(shipped / kind)
        }
        for path in _files(mine / kind):
            try:
                text = _read(path)
                value = mark_own(read_toml(path, text, model))
                _check_name(path, value.name)
                if isinstance(value, NamedFormat):
                    _check_templates(path, text, value)
            except ConfigError as error:
                troubles.append(error)
            else:
                replaced = found.get(value.name)
                if isinstance(replaced, NamedFormat):
                    overridden.append(replaced)
                found[value.name] = value
        return tuple(found[name] for name in sorted(found))

    formats = collect(
        "formats", NamedFormat, lambda found: found.model_copy(update={"origin": FormatSource.USER})
    )
    tasks = collect("tasks", NamedTask, lambda found: found)
    return PromptFiles(formats, tasks, tuple(overridden), tuple(troubles))


def _files(folder: Path) -> Iterator[Path]:
    """The TOML files in `folder`, in order; none where there is no such folder."""
    if is_there(folder):
        yield from sorted(
            path for path in folder.glob("*.toml") if not path.name.startswith(".")
        )  # editors' own


def _read(path: Path) -> str:
    """Raises ConfigError, also for what is no file: a pipe would never end."""
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
    """Raises ConfigError for a template that is no Jinja. Those that ship are tested; Jinja loads slowly."""
    from modechat.prompting.template import find_syntax_error

    for key, template in (
        ("chat_template", named.chat_template),
        ("instruct_template", named.instruct_template),
    ):
        if template is not None and (error := find_syntax_error(template)):
            line, reason = error
            begin = line_of(text, (key,))
            opens_below = (
                text.split("\n")[begin - 1].rstrip().endswith(("'''", '"""'))
            )  # TOML drops that newline
            raise ConfigError(f"{path}, line {begin + line - 1 + opens_below}: {key}: {reason}")
