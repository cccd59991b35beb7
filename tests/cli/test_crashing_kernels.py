"""Every command on a machine where llama.cpp's kernels for the processor crash: it works, and says
so once.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.cli.conftest import Shell
from tests.dying_worker import FOLDER

TOLD = "goes on without them"
TASK = ("run", "--max-tokens", "8", "--temperature", "0", "Hello")


@pytest.fixture
def crashing(shell: Shell) -> Shell:
    """A shell in which they crash as AMX does: at the first evaluation."""
    shell.env["PYTHONPATH"] = os.pathsep.join((FOLDER, shell.env["PYTHONPATH"]))
    shell.env["DYING_WORKER"] = "decode SIGILL extras"
    return shell


def remembered(shell: Shell) -> Path:
    return shell.home / "state" / "modechat" / "cpu-extras.json"


def test_run_prints_the_reply_tells_it_on_standard_error_and_never_crashes_again(
    crashing: Shell, tiny: Path
) -> None:
    first = crashing.modechat(*TASK, "--model", tiny)
    assert first.code == 0
    assert first.out
    assert first.err.count(TOLD) == 1
    assert remembered(crashing).exists()
    second = crashing.modechat(*TASK, "--model", tiny)
    assert (second.code, second.out, second.err) == (0, first.out, "")


def test_another_processor_is_tried_anew(crashing: Shell, tiny: Path) -> None:
    crashing.modechat(*TASK, "--model", tiny)
    known = json.loads(remembered(crashing).read_text())
    remembered(crashing).write_text(json.dumps(known | {"processor": "another"}))
    assert TOLD in crashing.modechat(*TASK, "--model", tiny).err


def test_json_output_stays_json(crashing: Shell, tiny: Path) -> None:
    done = crashing.modechat(*TASK, "--json", "--model", tiny)
    assert json.loads(done.out)["stop_reason"]


def test_prompt_needs_no_evaluation_and_survives_a_crash_while_loading(
    crashing: Shell, tiny: Path
) -> None:
    crashing.env["DYING_WORKER"] = "load SIGSEGV extras"
    done = crashing.modechat("prompt", "Hello", "--model", tiny)
    assert done.code == 0
    assert "Hello" in done.out
    assert TOLD in done.err


def test_bench_measures(crashing: Shell, endless: Path) -> None:
    done = crashing.modechat("bench", "--quick", "--json", "--model", endless, "--ctx", "512")
    assert done.code == 0, done.err
    assert json.loads(done.out)["modechat_tg"] > 0
    assert done.err.count(TOLD) == 1


def test_the_plain_chat_answers(crashing: Shell, tiny: Path) -> None:
    done = crashing.process("--plain", "--max-tokens", "8", "--model", tiny, piped="Hello\n")
    assert done.code == 0
    assert TOLD in " ".join((done.out + done.err).split())


@pytest.mark.parametrize("wish", ["on", "off"])
def test_the_command_line_overrules(crashing: Shell, tiny: Path, wish: str) -> None:
    done = crashing.modechat(*TASK, "--cpu-extras", wish, "--model", tiny)
    assert done.code == (5 if wish == "on" else 0)
    assert TOLD not in done.err
    assert not remembered(crashing).exists()


def test_the_config_file_overrules(crashing: Shell, tiny: Path) -> None:
    crashing.configure('cpu_extras = "on"')
    done = crashing.modechat(*TASK, "--model", tiny)
    assert done.code == 5
    assert "--cpu-extras auto" in done.err


def test_where_nothing_helps_but_another_build_the_command_for_it_is_told(
    crashing: Shell, tiny: Path
) -> None:
    crashing.env["DYING_WORKER"] = "decode SIGILL always"
    done = crashing.modechat(*TASK, "--model", tiny)
    assert done.code == 5
    assert (
        "-m pip install --force-reinstall --no-deps --no-cache-dir --no-binary llama-cpp-python"
        in done.err
    )
    assert "shorter" not in done.err
    assert "--ctx" not in done.err


def test_a_reply_that_nobody_has_seen_begins_anew_with_json_and_is_whole(
    crashing: Shell, endless: Path
) -> None:
    task = (
        "run",
        "--json",
        "--max-tokens",
        "12",
        "--temperature",
        "0",
        "Hello",
        "--model",
        endless,
        "--ctx",
        "512",
    )
    crashing.env["DYING_WORKER"] = "decode:6 SIGILL extras"
    done = crashing.modechat(*task)
    assert done.code == 0, done.err
    assert done.err.count(TOLD) == 1
    assert json.loads(done.out)["reply"] == json.loads(crashing.modechat(*task).out)["reply"]


def test_a_reply_that_was_half_printed_says_that_the_next_one_works(
    crashing: Shell, endless: Path
) -> None:
    task = (
        "run",
        "--max-tokens",
        "60",
        "--temperature",
        "0",
        "Hello",
        "--model",
        endless,
        "--ctx",
        "512",
    )
    crashing.env["DYING_WORKER"] = "decode:50 SIGILL extras"
    done = crashing.modechat(*task)
    assert done.code == 5
    assert "From now on it runs without its kernels for this processor." in done.err
    assert crashing.modechat(*task).code == 0


def test_bench_measures_where_they_crash_in_the_middle(crashing: Shell, endless: Path) -> None:
    crashing.env["DYING_WORKER"] = "decode:9 SIGILL extras"
    done = crashing.modechat("bench", "--quick", "--json", "--model", endless, "--ctx", "512")
    assert done.code == 0, done.err
    assert json.loads(done.out)["modechat_tg"] > 0


def test_a_crash_that_the_model_may_be_to_blame_for_is_not_blamed_on_the_kernels(
    crashing: Shell, tiny: Path
) -> None:
    crashing.env["DYING_WORKER"] = "load SIGABRT always"
    done = crashing.modechat(*TASK, "--model", tiny)
    assert done.code == 5
    assert "kernels" not in done.err
    crashing.env["DYING_WORKER"] = "load SIGABRT extras"
    assert (
        "llama.cpp crashed, perhaps in its kernels" in crashing.modechat(*TASK, "--model", tiny).err
    )
