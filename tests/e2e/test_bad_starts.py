"""Starts that go wrong: a clear message, an exit code, no traceback."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.home import DETERMINISTIC, Home, wait_for_start
from tests.e2e.terminal import Terminal

PROMPT_FRAME = "╭─ ❯ chat ─"


def assert_refused(terminal: Terminal, code: int, *texts: str) -> None:
    """It ends with this code, and these words stand on the ordinary screen."""
    assert terminal.wait_for_end() == code
    assert "Traceback" not in terminal.raw.decode()
    assert terminal.raw.count(b"\x1b[?1049h") == terminal.raw.count(b"\x1b[?1049l")
    assert terminal.settings == terminal.settings_before
    for text in texts:
        assert text in terminal.text.replace("\n", ""), (
            terminal.picture()
        )  # long paths are wrapped anywhere


def test_a_config_that_names_an_absent_model(home: Home) -> None:
    config = home.configure('model = "nowhere.gguf"\n')
    with home.start() as terminal:
        assert_refused(
            terminal,
            4,
            f"The model {config.parent / 'nowhere.gguf'} does not exist",
            "--model PATH",
        )


def test_a_truncated_model_is_explained_in_the_interface_which_stays_usable(
    home: Home, tiny_model: Path
) -> None:
    broken = home.folder / "half.gguf"
    broken.write_bytes(tiny_model.read_bytes()[: tiny_model.stat().st_size // 2])
    with home.start("--model", broken) as terminal:
        terminal.wait_for("✗ half.gguf")
        terminal.wait_for("incomplete")
        terminal.wait_for("No model is loaded")
        terminal.press("ctrl+q")
        assert terminal.wait_for_end() == 0
        assert "Traceback" not in terminal.raw.decode()


def test_a_data_folder_that_cannot_be_made(home: Home, tiny_model: Path) -> None:
    with home.start("--model", tiny_model, XDG_DATA_HOME="/proc/nope") as terminal:
        assert_refused(terminal, 7, "modechat: ", "/proc/nope/modechat")


@pytest.mark.parametrize(
    ("config", "line", "key"),
    [
        ("n_ctx = 4096\n\n[sampling]\ntemprature = 0.5\n", 4, "sampling.temprature"),
        ('n_ctx = "much"\n', 1, "n_ctx"),
        ('[interface]\ntheme = "no-such-theme"\n', None, "interface.theme"),
    ],
)
def test_a_wrong_config_is_named_with_file_line_and_key(
    home: Home, config: str, line: int | None, key: str
) -> None:
    path = home.configure(config)
    with home.start("--demo", columns=200) as terminal:
        place = f"{path}, line {line}: " if line is not None else f"{path}"
        assert_refused(terminal, 3, place, key)


def test_a_terminal_that_is_too_small_says_so_until_it_is_larger(home: Home) -> None:
    with home.start("--demo", columns=20, rows=5) as terminal:
        terminal.wait_for("Please make the window larger.")
        assert PROMPT_FRAME not in terminal.text
        terminal.resize(80, 24)
        terminal.wait_for(PROMPT_FRAME)
        wait_for_start(terminal)
        assert "Please make the window larger." not in terminal.words
        terminal.resize(20, 5)
        terminal.wait_for("Please make the window larger.")
        terminal.press("ctrl+q")
        assert terminal.wait_for_end() == 0


def test_two_at_once_both_work_and_the_second_says_that_the_conversation_is_open_elsewhere(
    home: Home, tiny_model: Path
) -> None:
    home.configure(f"{DETERMINISTIC}max_tokens = 4\n")
    with home.start("--model", tiny_model) as first:
        wait_for_start(first)
        home.ask(first, "Said in the first.")
        with home.start("--model", tiny_model) as second:
            second.wait_for("Your last conversation is open in another modechat")
            assert "Said in the first." not in second.words
            wait_for_start(second)
            home.ask(second, "Said in the second.")
            home.ask(first, "Once more in the first.")
            second.press("ctrl+q")
            assert second.wait_for_end() == 0
        assert [turn.typed for turn in home.turns()] == [
            "Said in the first.",
            "Once more in the first.",
        ]
        first.press("ctrl+q")
        assert first.wait_for_end() == 0
