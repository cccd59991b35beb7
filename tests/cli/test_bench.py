"""`modechat bench`: what it prints, what it measures, and how it ends."""

from __future__ import annotations

import io
import json
import signal
import subprocess
from pathlib import Path

import pytest

from modechat.cli.bench import BenchProgress, as_text
from modechat.cli.plots import bar, sparkline
from modechat.engine.bench import BenchResult, Turn
from tests.cli.conftest import Shell, worker_of

SPEEDS = ("raw_pp", "raw_tg", "modechat_pp", "modechat_tg")
RATIOS = ("resume_ratio", "speculation_ratio")
RESULT = BenchResult(
    model="some-model-with-a-rather-long-name-of-many-parts.Q4_K_M",
    device="CPU",
    n_ctx=8192,
    raw_pp=1234.5,
    raw_tg=88.0,
    modechat_pp=1200.0,
    modechat_tg=86.0,
    pp_ratio=0.97,
    tg_ratio=0.98,
    first_token_series=tuple(
        Turn(100 * n, 0.1 * n, 0, is_after_switch=n % 2 == 0) for n in range(1, 13)
    ),
    switch_evaluated_tokens=0,
    resume_tokens=2000,
    resume_ratio=0.01,
    speculation_ratio=None,
    speculation_other_ratio=1.0,
    seconds_load=0.3,
)


def test_the_json_object_has_every_figure(shell: Shell, endless: Path) -> None:
    done = shell.modechat("bench", "--quick", "--json", "--model", endless, "--ctx", "4096")
    assert done.code == 0, done.err
    figures = json.loads(done.out)
    assert all(figures[name] > 0 for name in SPEEDS)
    assert all(figures[name] > 0 for name in RATIOS)
    assert figures["switch_evaluated_tokens"] == 0
    assert figures["resume_tokens"] >= 256
    assert [turn["is_after_switch"] for turn in figures["first_token_series"]] == [
        False,
        False,
        True,
        False,
    ]


def test_a_context_that_is_too_short_to_resume_leaves_that_figure_out(
    shell: Shell, endless: Path
) -> None:
    done = shell.modechat("bench", "--quick", "--json", "--model", endless, "--ctx", "512")
    assert done.code == 0, done.err
    figures = json.loads(done.out)
    assert figures["resume_ratio"] is None
    assert figures["modechat_tg"] > 0


def assert_measured_and_drawn(shell: Shell, *options: str | Path) -> None:
    done = shell.process("bench", "--quick", *options, env={"PYTHONIOENCODING": "ascii"})
    assert done.code == 0, done.err
    assert "####" in done.out
    assert "0 tokens evaluated again" in done.out
    assert "Prompt and generation" in done.err


def test_a_model_is_measured_and_drawn(shell: Shell, endless: Path) -> None:
    assert_measured_and_drawn(shell, "--model", endless, "--ctx", "4096")


@pytest.mark.real_model
@pytest.mark.every_day(0)
def test_the_starter_model_is_measured_and_drawn(shell: Shell, starter: Path) -> None:
    assert_measured_and_drawn(shell, "--model", starter)


def test_ctrl_c_ends_it_without_a_word_and_without_a_worker(shell: Shell, endless: Path) -> None:
    with (
        shell.started(
            "bench", "--model", endless, "--ctx", "4096", stderr=subprocess.PIPE
        ) as process,
        worker_of(process) as worker,
    ):
        assert process.stderr is not None
        assert process.stderr.readline()  # it has begun; so small a model is done in two seconds
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
        assert process.returncode == 130
        assert b"Traceback" not in err
        assert worker.ends()


def test_without_a_model_it_says_how_to_get_one(shell: Shell) -> None:
    shell.hide_starter_model()
    done = shell.modechat("bench")
    assert done.code == 4
    assert "There is no model yet" in done.err


def test_a_model_that_cannot_be_measured_is_refused(shell: Shell, t5: Path) -> None:
    done = shell.modechat("bench", "--quick", "--model", t5)
    assert done.code == 5
    assert "cannot be measured" in done.err


@pytest.mark.parametrize("unicode", [True, False])
def test_the_table_fits_into_80_columns(unicode: bool) -> None:
    text = as_text(RESULT, unicode=unicode)
    assert max(map(len, text.splitlines())) <= 80
    assert text.isascii() is not unicode
    assert "not measured" in text


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("variables", "is_repainted"),
    [
        ({"TERM": "xterm"}, True),
        ({"TERM": "dumb"}, False),
        ({"TERM": "xterm", "ACCESSIBLE": "1"}, False),
    ],
)
def test_its_progress_is_repainted_only_where_that_can_be_read(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], is_repainted: bool
) -> None:
    monkeypatch.delenv("ACCESSIBLE", raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("sys.stderr", terminal := _Terminal())
    progress = BenchProgress()
    for fraction in (0.1, 0.2):
        progress.show_part("the prompt", fraction)
    progress.tell("A note.")
    progress.show_part("generation", 0.5)
    progress.clear()
    erase = "\r\x1b[K"
    assert terminal.getvalue() == (
        f"{erase} 10%  the prompt{erase} 20%  the prompt{erase}A note.\n"
        f"{erase} 50%  generation{erase}"
        if is_repainted
        else "the prompt\nA note.\ngeneration\n"
    )


def test_bars_grow_in_eighths_of_a_character() -> None:
    assert bar(1.0, 1.0, 4, unicode=True) == "████"
    assert bar(0.53, 1.0, 4, unicode=True) == "██▏"
    assert bar(0.5, 1.0, 4, unicode=False) == "##"
    assert bar(2.0, 1.0, 4, unicode=True) == "████"
    assert bar(1.0, 0.0, 4, unicode=True) == ""


def test_sparklines_count_from_zero() -> None:
    assert sparkline([0.0, 0.5, 1.0], unicode=True) == "▁▅█"
    assert sparkline([0.0, 0.5, 1.0], unicode=False) == "_+@"
    assert sparkline([0.0, 0.0], unicode=True) == "▁▁"
    assert sparkline([], unicode=True) == ""
