"""Writes the tables of the documents that are made from the program: keys, options, tasks, …

`python -m tests.generate_docs` rewrites them in place; `tests/test_docs.py` fails while one is
stale. A table stands between two comments, `<!-- table: NAME -->` and `<!-- end of table -->`.
"""

from __future__ import annotations

import argparse
import re
import textwrap
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel

from modechat.cli.parser import make_parser
from modechat.commands.actions import ACTIONS, slash_table, slash_usage
from modechat.commands.keymap import DEFAULT_KEYMAP, key_table
from modechat.commands.other_names import OTHER_NAMES
from modechat.commands.setting_values import SETTINGS, range_of
from modechat.config import ChatConfig, Config, InstructConfig, InterfaceConfig
from modechat.domain.sampling import DEFAULTS, Sampling
from modechat.field_docs import field_docs
from modechat.prompt_files import load_prompt_files
from modechat.prompting.tasks import NamedTask

PROJECT = Path(__file__).parents[1]
PAGES = PROJECT / "docs" / "pages"
SHIPPED = load_prompt_files(own=Path("/nonexistent"))
SECTIONS: dict[str, type[BaseModel]] = {
    "": Config,
    "sampling.": Sampling,
    "chat.": ChatConfig,
    "instruct.": InstructConfig,
    "interface.": InterfaceConfig,
}
FIRST_KEYS = (
    "send",
    "newline",
    "toggle_mode",
    "stop",
    "regenerate",
    "inspect",
    "conversations",
    "choose_model",
    "palette",
    "help",
)
"""The actions whose keys the README shows."""
_TABLE = re.compile(r"(<!-- table: ([\w-]+) -->\n).*?(<!-- end of table -->)", re.DOTALL)

Rows = Iterable[tuple[str, ...]]


def documents() -> list[Path]:
    """The README, what stands beside it, and the pages."""
    return [*sorted(PROJECT.glob("*.md")), *sorted(PAGES.rglob("*.md"))]


def with_tables(text: str) -> str:
    """Return a document with its tables as they should be. Raises KeyError for an unknown table."""
    return _TABLE.sub(lambda found: f"{found[1]}\n{TABLES[found[2]]()}\n{found[3]}", text)


def main() -> None:
    for document in documents():
        text = document.read_text(encoding="utf-8")
        fresh = with_tables(text)
        if fresh != text:
            document.write_text(fresh, encoding="utf-8")
            print(f"wrote {document.relative_to(PROJECT)}")


# Tables


def options() -> dict[str, str]:
    """Return every option of the config file with what it means."""
    meanings = {}
    for prefix, section in SECTIONS.items():
        docs = field_docs(section)
        for name in section.model_fields:
            if f"{prefix}{name}." not in SECTIONS:
                meanings[prefix + name] = docs.get(name, "")
    return meanings


def argument(task: NamedTask) -> str:
    """Say what may follow the name of a task."""
    if task.argument is None:
        return ""
    if not task.argument.default:
        return f"the {task.argument.name}"
    return f"the {task.argument.name}, unless it is {task.argument.default}"


def _table(*rows: tuple[str, ...]) -> str:
    head, *rest = rows
    lines = [head, ("---",) * len(head), *rest]
    return "".join(_row(line) for line in lines)


def _row(cells: tuple[str, ...]) -> str:
    return "|" + "".join(f" {cell} |" if cell else " |" for cell in cells) + "\n"


def _listed(names: Iterable[str]) -> str:
    return textwrap.fill(", ".join(f"`{name}`" for name in names), 116) + "\n"


def _first_keys() -> str:
    by_id = {action.id: action for action in ACTIONS}
    rows = [(DEFAULT_KEYMAP.names(name), by_id[name].help) for name in FIRST_KEYS]
    return _table(("key", "what it does"), *rows)


def _keys() -> str:
    names = {(action.group, action.help): action.id for action in ACTIONS}
    rows: list[tuple[str, ...]] = []
    for group, actions in key_table():
        rows.append((f"**{group}**", "", ""))
        rows += [(keys, text, f"`{names[group, text]}`") for keys, text in actions]
    return _table(("key", "what it does", "action"), *rows)


def _actions_without_keys() -> str:
    rows = [
        (f"`{action.id}`", action.help)
        for action in ACTIONS
        if action.is_binding and not action.keys
    ]
    return _table(("action", "what it does"), *rows)


def _commands() -> str:
    return _table(
        ("command", "what it does"), *((f"`{usage}`", text) for usage, text in slash_table())
    )


