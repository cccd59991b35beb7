"""Texts on their way into `modechat run` and `modechat prompt`: too long, no text, files, and
mark-up in them.
"""

from __future__ import annotations

import json
import os
import pty
import resource
import subprocess
import time
from pathlib import Path

import pytest

from tests.cli.conftest import MODECHAT, Shell
from tests.tiny_models import write_llama

pytestmark = pytest.mark.skipif(os.name == "nt", reason="pipes of Unix")


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_llama(tmp_path_factory.mktemp("models") / "tiny.gguf", n_ctx_train=2048)


def prompt_of(shell: Shell, *arguments: str | Path, piped: bytes = b"") -> str:
    done = shell.modechat("prompt", *arguments, "--json", piped=piped)
    assert done.code == 0, done.err
    text: str = json.loads(done.out)["text"]
    return text


@pytest.mark.parametrize("command", ["run", "prompt"])
def test_a_pipe_without_end_is_refused_at_once_with_both_numbers(
    command: str, shell: Shell, tiny: Path
) -> None:
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    with subprocess.Popen(["yes"], stdout=subprocess.PIPE) as yes:
        done = subprocess.run(
            [*MODECHAT, command, "x", "--model", tiny],
            stdin=yes.stdout,
            env=shell.env,
            capture_output=True,
            timeout=60,
        )
        yes.kill()
    assert done.returncode == 6, done.stderr
    assert b"tokens; the context holds at most 2,048" in done.stderr
    assert (
        max(before, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss) < 600_000
    )  # kB; the worker is one of them


def test_a_file_that_is_far_too_long_is_refused_with_its_size(
    shell: Shell, tiny: Path, tmp_path: Path
) -> None:
    long = tmp_path / "long.txt"
    with long.open("wb") as file:
        file.write(b"word " * 100_000)
        file.truncate(200_000_000)
    for arguments in (("--file", long), ("--file", long, "--file", long)):
        done = shell.modechat("run", "x", *arguments, "--model", tiny)
        assert done.code == 6, done.err
        assert "long.txt has 200 MB, at least" in done.err


def test_a_text_that_is_a_bit_too_long_is_counted(shell: Shell, tiny: Path) -> None:
    done = shell.modechat("run", "x", "--model", tiny, piped="ab " * 3_000)
    assert done.code == 6
    assert "tokens, the context holds 2,048" in done.err


def test_a_prompt_that_is_a_bit_too_long_is_shown_and_one_that_is_far_too_long_refused(
    shell: Shell, tiny: Path
) -> None:
    done = shell.modechat("prompt", "x", "--model", tiny, piped="ab " * 1_500)
    assert (done.code, "it would be refused" in done.err) == (0, True)
    long = "a b c d e f g h " * 70_000
    done = shell.modechat("prompt", "x", "--model", tiny, "--ctx", "100000", piped=long)
    assert (done.code, done.out) == (6, "")
    assert "tokens, the context holds 100," in done.err


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"first\ncaf\xe9\n", "is not UTF-8 text"),
        (b"first\nsec\x00ond\n", "has NULs in it"),
        ("one and two".encode("utf-16-be"), "is UTF-16 without a mark"),
        (b"\xff\xfea\x00\x00\xd8b\x00", "is no whole text"),
    ],
)
def test_what_is_no_text_is_refused_with_one_sentence(
    data: bytes, reason: str, shell: Shell, tiny: Path, tmp_path: Path
) -> None:
    path = tmp_path / "data"
    path.write_bytes(data)
    for done in (
        shell.modechat("run", "x", "--model", tiny, piped=data),
        shell.modechat("run", "x", "--model", tiny, "--file", path),
        shell.modechat("prompt", "x", "--model", tiny, "--input", path),
        shell.modechat("run", f"see @{path}", "--model", tiny),
        shell.modechat("run", "x", "--model", tiny, "--schema", path),
        shell.modechat("run", "x", "--model", tiny, "--grammar", path),
    ):
        assert (done.code, done.out) == (2, "")
        assert reason in done.err


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_every_unicode_text_with_a_mark_is_read(encoding: str, shell: Shell, tiny: Path) -> None:
    text = prompt_of(shell, "Sum up", "--model", tiny, piped="\tб\r\n二\t\r\n".encode(encoding))
    assert "Sum up\n\n\tб\n二\t<|im_end|>" in text


