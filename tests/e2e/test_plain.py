"""The plain front end as a program: on a dumb terminal, beside a screen reader, in pipes, and
however it is ended.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest

from modechat.domain.conversation import ReplyState
from tests.e2e.home import MODECHAT, PROJECT, Home
from tests.e2e.processes import watched_worker
from tests.e2e.window import SECONDS, Window

# at temperature 0 this model writes until the context is full
STORY = "Write a long story about a lighthouse keeper."
SECRET = "The secret word is banana. What is the secret word?"
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


class LineTerminal(Window):
    """A program on a terminal that shows what comes, line after line: so wide that no line is
    broken between words.
    """

    def __init__(self, home: Home, *arguments: str | Path, term: str = "dumb", **env: str) -> None:
        super().__init__((*MODECHAT, *arguments), home.env | env, columns=2000, rows=24, term=term)

    @property
    def text(self) -> str:
        return self.raw.decode(errors="replace").replace("\r\n", "\n")

    def wait_for(self, text: str, *, after: int = 0) -> None:
        self.wait_until(lambda: text in self.text[after:], repr(text))

    def ask(self, text: str, prompt: str = "\nYou (chat): ") -> str:
        """Type `text` and Enter, and wait until it asks again. What came between."""
        before = len(self.text)
        self.type(f"{text}\n")
        self.wait_until(lambda: self.text[before:].endswith(prompt), f"a prompt after {text!r}")
        return self.text[before:].removesuffix(prompt)


def assert_only_lines(window: LineTerminal) -> None:
    assert CONTROL.findall(window.text) == []


@pytest.mark.parametrize(
    ("term", "arguments", "env"),
    [
        ("dumb", (), {}),
        ("", (), {}),
        ("xterm-256color", ("--plain",), {}),
        ("xterm-256color", (), {"ACCESSIBLE": "1"}),
    ],
    ids=["dumb", "no TERM", "--plain", "ACCESSIBLE"],
)
def test_it_is_there_where_it_is_wanted(
    home: Home, term: str, arguments: tuple[str, ...], env: dict[str, str]
) -> None:
    with LineTerminal(home, "--demo", *arguments, term=term, **env) as terminal:
        terminal.wait_for("\nYou (chat): ")
        assert "Model: Hello! I am a scripted demo." in terminal.ask("hello")
        terminal.type("\x04")
        assert terminal.wait_for_end() == 0
        assert_only_lines(terminal)
        assert terminal.settings == terminal.settings_before


@pytest.mark.real_model
def test_both_modes_on_a_real_model_and_again_at_the_next_start(home: Home, starter: Path) -> None:
    with LineTerminal(home, "--model", starter) as terminal:
        terminal.wait_for("\nYou (chat): ")
        assert "banana" in terminal.ask(SECRET).partition("Model:")[2]
        assert "switching to instruct mode" in terminal.ask("### Instruction", "\nYou (instruct): ")
        assert "Model (instruct): The plural of cat is cats." in terminal.ask(
            "Write the plural of cat.", "\nYou (instruct): "
        )
        assert "<|im_start|>user\nWrite the plural of cat.<|im_end|>" in terminal.ask(
            "/prompt", "\nYou (instruct): "
        )
        terminal.type("/quit\n")
        assert terminal.wait_for_end() == 0
        assert_only_lines(terminal)
    with LineTerminal(home, "--model", starter) as terminal:
        terminal.wait_for(f"This is conversation 1, “{SECRET}”, with 2 turns.")
        terminal.wait_for("Model (instruct): The plural of cat is cats.")
        terminal.wait_for("\nYou (instruct): ")


@pytest.mark.real_model
def test_ctrl_c_stops_a_real_reply_which_is_kept(home: Home, starter: Path) -> None:
    with LineTerminal(home, "--model", starter) as terminal:
        terminal.wait_for("\nYou (chat): ")
        terminal.type(f"{STORY}\n")
        terminal.wait_for("\nModel: ")
        terminal.press("ctrl+c")
        terminal.wait_for("modechat: The reply was stopped. /continue goes on.\nYou (chat): ")
        (turn,) = home.turns()
        assert turn.reply.state is ReplyState.STOPPED
        assert " ".join(turn.reply.text.split()) in " ".join(
            terminal.text.replace("^C", "").split()
        )
        terminal.press("ctrl+c")
        terminal.wait_for("Ctrl+C once more leaves, and so does Ctrl+D.\nYou (chat): ")
        terminal.press("ctrl+c")
        assert terminal.wait_for_end() == 0
        assert_only_lines(terminal)


@pytest.mark.real_model
@pytest.mark.parametrize(
    "number", [signal.SIGTERM, signal.SIGHUP, signal.SIGKILL], ids=lambda number: number.name
)
@pytest.mark.every_day(1)
def test_however_it_is_ended_the_reply_so_far_is_kept(
    home: Home, starter: Path, number: signal.Signals
) -> None:
    with LineTerminal(home, "--model", starter) as terminal:
        terminal.wait_for("\nYou (chat): ")
        terminal.type(f"{STORY}\n")
        terminal.wait_for("\nModel: ")
        shown, then = terminal.text.partition("\nModel: ")[2].strip(), time.monotonic()
        terminal.wait_until(
            lambda: time.monotonic() - then > 0.5 and len(terminal.text) > 600, "more"
        )
        with watched_worker(terminal) as worker:
            os.kill(terminal.process_id, number)
            assert terminal.wait_for_end() == -number
            worker.wait_for_end()
        if number is not signal.SIGKILL:
            shown = terminal.text.partition("\nModel: ")[2].partition("\nmodechat: ")[0].strip()
            assert "The reply was stopped." in terminal.text
        (turn,) = home.turns()
        assert turn.reply.text.startswith(shown)


@pytest.mark.real_model
def test_closing_the_window_keeps_the_reply_so_far(home: Home, starter: Path) -> None:
    with LineTerminal(home, "--model", starter) as terminal:
        terminal.wait_for("\nYou (chat): ")
        terminal.type(f"{STORY}\n")
        terminal.wait_for("\nModel: ")
        shown = terminal.text.partition("\nModel: ")[2].strip()
        with watched_worker(terminal) as worker:
            assert terminal.hang_up() == -signal.SIGHUP
            worker.wait_for_end()
    (turn,) = home.turns()
    assert turn.reply.state.is_final
    assert turn.reply.text.startswith(shown)


def test_a_reader_that_goes_away_ends_it_without_a_complaint(home: Home) -> None:
    with subprocess.Popen(
        [*MODECHAT, "--demo"],
        env=home.env,
        cwd=PROJECT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as program:
        assert program.stdin is not None
        assert program.stdout is not None
        assert program.stderr is not None
        program.stdin.write(b"hello\n")
        program.stdin.flush()
        assert program.stdout.readline() == b"You (chat): hello\n"
        program.stdout.close()
        program.stdin.write(b"and now?\n")  # more would come
        program.stdin.flush()
        assert program.wait(SECONDS) == 0
        assert program.stderr.read() == b""


def test_a_reader_that_does_not_read_does_not_keep_it_from_saving_and_ending(
    home: Home, tiny_model: Path
) -> None:
    text = "a word and another " * 40_000
    with subprocess.Popen(
        [*MODECHAT, "--model", tiny_model],
        env=home.env,
        cwd=PROJECT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as program:
        assert program.stdin is not None
        program.stdin.write(f"/task {text}\nhello\n".encode())  # its echo fills the pipe
        program.stdin.flush()
        deadline = time.monotonic() + SECONDS
        while not (home.turns() and home.turns()[-1].reply.text):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        program.terminate()
        assert program.wait(SECONDS) == -signal.SIGTERM
    (turn,) = home.turns()
    assert turn.typed == "hello"
    assert turn.reply.state.is_final


@pytest.mark.real_model
def test_ctrl_c_in_a_pipe_is_exit_code_130_and_saves(home: Home, starter: Path) -> None:
    with subprocess.Popen(
        [*MODECHAT, "--model", starter],
        env=home.env,
        cwd=PROJECT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as program:
        assert program.stdin is not None
        assert program.stdout is not None
        program.stdin.write(f"{STORY}\n".encode())
        program.stdin.close()
        assert program.stdout.readline() == f"You (chat): {STORY}\n".encode()
        assert program.stdout.readline().startswith(b"Model: ")
        program.send_signal(signal.SIGINT)
        assert program.wait(SECONDS) == 130
    (turn,) = home.turns()
    assert turn.reply.state is ReplyState.STOPPED
