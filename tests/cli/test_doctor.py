"""`modechat doctor`: what it reports, for people and for programs, whatever the state of the
machine.
"""

from __future__ import annotations

import io
import json
import os
from pathlib import Path
from typing import Any

import pytest

from modechat import __version__
from modechat.cli.doctor import terminal_of
from modechat.cli.doctor_report import Report, Terminal, as_text
from modechat.cli.hardware import Hardware
from modechat.cli.trial import Trial
from modechat.engine.probe import EngineProbe
from modechat.engine.self_test import SelfTest
from tests.cli.conftest import Shell
from tests.dying_worker import FOLDER as DYING_WORKERS
from tests.tiny_models import write_llama

KEYS = {
    "modechat": str,
    "python": str,
    "machine": dict,
    "engine": dict,
    "memory_bytes_per_second": float,
    "models": list,
    "folders": dict,
    "config_error": str,
    "model_error": str,
    "terminal": dict,
    "advice": list,
}


def report(shell: Shell, *options: str | Path) -> dict[str, Any]:
    done = shell.modechat("doctor", "--json", *options)
    assert (done.code, done.err) == (0, "")
    found: dict[str, Any] = json.loads(done.out)
    return found


def test_it_reports_machine_engine_and_folders_as_one_json_object(shell: Shell) -> None:
    found = report(shell)
    assert {key: type(value) for key, value in found.items()} == KEYS
    assert found["modechat"] == __version__
    assert found["machine"]["physical_cores"] >= 1
    assert found["machine"]["memory_bytes"] > found["machine"]["free_bytes"] > 0
    assert found["engine"]["version"] == "0.3.36"
    assert found["engine"]["error"] == ""
    assert found["engine"]["works"]
    assert found["memory_bytes_per_second"] > 1e8
    assert "CPU" in {device["name"] for device in found["engine"]["devices"]}
    assert found["folders"]["config"] == str(shell.home / "config" / "modechat" / "config.toml")
    assert (found["config_error"], found["model_error"]) == ("", "")


def test_the_models_that_it_would_find_are_listed_the_configured_one_first(
    shell: Shell, tiny: Path
) -> None:
    shell.hide_starter_model()
    assert report(shell)["models"] == []
    shell.configure(f'model = "{tiny}"')
    assert report(shell)["models"] == [str(tiny)]


def test_for_people_it_is_text_of_80_columns(shell: Shell) -> None:
    done = shell.modechat("doctor")
    assert (done.code, done.err) == (0, "")
    for label in (
        "processor",
        "memory",
        "graphics",
        "llama.cpp",
        "computes",
        "uses",
        "device",
        "config",
        "data",
        "terminal",
    ):
        assert f"\n{label:<12}" in done.out
    too_long = [line for line in done.out.splitlines() if len(line) > 80 and "/" not in line]
    assert too_long == []
    assert "\x1b" not in done.out
    assert "none: the output goes into a file or a pipe" in done.out


def test_a_wrong_config_file_is_reported_and_no_reason_to_fail(shell: Shell) -> None:
    path = shell.configure("nonesuch = 1")
    assert f"{path}, line 2" in report(shell)["config_error"]
    assert "\ntrouble" in shell.modechat("doctor").out


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('[keys]\nnope = "f5"', "there is no action “nope”"),
        ('[interface]\ntheme = "nope"', "there is no theme “nope”"),
    ],
)
def test_wrong_keys_and_themes_are_reported(shell: Shell, text: str, told: str) -> None:
    path = shell.configure(text)
    found = report(shell)["config_error"]
    assert f"{path}, line 3" in found
    assert told in found


def test_a_broken_llama_cpp_is_reported_with_the_command_that_mends_it(shell: Shell) -> None:
    broken = shell.home / "broken"
    broken.mkdir()
    done = shell.process("doctor", "--json", env={"LLAMA_CPP_LIB_PATH": str(broken)})
    found = json.loads(done.out)
    assert done.code == 0
    assert "cannot be loaded" in found["engine"]["error"]
    assert "--force-reinstall" in found["advice"][0]["command"]


