"""`modechat bench`: how fast a model is on this machine through modechat, next to llama.cpp's own loop."""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict

from modechat.cli.local_engine import local_engine
from modechat.cli.options import model_options
from modechat.cli.plots import bar, sparkline
from modechat.cli.setup import load_prompt_files_telling, session_settings
from modechat.cli.streams import takes_unicode, tell, write
from modechat.cli.which_model import choose_model
from modechat.config import load_config
from modechat.domain.text import sanitize_line
from modechat.engine.bench import FULL, QUICK, BenchResult, measure
from modechat.engine.protocol import Engine
from modechat.errors import UsageError
from modechat.paths import config_file

_WIDTH = 80
_BAR = 34


def bench(arguments: argparse.Namespace, worker: subprocess.Popen[bytes]) -> int:
    """Returns the exit code. `worker` was spawned for this. Raises ModechatError."""
    if sys.stdout is None:
        raise UsageError("Standard output is closed", "The figures go there.")
    config = load_config(config_file())
    options = model_options(arguments)
    model = choose_model(options.model, config)
    settings = session_settings(options, config, model, load_prompt_files_telling())
    settings.files.check_model()
    progress = _ProgressLine()
    engines = _Engines(worker)
    try:
        with tempfile.TemporaryDirectory(prefix="modechat-bench-") as folder:
            load = settings.load.model_copy(
                update={"state_folder": folder, "speculate": True, "format": None}
            )
            result = asyncio.run(
                measure(
                    engines.make,
                    load,
                    QUICK if arguments.quick else FULL,
                    progress.show,
                    progress.tell,
                )
            )
    finally:
        progress.clear()
    unicode = takes_unicode(sys.stdout)
    if arguments.json:
        write(sys.stdout, json.dumps(_as_object(result), indent=2, ensure_ascii=not unicode) + "\n")
    else:
        write(sys.stdout, as_text(result, unicode=unicode))
    return 0


def as_text(result: BenchResult, *, unicode: bool) -> str:
    """The figures for people: a table and plots, at most 80 columns wide."""
    name = sanitize_line(result.model)
    head = f"{name}, {result.device}, context {result.n_ctx:,}"
    lines = [head[:_WIDTH], ""]
    lines += [f"{'tokens/s':<12}{'llama.cpp':>12}{'modechat':>12}{'ratio':>9}"]
    speeds = (
        ("prompt", result.raw_pp, result.modechat_pp, result.pp_ratio),
        ("generation", result.raw_tg, result.modechat_tg, result.tg_ratio),
    )
    lines += [
        f"{what:<12}{raw:>12,.1f}{ours:>12,.1f}{ratio:>9.2f}" for what, raw, ours, ratio in speeds
    ]
    for what, raw, ours, _ in speeds:
        lines.append("")
        for who, speed in (("llama.cpp", raw), ("modechat", ours)):
            drawn = bar(speed, max(raw, ours), _BAR, unicode=unicode)
            lines.append(f"{what:<12}{who:<11}{drawn:<{_BAR}} {speed:,.1f}")
            what = ""
    lines += ["", *_series(result, unicode=unicode), "", *_others(result)]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _series(result: BenchResult, *, unicode: bool) -> list[str]:
    turns = result.first_token_series
    if not turns:
        return []
    seconds = [turn.seconds_to_first_token for turn in turns]
    drawn = sparkline(seconds, unicode=unicode)
    sizes = f"{turns[0].context_tokens:,} to {turns[-1].context_tokens:,}"
    return [
        f"{'first token':<23}{drawn} {min(seconds):.2f} to {max(seconds):.2f} s",
        f"{'  of a chat that grows':<23}{len(turns)} turns, {sizes} tokens",
    ]


def _others(result: BenchResult) -> list[str]:
    resume = (
        f"{result.resume_tokens:,} tokens from disk: " if result.resume_ratio is not None else ""
    )
    resume += _times(result.resume_ratio, "of the time to evaluate")
    return [
        f"{'change of mode':<23}{result.switch_evaluated_tokens:,} tokens evaluated again",
        f"{'resume':<23}{resume}",
        f"{'guessing (speculation)':<23}{_times(result.speculation_ratio, 'as fast where the reply copies its input')}",
        f"{'':<23}{_times(result.speculation_other_ratio, 'as fast where nothing is repeated')}",
        f"{'loading':<23}{result.seconds_load:.2f} s",
    ]


def _times(ratio: float | None, what: str) -> str:
    return "not measured: too little fits here" if ratio is None else f"{ratio:.2f} {what}"


def _as_object(result: BenchResult) -> dict[str, object]:
    return {name: _rounded(value) for name, value in asdict(result).items()}


def _rounded(value: object) -> object:
    match value:
        case float():
            return round(value, 4)
        case tuple() | list():
            return [_rounded(item) for item in value]
        case dict():
            return {name: _rounded(item) for name, item in value.items()}
        case _:
            return value


class _Engines:
    """Makes engines; the first one has the worker that started with the command."""

    def __init__(self, worker: subprocess.Popen[bytes]) -> None:
        self._worker: subprocess.Popen[bytes] | None = worker

    def make(self) -> Engine:
        worker, self._worker = self._worker, None
        return local_engine(worker, is_shown=lambda _: False)


class _ProgressLine:
    """What is measured now, on standard error: in one line if that is a terminal, else a line for each part."""

    def __init__(self) -> None:
        self._on_terminal = sys.stderr is not None and sys.stderr.isatty()
        self._last = ""
        self.show: Callable[[str, float], None] = (
            self._paint if self._on_terminal else self._tell_each
        )

    def clear(self) -> None:
        if self._on_terminal and self._last:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)

    def tell(self, text: str) -> None:
        """A line of its own, above what is measured."""
        self.clear()
        tell(text)

    def _paint(self, what: str, fraction: float) -> None:
        self._last = what
        print(f"\r\x1b[K{fraction:4.0%}  {what}"[: _WIDTH + 4], end="", file=sys.stderr, flush=True)

    def _tell_each(self, what: str, _fraction: float) -> None:
        if what != self._last:
            self._last = what
            tell(what)