def test_headers_in_what_is_piped_in_are_text(shell: Shell, tiny: Path) -> None:
    page = "# API\n### Input\nid\n### Response\n200"
    assert f"user\n{page}<|im_end|>\n<|im_start|>assistant\n" in prompt_of(
        shell, "--model", tiny, piped=page.encode()
    )
    assert f"Explain\n\n{page}<|im_end|>" in prompt_of(
        shell, "Explain", "--model", tiny, piped=page.encode()
    )


def test_a_start_of_the_reply_keeps_its_line_end(shell: Shell, tiny: Path) -> None:
    text = prompt_of(shell, "### Instruction\nWrite\n### Response\nDear Bob,\n", "--model", tiny)
    assert text.endswith("assistant\nDear Bob,\n")


def test_files_are_the_input(shell: Shell, tiny: Path) -> None:
    (shell.home / "a.txt").write_text("\tone\n")
    (shell.home / "b c.txt").write_text("### Response\ntwo\n")
    assert "Do\n\n\tone<|im_end|>" in prompt_of(shell, "Do", "--file", "a.txt", "--model", tiny)
    both = "a.txt:\n```txt\n\tone\n```\n\nb c.txt:\n```txt\n### Response\ntwo\n```<|im_end|>"
    assert f"Do\n\n{both}" in prompt_of(
        shell, "Do", "--file=~/a.txt", "--file", "b c.txt", "--model", tiny
    ).replace(f"{shell.home}/", "")
    assert "Do a.txt\n\na.txt:\n```txt\n\tone\n```<|im_end|>" in prompt_of(
        shell, "Do @a.txt", "--model", tiny
    )
    assert "user\nmail me@a.txt<|im_end|>" in prompt_of(shell, "mail me@a.txt", "--model", tiny)
    assert "system\nBe brief" in prompt_of(shell, "Do", "--system", "Be brief", "--model", tiny)


@pytest.mark.parametrize(
    "option", ["--model", "--draft", "--lora", "--schema", "--grammar", "--file"]
)
def test_a_home_folder_behind_an_equals_sign_is_found(
    option: str, shell: Shell, tiny: Path
) -> None:
    done = shell.modechat(
        "run", "x", f"{option}=~/nothing-here", *(("--model", tiny) if option != "--model" else ())
    )
    assert done.code in (2, 4)
    assert "~" not in done.err.replace("~/nothing-here", "" if option == "--model" else "~")
    assert "nothing-here" in done.err


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--top-p", "0"),
        ("--min-p", "2"),
        ("--repeat-penalty", "nan"),
        ("--repeat-penalty", "1e-30"),
    ],
)
def test_sampling_options_have_bounds(option: str, value: str, shell: Shell) -> None:
    assert shell.modechat("run", "x", option, value).code == 2


def test_sampling_options_reach_the_model(shell: Shell, tiny: Path) -> None:
    done = shell.modechat(
        "run", "x", "--top-k", "1", "--top-p", "0.5", "--min-p", "0.1", "--repeat-penalty", "1.1",
        "--max-tokens", "4", "--model", tiny, "--json",
    )  # fmt: skip
    assert done.code == 0, done.err


def test_standard_input_that_stays_open_is_told_of_on_a_terminal(shell: Shell, tiny: Path) -> None:
    reader, writer = os.pipe()
    ours, theirs = pty.openpty()
    run = subprocess.Popen(
        [*MODECHAT, "run", "x", "--model", tiny], stdin=reader, stderr=theirs, env=shell.env
    )
    try:
        os.close(theirs)
        started = time.monotonic()
        assert "Reading standard input" in os.read(ours, 1000).decode()
        assert time.monotonic() - started > 0.5
    finally:
        run.kill()
        run.wait()
        for number in (reader, writer, ours):
            os.close(number)


def test_a_named_pipe_that_nobody_writes_to_is_told_of_on_a_terminal(
    shell: Shell, tiny: Path, tmp_path: Path
) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    ours, theirs = pty.openpty()
    command = [*MODECHAT, "run", "x", "--file", str(pipe), "--model", str(tiny)]
    run = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=theirs, env=shell.env)
    try:
        os.close(theirs)
        assert f"Reading {pipe}, until it ends" in os.read(ours, 1000).decode()
    finally:
        run.kill()
        run.wait()
        os.close(ours)
