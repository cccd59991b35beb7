"""`modechat bench`: compares the speed of a model in modechat with llama.cpp's own loop."""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import tempfile
from dataclasses import asdict

from modechat.cli.local_engine import local_engine
from modechat.cli.options import model_options
from modechat.cli.plots import bar, sparkline
from modechat.cli.progress_line import ProgressLine
from modechat.cli.setup import load_prompt_files_telling, session_settings
from modechat.cli.streams import standard_output, takes_unicode, tell, write
from modechat.cli.which_model import choose_model
from modechat.config import load_config
from modechat.domain.text import sanitize_line
from modechat.engine.bench import FULL, QUICK, BenchResult, measure
from modechat.engine.protocol import Delta, Engine
from modechat.paths import config_file

_WIDTH = 80
_BAR = 34


def bench(arguments: argparse.Namespace, worker: subprocess.Popen[bytes]) -> int:
    """Run the command and return the exit code.

    `worker` was spawned for it. Raises ModechatError.
    """
    out = standard_output("The figures go there.")
    config = load_config(config_file())
    options = model_options(arguments)
    model = choose_model(options.model, config)
    settings = session_settings(options, config, model, load_prompt_files_telling())
    settings.files.check_model()
    progress = BenchProgress()
    engines = _Engines(worker)
    try:
        with tempfile.TemporaryDirectory(prefix="modechat-bench-") as folder:
            changes = {"state_folder": folder, "speculate": True, "format": None}
            load = settings.load.model_copy(update=changes)
            effort = QUICK if arguments.quick else FULL
            measuring = measure(engines.make, load, effort, progress.show_part, progress.tell)
            result = asyncio.run(measuring)
    finally:
        progress.clear()
    unicode = takes_unicode(out)
    if arguments.json:
        figures = _rounded(asdict(result))
        write(out, json.dumps(figures, indent=2, ensure_ascii=not unicode) + "\n")
    else:
        write(out, as_text(result, unicode=unicode))
    return 0


def as_text(result: BenchResult, *, unicode: bool) -> str:
    """Return the figures for people: a table and plots, at most 80 columns wide."""
    name = sanitize_line(result.model)
    head = f"{name}, {result.device}, context {result.n_ctx:,}"
    lines = [head[:_WIDTH], ""]
    lines.append(f"{'tokens/s':<12}{'llama.cpp':>12}{'modechat':>12}{'ratio':>9}")
    speeds = (
        ("prompt", result.raw_pp, result.modechat_pp, result.pp_ratio),
        ("generation", result.raw_tg, result.modechat_tg, result.tg_ratio),
    )
    for what, raw, ours, ratio in speeds:
        lines.append(f"{what:<12}{raw:>12,.1f}{ours:>12,.1f}{ratio:>9.2f}")
    for what, raw, ours, _ in speeds:
        lines.append("")
        for who, speed in (("llama.cpp", raw), ("modechat", ours)):
            drawn = bar(speed, max(raw, ours), _BAR, unicode=unicode)
            lines.append(f"{what:<12}{who:<11}{drawn:<{_BAR}} {speed:,.1f}")
            what = ""
    lines += ["", *_series(result, unicode=unicode), "", *_others(result)]
    return "\n".join(map(str.rstrip, lines)) + "\n"


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
    resume = _times(result.resume_ratio, "of the time to evaluate")
    if result.resume_ratio is not None:
        resume = f"{result.resume_tokens:,} tokens from disk: {resume}"
    guessing = _times(result.speculation_ratio, "as fast where the reply copies its input")
    other = _times(result.speculation_other_ratio, "as fast where nothing is repeated")
    return [
        f"{'change of mode':<23}{result.switch_evaluated_tokens:,} tokens evaluated again",
        f"{'resume':<23}{resume}",
        f"{'guessing (speculation)':<23}{guessing}",
        f"{'':<23}{other}",
        f"{'loading':<23}{result.seconds_load:.2f} s",
    ]


def _times(ratio: float | None, what: str) -> str:
    if ratio is None:
        return "not measured: too little fits here"
    return f"{ratio:.2f} {what}"


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
    """Makes engines. The first one gets the worker that started with the command."""

    def __init__(self, worker: subprocess.Popen[bytes]) -> None:
        self._worker: subprocess.Popen[bytes] | None = worker

    def make(self) -> Engine:
        worker, self._worker = self._worker, None
        return local_engine(worker, is_shown=_is_never_shown)


def _is_never_shown(_delta: Delta) -> bool:
    return False


class BenchProgress(ProgressLine):
    """The progress as one line, or as one line for each part where it cannot be repainted."""

    def __init__(self) -> None:
        super().__init__()
        self._last = ""

    def show_part(self, what: str, fraction: float) -> None:
        """Show the current measurement, and the share that is done."""
        if not self.can_be_shown and what != self._last:
            tell(what)
        self._last = what
        self.show(f"{fraction:4.0%}  {what}"[:_WIDTH])

    def tell(self, text: str) -> None:
        """Print a text on a line of its own, above the progress."""
        self.clear()
        tell(text)