def test_it_loads_no_model_and_no_interface(shell: Shell) -> None:
    missing = shell.home / "nowhere.gguf"
    shell.configure(f'model = "{missing}"')
    assert str(missing) not in report(shell)["models"]


class Screen(io.StringIO):
    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("environment", "colours"),
    [
        ({"TERM": "xterm-256color", "COLORTERM": "truecolor"}, "16 million"),
        ({"TERM": "xterm-kitty"}, "16 million"),
        ({"TERM": "xterm-256color"}, "256"),
        ({"TERM": "linux"}, "16"),
        ({"TERM": "dumb"}, "none"),
        ({"TERM": "xterm-256color", "NO_COLOR": "1"}, "none"),
    ],
)
def test_the_colours_of_a_terminal_are_known_from_the_environment(
    environment: dict[str, str], colours: str
) -> None:
    terminal = terminal_of(Screen(), environment)
    assert (terminal.is_terminal, terminal.colours, terminal.unicode) == (True, colours, True)
    assert terminal.name == environment["TERM"]


def test_it_looks_at_the_model_that_is_named(shell: Shell, tmp_path: Path) -> None:
    model, broken = write_llama(tmp_path / "good.gguf"), tmp_path / "broken.gguf"
    broken.write_bytes(b"<html>")
    assert report(shell, "--model", model)["models"][0] == str(model)
    found = report(shell, "--model", broken)
    assert "a web page" in found["model_error"]
    assert str(broken) not in found["models"]
    assert "There is no file" in shell.modechat("doctor", "--model", tmp_path / "missing.gguf").out


def test_the_name_of_a_model_cannot_act_on_the_terminal(shell: Shell, tmp_path: Path) -> None:
    model = write_llama(tmp_path / "a\x1b[31mb.gguf")
    out = shell.modechat("doctor", "--model", model).out
    assert "\x1b" not in out
    assert "a␛[31mb.gguf" in out


def test_kernels_that_crash_are_found_and_the_command_that_mends_it_is_told(shell: Shell) -> None:
    crash = {
        "PYTHONPATH": os.pathsep.join((DYING_WORKERS, shell.env["PYTHONPATH"])),
        "DYING_WORKER": "decode SIGILL extras",
    }
    done = shell.process("doctor", "--json", env=crash)
    found = json.loads(done.out)
    assert (found["engine"]["works"], found["engine"]["works_with_cpu_extras"]) == (True, False)
    assert "modechat goes on without them" in found["advice"][0]["text"]
    assert "--force-reinstall" in found["advice"][0]["command"]
    text = shell.process("doctor", env=crash).out
    assert "Nothing to improve" not in text
    assert "with its kernels for this processor it crashed (SIGILL)" in " ".join(text.split())


def test_a_build_that_dies_at_its_first_instruction_is_not_praised_and_leaves_nothing(
    shell: Shell,
) -> None:
    temporary = shell.home / "temporary"
    temporary.mkdir()
    crash = {
        "TMPDIR": str(temporary),
        "PYTHONPATH": os.pathsep.join((DYING_WORKERS, shell.env["PYTHONPATH"])),
        "DYING_WORKER": "load SIGILL always",
    }
    text = shell.process("doctor", env=crash).out
    assert "Nothing to improve" not in text
    assert "no: it crashed (SIGILL)" in " ".join(text.split())
    assert list(temporary.iterdir()) == []


def test_with_too_little_free_memory_to_measure_it_there_is_a_report_all_the_same() -> None:
    machine = Hardware("Linux", "1", "x86_64", "a CPU", 4, 8, 1 << 30, 1 << 20, (), ())
    text = as_text(
        Report(
            machine=machine,
            engine=EngineProbe(),
            engine_version="1",
            terminal=Terminal(False, "", "none", True, 80, 24),
            config_error="",
            model_error="",
            trial=Trial(SelfTest(), SelfTest(), (), (), bytes_per_second=None),
            models=(),
            advice=(),
        ),
        {},
    )
    assert "memory      1.05 MB of 1.07 GB free\ngraphics    none found\n" in text
