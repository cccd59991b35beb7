"""The README says what is there."""

from __future__ import annotations

import re
from pathlib import Path

from modechat.prompt_files import load_prompt_files
from modechat.prompting.formats import NamedFormat
from modechat.prompting.prompt_format import CHAT_TEMPLATE
from modechat.prompting.tasks import NamedTask

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
FILES = load_prompt_files(own=Path("/nonexistent"))


def argument(task: NamedTask) -> str:
    if task.argument is None:
        return ""
    unless = f", unless it is {task.argument.default}" if task.argument.default else ""
    return f"the {task.argument.name}{unless}"


def test_it_lists_every_task_as_its_file_describes_it() -> None:
    rows = re.findall(
        r"^\| `([\w-]+)` \| (.*?) \| (.*?) ?\|$",
        README.split("## Tasks")[1].split("\n## ")[0],
        re.MULTILINE,
    )
    assert rows == [(task.name, task.title, argument(task)) for task in FILES.tasks]


def test_it_names_every_format() -> None:
    sentence = README.split("The named formats: ")[1].split("Each is a file")[0]
    named: set[str] = set(re.findall(r"`([\w.-]+)`", sentence))
    formats: tuple[NamedFormat, ...] = FILES.formats
    assert named == {CHAT_TEMPLATE, *(known.name for known in formats)}


def test_the_task_that_it_shows_as_an_example_is_valid(tmp_path: Path) -> None:
    block = README.split("## Tasks")[1].split("```toml\n")[1].split("```")[0]
    (tmp_path / "tasks").mkdir()
    (tmp_path / "tasks" / "commit.toml").write_text(block)
    files = load_prompt_files(own=tmp_path)
    assert not files.troubles
    assert "commit" in {task.name for task in files.tasks}