def _commands_of_the_screen() -> str:
    return _listed(slash_usage(action) for action in ACTIONS if action.needs_screen)


def _other_names() -> str:
    return _table(
        ("also", "is"), *((f"`/{other}`", f"`/{name}`") for other, name in OTHER_NAMES.items())
    )


def _options() -> str:
    meanings = options()
    rows = []
    for prefix, section in SECTIONS.items():
        for name, field in section.model_fields.items():
            if meaning := meanings.get(prefix + name):
                default = _default(field.default)
                if section is Sampling and getattr(DEFAULTS, name) not in (None, ()):
                    default = f"the model's, else {_default(getattr(DEFAULTS, name))}"
                rows.append((f"`{prefix}{name}`", default, _values(section, name), meaning))
    return _table(("option", "default", "values", "meaning"), *rows)


def _default(value: Any) -> str:
    """Return a default as the config file would have it."""
    if value is None:
        return "unset"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, str):
        return f'`"{value}"`'
    if isinstance(value, tuple):
        return "`[]`"
    return "" if isinstance(value, dict) else f"`{value:g}`"


def _values(section: type[BaseModel], name: str) -> str:
    """Say which values an option may have; empty where its meaning says it."""
    annotation = section.model_fields[name].annotation
    kinds = set(_kinds(annotation))
    literals = [kind for kind in _literals(annotation) if isinstance(kind, str)]
    if literals:
        switches = ["`true`", "`false`"] if True in _literals(annotation) else []
        return ", ".join([*switches, *(f'`"{literal}"`' for literal in literals)])
    if bool in kinds:
        return "`true`, `false`"
    if not kinds & {int, float}:
        return ""
    return re.sub(r"\.0\b", "", range_of(section, name))  # of a limit that is a float


def _kinds(annotation: Any) -> Iterator[Any]:
    yield annotation
    if get_origin(annotation) is not tuple:
        for inner in get_args(annotation):
            yield from _kinds(inner)


def _literals(annotation: Any) -> list[Any]:
    return [
        value
        for kind in _kinds(annotation)
        if get_origin(kind) is Literal
        for value in get_args(kind)
    ]


def _settings() -> str:
    return _listed(setting.name for setting in SETTINGS)


def _tasks() -> str:
    rows = [(f"`{task.name}`", task.title, argument(task)) for task in SHIPPED.tasks]
    return _table(("task", "what it does", "after the name"), *rows)


def _formats() -> str:
    rows = [(f"`{known.name}`", known.title, known.source) for known in SHIPPED.formats]
    return _table(("name", "for", "source"), *rows)


def _command_line(command: str | None, groups: tuple[str, ...]) -> str:
    """The options of a command; `groups` are those of argparse's groups that are shown."""
    parser = make_parser()
    if command is not None:
        parser = _commands_of(parser)[command]
    rows = []
    for group in parser._action_groups:
        if group.title in groups:
            for action in group._group_actions:
                if action.option_strings and not isinstance(action, argparse._HelpAction):
                    rows.append((_usage(action), _plain(action.help or "")))
    return _table(("option", "meaning"), *rows)


def _commands_of(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            return dict(action.choices)
    raise LookupError("there are no commands")


def _usage(action: argparse.Action) -> str:
    value = action.metavar or "|".join(map(str, action.choices or ()))
    if action.nargs == 0 or isinstance(action, argparse.BooleanOptionalAction):
        value = ""
    written = [f"`{option} {value}".rstrip() + "`" for option in action.option_strings]
    return ", ".join(written).replace("|", r"\|")


def _plain(text: str) -> str:
    return text.replace("|", r"\|")


def _of_command_line(command: str | None, *groups: str) -> Callable[[], str]:
    return lambda: _command_line(command, groups)


TABLES: dict[str, Callable[[], str]] = {
    "first-keys": _first_keys,
    "keys": _keys,
    "actions-without-keys": _actions_without_keys,
    "commands": _commands,
    "commands-of-the-screen": _commands_of_the_screen,
    "other-names": _other_names,
    "options": _options,
    "settings": _settings,
    "tasks": _tasks,
    "formats": _formats,
    "arguments": _of_command_line(None, "options"),
    "arguments-model": _of_command_line(None, "model"),
    "arguments-run": _of_command_line("run", "options"),
    "arguments-prompt": _of_command_line("prompt", "options"),
    "arguments-doctor": _of_command_line("doctor", "options"),
    "arguments-bench": _of_command_line("bench", "options"),
}


if __name__ == "__main__":
    main()
