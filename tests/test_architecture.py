"""The layout's rules: who may import whom, and what a start must not load."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "modechat"

NETWORK = (
    "http.client",
    "urllib.request",
    "requests",
    "httpx",
    "aiohttp",
    "urllib3",
    "websockets",
    "huggingface_hub",
)


def test_the_import_contracts_hold() -> None:
    command = [
        sys.executable,
        "-c",
        "from importlinter.cli import lint_imports_command; lint_imports_command()",
    ]
    done = subprocess.run(
        [*command, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def loaded_modules(statement: str) -> set[str]:
    """What a fresh Python has loaded after `statement`."""
    code = f"import sys, json\n{statement}\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_the_interface_loads_neither_llama_nor_a_network_library() -> None:
    # With everything that the first screens import while they run.
    loaded = loaded_modules(
        "import modechat.cli.chat, modechat.cli.setup, modechat.tui.app, modechat.tui.chat_screen\n"
        "import modechat.tui.screens.help, modechat.tui.screens.conversations\n"
        "import modechat.session, modechat.engine.client\n"
        "from textual.widgets import TextArea, OptionList, Static"
    )
    assert "modechat.tui.app" in loaded
    assert not {name for name in loaded if name.split(".")[0] in ("llama_cpp", "numpy", "jinja2")}
    assert not loaded & set(NETWORK)


def test_the_first_frame_waits_for_nothing_that_it_does_not_show() -> None:
    loaded = loaded_modules("import modechat.cli.chat, modechat.tui.app")
    behind = {"pydantic", "sqlite3", "markdown_it", "pygments", "tomllib"}
    behind |= {
        "modechat.config",
        "modechat.domain.conversation",
        "modechat.session.events",
        "modechat.tui.render.rows",
    }
    assert loaded & behind == set()


def test_a_run_from_the_shell_loads_no_interface() -> None:
    loaded = loaded_modules("import modechat.cli.run")
    assert not {
        name for name in loaded if name.split(".")[0] in ("llama_cpp", "textual", "rich", "jinja2")
    }
    assert not loaded & set(NETWORK)


def test_the_plain_front_end_loads_no_screen() -> None:
    loaded = loaded_modules(
        "import modechat.cli.chat, modechat.cli.plain, modechat.cli.open_chat, modechat.cli.setup\n"
        "import modechat.plain.front, modechat.session, modechat.engine.client, modechat.prompting.candidates"
    )
    assert "modechat.plain.commands" in loaded
    assert not {
        name
        for name in loaded
        if name.split(".")[0] in ("llama_cpp", "textual", "rich", "jinja2", "readline")
    }
    assert not loaded & set(NETWORK)


def python_files() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def test_no_module_grows_into_a_god() -> None:
    assert {
        str(path): count
        for path in python_files()
        if (count := len(path.read_text().splitlines())) > 400
    } == {}


def test_every_module_says_what_it_owns() -> None:
    assert [
        str(path) for path in python_files() if not ast.get_docstring(ast.parse(path.read_text()))
    ] == []


def calls(path: Path) -> Iterator[ast.Call]:
    return (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call))


@pytest.mark.parametrize(
    "path", sorted((PACKAGE / "tui").rglob("*.py")), ids=lambda path: path.name
)
def test_no_widget_is_given_text_that_could_be_markup(path: Path) -> None:
    """`Static(text)` parses markup: text of others would crash it or become a link.
    `Static(Content(…))` does not.
    """
    for call in calls(path):
        name = call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")
        if name in ("Static", "Label") and call.args:
            argument = call.args[0]
            made = argument.func if isinstance(argument, ast.Call) else None
            maker = getattr(made, "attr", getattr(made, "id", ""))
            assert maker in ("Content", "assemble", "_text", "_label"), f"line {call.lineno}"
        assert name != "notify", f"line {call.lineno}: notify parses markup"


def test_the_first_frame_does_without_what_is_heavy() -> None:
    loaded = loaded_modules("import modechat.tui.app")
    assert loaded.isdisjoint({"pydantic", "sqlite3", "psutil", "tomlkit", "modechat.store"})


def test_the_config_is_changed_without_a_heavy_import_at_the_start() -> None:
    assert "tomlkit" not in loaded_modules(
        "import modechat.cli.setup, modechat.tui.screens.settings"
    )


@pytest.mark.parametrize("path", python_files(), ids=lambda path: path.name)
def test_work_that_makes_way_for_newer_is_begun_in_one_place(path: Path) -> None:
    """An exclusive worker is a function: a coroutine may be cancelled before it begins."""
    if path.name != "newest_work.py":
        names = {keyword.arg for call in calls(path) for keyword in call.keywords}
        assert "exclusive" not in names
