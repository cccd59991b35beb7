"""The README, the pages and their neighbours say what is there, and their links lead somewhere."""

from __future__ import annotations

import re
import runpy
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from modechat.cli.parser import make_parser
from modechat.commands.actions import ACTIONS, slash_table
from modechat.commands.keymap import TYPING_KEYS
from modechat.commands.keys import key_name
from modechat.commands.other_names import OTHER_NAMES
from modechat.config import load_config
from modechat.domain.mode import Mode, ModeState
from modechat.domain.notices import notice
from modechat.prompt_files import load_prompt_files
from modechat.prompting.prompt_format import CHAT_TEMPLATE
from tests.generate_docs import (
    PROJECT,
    SHIPPED,
    TABLES,
    argument,
    documents,
    options,
    with_tables,
)

TEXTS = {str(path.relative_to(PROJECT)): path.read_text(encoding="utf-8") for path in documents()}
GUIDES = {
    name: text
    for name, text in TEXTS.items()
    if name == "README.md" or (name.startswith("docs/") and "/decisions/" not in name)
}
"""What users read about the program as it is."""
README = TEXTS["README.md"]
FENCE = re.compile(r"^( *)```([\w+-]*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
PACKAGE = PROJECT / "modechat"
OF_DIALOGS = {"Ctrl+S"}
"""Keys that mean something else, or only something, in a dialog or in a comparison."""
OF_TERMINALS = {"Alt+Enter", "Alt+R"}


def page(name: str) -> str:
    return TEXTS[f"docs/pages/{name}"]


def blocks(text: str, language: str) -> list[str]:
    return [body for _, tag, body in FENCE.findall(text) if tag == language]


def prose(text: str) -> str:
    return FENCE.sub("", text)


# Tables


@pytest.mark.parametrize("name", TEXTS)
def test_tables_are_as_the_program_has_them(name: str) -> None:
    fresh = with_tables(TEXTS[name])
    assert TEXTS[name] == fresh, "stale: python -m tests.generate_docs rewrites it"


def test_every_table_stands_in_a_document() -> None:
    used = {
        name for text in TEXTS.values() for name in re.findall(r"<!-- table: ([\w-]+) -->", text)
    }
    assert used == set(TABLES)


def test_every_action_that_can_have_a_key_is_named() -> None:
    named = re.findall(r"\| `([a-z_]+)` \|$|^\| `([a-z_]+)` \|", page("keys.md"), re.MULTILINE)
    assert {action.id for action in ACTIONS if action.keys or action.is_binding} == {
        first or second for first, second in named
    }


def test_every_option_is_documented_in_its_own_words() -> None:
    rows = dict(re.findall(r"^\| `([\w.]+)` \|.*\| (.+?) \|$", page("options.md"), re.MULTILINE))
    assert {name: rows.get(name) for name in options()} == options()


def test_every_task_is_listed_as_its_file_describes_it() -> None:
    rows = re.findall(r"^\| `([\w-]+)` \| (.*?) \| (.*?) ?\|$", page("tasks.md"), re.MULTILINE)
    assert rows == [(task.name, task.title, argument(task)) for task in SHIPPED.tasks]


def test_every_format_is_named() -> None:
    named = set(re.findall(r"^\| `([\w.-]+)` \|", page("formats.md"), re.MULTILINE))
    assert named >= {known.name for known in SHIPPED.formats}
    assert f"`{CHAT_TEMPLATE}`" in page("formats.md")


# Examples


def test_the_task_that_is_shown_as_an_example_is_valid(tmp_path: Path) -> None:
    (tmp_path / "tasks").mkdir()
    (tmp_path / "tasks" / "commit.toml").write_text(blocks(page("tasks.md"), "toml")[0])
    files = load_prompt_files(own=tmp_path)
    assert not files.troubles
    assert "commit" in {task.name for task in files.tasks}


@pytest.mark.parametrize("name", ["options.md", "keys.md", "models.md"])
def test_the_config_that_is_shown_is_valid(name: str, tmp_path: Path) -> None:
    shown = blocks(page(name), "toml")
    assert shown
    for number, block in enumerate(shown):
        file = tmp_path / f"{number}.toml"
        file.write_text(block, encoding="utf-8")
        load_config(file)


def shell_commands(text: str) -> Iterator[list[str]]:
    """The words of every `modechat …` in a block of shell commands, without redirections."""
    for block in blocks(text, "sh"):
        lines = re.sub(r"<<'(\w+)'\n.*?\n\1$", "", block, flags=re.MULTILINE | re.DOTALL)
        for line in re.sub(r"(\\|\|)\n", r"\1 ", lines).replace("\\ ", " ").splitlines():
            yield from _modechats(line)


def _modechats(line: str) -> Iterator[list[str]]:
    words = shlex.shlex(line, posix=True, punctuation_chars="|&;<>")
    words.whitespace_split = True
    command: list[str] = []
    for word in (*words, ";"):
        if word[0] in "|&;<>":
            if command[:1] == ["modechat"]:
                yield command[1:]
            command = [] if word[0] in "|&;" else ["redirected"]
        elif "=" not in word or command:
            command.append(word)


@pytest.mark.parametrize("name", GUIDES)
def test_the_commands_that_are_shown_can_be_given(name: str) -> None:
    for arguments in shell_commands(GUIDES[name]):
        make_parser().parse_args(arguments)  # exits if they are wrong


def test_there_are_commands_to_look_at() -> None:
    shown = [words for text in GUIDES.values() for words in shell_commands(text)]
    assert len(shown) > 15
    assert ["run", "Summarise this text in one sentence"] in shown
    assert {"prompt", "doctor", "bench"} <= {words[0] for words in shown if words}


@pytest.mark.parametrize("name", GUIDES)
def test_the_commands_of_the_prompt_that_are_named_exist(name: str) -> None:
    known = {usage.split()[0] for usage, _ in slash_table()} | {f"/{also}" for also in OTHER_NAMES}
    named = set(re.findall(r"`(/[a-z?]+)(?: [^`/]*)?`", prose(GUIDES[name])))
    assert named - known == set()


@pytest.mark.parametrize("name", GUIDES)
def test_the_keys_that_are_named_do_something(name: str) -> None:
    keys = {key for action in ACTIONS for key in action.keys} | TYPING_KEYS
    known = {key_name(key) for key in keys} | OF_DIALOGS | OF_TERMINALS
    named = set(
        re.findall(
            r"(?<![\w+/])(?:(?:Ctrl|Alt|Shift)\+\S*?[\w\]\\^/_]|F\d+)(?![\w+])", prose(GUIDES[name])
        )
    )
    assert named - known == set()


def test_the_answers_of_the_program_that_are_shown_are_its_own() -> None:
    switch, standing = re.findall(r"^modechat: (.+)$", page("plain.md"), re.MULTILINE)
    assert switch == notice(ModeState(Mode.INSTRUCT))
    assert standing == notice(ModeState(Mode.INSTRUCT, "When was the bridge closed?"))
    assert f"*{switch}*" in README


# Form


def test_the_readme_is_short() -> None:
    assert len(README.splitlines()) <= 200


@pytest.mark.parametrize("name", sorted(TEXTS.keys() - {"CHANGELOG.md"}))
def test_lines_are_not_long(name: str) -> None:
    """Rows of tables and lines with a link or a picture may be."""
    long = [
        line
        for line in prose(TEXTS[name]).splitlines()
        if len(line) > 120 and not line.startswith("|") and "](" not in line
    ]
    assert long == []


# Links


def links(text: str) -> list[str]:
    without_code = re.sub(r"`[^`\n]*`", "", prose(text))
    return re.findall(r"\]\(([^)\s]+)\)", without_code)


def anchors(text: str) -> set[str]:
    """The anchors of headings that GitHub and Python-Markdown both make in the same way."""
    found = set()
    for heading in re.findall(r"^#{1,6} (.+)$", prose(text), re.MULTILINE):
        plain = re.sub(r"[`*]", "", heading).strip().lower()
        on_github = re.sub(r"\s", "-", re.sub(r"[^\w\s-]", "", plain))
        in_markdown = re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", plain))
        if on_github == in_markdown:
            found.add(on_github)
    return found


@pytest.mark.parametrize("name", TEXTS)
def test_every_link_leads_somewhere(name: str) -> None:
    assert broken_links(PROJECT / name) == []


def broken_links(document: Path) -> list[str]:
    broken = []
    for link in links(document.read_text(encoding="utf-8")):
        if link.startswith(("https://", "mailto:")):
            continue
        path, _, anchor = link.partition("#")
        target = document.parent / path if path else document
        if not (target.is_file() and has_anchor(target, anchor)):
            broken.append(link)
    return broken


def has_anchor(document: Path, anchor: str) -> bool:
    return not anchor or anchor in anchors(document.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    "name", [name for name in TEXTS if name == "CONTRIBUTING.md" or "/decisions/" in name]
)
def test_the_files_that_are_named_exist(name: str) -> None:
    """By their path from the top or inside the package, or by their name alone."""
    names = {path.name for path in PACKAGE.rglob("*.py")}
    missing = set()
    for named in re.findall(r"`([\w./-]+(?:\.py|/))`", prose(TEXTS[name])):
        is_there = (PROJECT / named).exists() or (PACKAGE / named).exists() or named in names
        if not is_there:
            missing.add(named)
    assert missing == set()


def test_the_links_of_the_site_are_looked_at() -> None:
    assert {link for text in TEXTS.values() for link in links(text)} >= {
        "docs/pages/modes.md",
        "screenshots/chat.png",
    }


def test_every_link_of_the_site_leads_somewhere(tmp_path: Path) -> None:
    script = runpy.run_path(str(PROJECT / "docs" / "build_site.py"))
    script["collect"](tmp_path)
    pages = sorted(tmp_path.rglob("*.md"))
    assert {str(page.relative_to(tmp_path / "pages")) for page in pages} == listed_pages()
    assert {str(page): broken for page in pages if (broken := broken_links(page))} == {}


def listed_pages() -> set[str]:
    config = (PROJECT / "docs" / "mkdocs.yml").read_text(encoding="utf-8")
    return set(re.findall(r"([\w/-]+\.md)$", config.split("\nnav:")[1], re.MULTILINE))
