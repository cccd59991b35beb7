"""`modechat doctor`: what this machine has, what modechat makes of it, and what would be faster."""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import sys
import textwrap
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TextIO

from modechat import __version__
from modechat.cli.advice import Advice, advise
from modechat.cli.hardware import Hardware, this_machine
from modechat.cli.streams import takes_unicode, write
from modechat.cli.trial import Trial, try_machine
from modechat.config import Config, load_config
from modechat.domain.text import ended, in_one_line
from modechat.engine.build import PACKAGE, has_amx, installed_version
from modechat.engine.probe import EngineProbe, ProbedDevice, probe_engine
from modechat.errors import ConfigError, ModechatError, ModelError, UsageError
from modechat.models.check import check_model_file
from modechat.models.failures import shown_path
from modechat.models.starter import starter_model
from modechat.paths import (
    NOWHERE,
    config_file,
    data_folder,
    engine_log_file,
    is_there,
    states_folder,
)

_WIDTH = 80
_LABEL = 12
_GIB = 1 << 30
_GB = 10**9
_SIZES = (1, 5)
"""GB of models whose speed is shown."""


@dataclass(frozen=True, slots=True)
class Terminal:
    """What is known of the terminal from the environment; the programs in it cannot ask it here."""

    is_terminal: bool
    name: str
    colours: str
    """`16 million`, `256`, `16` or `none`."""
    unicode: bool
    columns: int
    rows: int


@dataclass(frozen=True, slots=True)
class Report:
    machine: Hardware
    engine: EngineProbe
    engine_version: str
    terminal: Terminal
    config_error: str
    model_error: str
    """What is wrong with the model that it would load."""
    trial: Trial
    models: tuple[Path, ...]
    """Those that modechat would find, the one that it would load first."""
    advice: tuple[Advice, ...]


def doctor(arguments: argparse.Namespace) -> int:
    """Returns the exit code: 0, whatever it finds. Raises UsageError."""
    if sys.stdout is None:
        raise UsageError("Standard output is closed", "The report goes there.")
    report = examine(sys.stdout, os.environ, getattr(arguments, "model", None))
    if arguments.json:
        text = (
            json.dumps(as_object(report), indent=2, ensure_ascii=not takes_unicode(sys.stdout))
            + "\n"
        )
    else:
        text = as_text(report)
    write(sys.stdout, text)
    return 0


def examine(out: TextIO, environment: Mapping[str, str], model: Path | None = None) -> Report:
    """`model` is the one that the user asks about."""
    machine, engine = this_machine(), probe_engine()
    trial = try_machine(machine, engine)
    config, config_error = _config()
    found = (model, config.model, starter_model())
    if config.model is not None and not is_there(config.model):
        config_error = f"The model of the config file does not exist: {config.model}"
    chosen = model or (config.model if not config_error else None)
    model_error = _what_is_wrong_with(chosen) if chosen is not None else ""
    models = (
        Path(path) for path in found if path is not None and not (path == chosen and model_error)
    )
    return Report(
        machine=machine,
        engine=engine,
        engine_version=installed_version() or "not installed",
        trial=trial,
        terminal=terminal_of(out, environment),
        config_error=config_error,
        model_error=model_error,
        models=tuple(dict.fromkeys(path for path in models if is_there(path))),
        advice=advise(machine, engine, trial, python=sys.executable, reports_amx=has_amx()),
    )


def terminal_of(out: TextIO, environment: Mapping[str, str]) -> Terminal:
    term = environment.get("TERM", "")
    is_terminal = out.isatty()
    if not is_terminal or environment.get("NO_COLOR") or term == "dumb":
        colours = "none"
    elif environment.get("COLORTERM") in ("truecolor", "24bit"):
        colours = "16 million"
    else:
        colours = "256" if "256color" in term else "16"
    size = shutil.get_terminal_size()
    name = environment.get("TERM_PROGRAM") or term
    return Terminal(is_terminal, name, colours, takes_unicode(out), size.columns, size.lines)


def as_object(report: Report) -> dict[str, object]:
    """The report for programs. Keys stay; new ones may come. Sizes are bytes."""
    machine = asdict(report.machine)
    return {
        "modechat": __version__,
        "python": platform.python_version(),
        "machine": machine,
        "engine": {
            "name": PACKAGE,
            "version": report.engine_version,
            "can_offload": report.engine.can_offload,
            "features": report.engine.features,
            "devices": [device.model_dump() for device in report.engine.devices],
            "error": report.engine.error,
            "works": report.trial.works,
            "works_with_cpu_extras": report.trial.with_extras.works,
            "instructions": report.trial.built,
            "instructions_not_runnable": report.trial.not_runnable,
        },
        "memory_bytes_per_second": report.trial.bytes_per_second,
        "models": [str(model) for model in report.models],
        "folders": {name: str(path) for name, path in _folders().items()},
        "config_error": report.config_error,
        "model_error": report.model_error,
        "terminal": asdict(report.terminal),
        "advice": [asdict(advice) for advice in report.advice],
    }


def as_text(report: Report) -> str:
    """The report for people, 80 columns wide but for paths and commands, which can be copied."""
    machine, terminal = report.machine, report.terminal
    cores = f"{machine.physical_cores} cores, {machine.usable_cores} usable threads"
    lines = [
        f"modechat {__version__}, Python {platform.python_version()}, {machine.system} {machine.release}",
        "",
        *_entry("processor", f"{machine.cpu} ({machine.machine}), {cores}"),
        *_entry("memory", f"{_gib(machine.free_bytes)} of {_gib(machine.memory_bytes)} free"),
        *_entry("", _speed_text(report.trial)),
        *_entry("graphics", ", ".join(machine.gpu_vendors) or "none found"),
        "",
        *_entry("llama.cpp", _engine_text(report)),
        *_entry("computes", _trial_text(report.trial)),
        *_entry("uses", _instructions_text(report.trial)),
        *(
            line
            for device in report.engine.devices
            for line in _entry("device", _device_text(device))
        ),
        "",
        *(line for model in report.models for line in _path_entry("model", model)),
        *([] if report.models else _entry("model", "none; modechat run says how to get one")),
        *(line for name, path in _folders().items() for line in _path_entry(name, path)),
        *(
            line
            for error in (report.model_error, report.config_error)
            if error
            for line in _entry("trouble", error)
        ),
        "",
        *_entry("terminal", _terminal_text(terminal)),
        "",
        *_advice_lines(report),
    ]
    return "\n".join(lines) + "\n"


def _advice_lines(report: Report) -> list[str]:
    if not report.advice:
        gpus = ", ".join(gpu.name for gpu in report.engine.gpus)
        if gpus:
            return _wrapped(f"Nothing to improve: {gpus} computes.")
        return _wrapped(
            "Nothing to improve: llama.cpp computes with all that this processor has, and there is no GPU."
        )
    lines: list[str] = []
    for advice in report.advice:
        lines += _wrapped(advice.text)
        lines += ["", f"    {advice.command}"] if advice.command else []
    return lines


def _engine_text(report: Report) -> str:
    if report.engine.error:
        return report.engine.error
    support = "with GPU support" if report.engine.can_offload else "without GPU support"
    return f"{PACKAGE} {report.engine_version}, a build {support}"


def _trial_text(trial: Trial) -> str:
    if not trial.works:
        return f"no: it {trial.without_extras.trouble}"
    if trial.with_extras.works:
        return "yes, tried with a tiny model"
    return f"yes, but with its kernels for this processor it {trial.with_extras.trouble}"


def _instructions_text(trial: Trial) -> str:
    if not trial.built:
        return "no instruction sets that could be tried here"
    used = ", ".join(trial.built)
    if trial.not_runnable is None:
        return f"{used}; whether they run cannot be found out here"
    if trial.not_runnable:
        return f"{used}. This machine does not run {', '.join(trial.not_runnable)}"
    return f"{used}: this machine runs all of them"


def _speed_text(trial: Trial) -> str:
    if trial.bytes_per_second is None:
        return ""
    speeds = [
        f"{_figure(trial.bytes_per_second / (size * _GB))} tokens/s with {size} GB of weights"
        for size in _SIZES
    ]
    return f"read at {_figure(trial.bytes_per_second / _GB)} GB/s: at most {', '.join(speeds)}"


def _figure(number: float) -> str:
    return f"{number:.0f}" if number >= 10 else f"{number:.1f}"


def _device_text(device: ProbedDevice) -> str:
    if device.kind not in ("gpu", "integrated"):  # the system's memory, which has its own line
        return f"{device.name}: {device.description}"
    memory = f"{_gib(device.free_bytes)} of {_gib(device.total_bytes)} free"
    return f"{device.name}: {device.description}, {memory}"


def _terminal_text(terminal: Terminal) -> str:
    letters = "Unicode" if terminal.unicode else "no Unicode: set LC_ALL to a UTF-8 locale"
    if not terminal.is_terminal:
        return f"none: the output goes into a file or a pipe; {letters}"
    colours = "no colours" if terminal.colours == "none" else f"{terminal.colours} colours"
    return f"{terminal.name or 'unknown'}, {terminal.columns}×{terminal.rows}, {colours}, {letters}"


def _folders() -> dict[str, Path]:
    return {
        "config": config_file(),
        "data": data_folder(),
        "kept chats": states_folder(),
        "log": engine_log_file(),
    }


def _config() -> tuple[Config, str]:
    """The config, or the defaults and what is wrong with it."""
    try:
        return load_config(config_file()), ""
    except ConfigError as error:
        return Config(), _sentences(error)


def _what_is_wrong_with(model: Path) -> str:
    """Empty: nothing that could be seen without loading it."""
    try:
        check_model_file(model)
    except ModelError as error:
        return _sentences(error)
    return ""


def _sentences(error: ModechatError) -> str:
    return ended(in_one_line(error.title, error.hint))


def _entry(label: str, text: str) -> list[str]:
    wrapped = textwrap.wrap(text, _WIDTH - _LABEL, break_long_words=False, break_on_hyphens=False)
    labels = [label, *[""] * (len(wrapped) - 1)]
    return [f"{name:<{_LABEL}}{line}" for name, line in zip(labels, wrapped, strict=True)]


def _path_entry(label: str, path: Path) -> list[str]:
    if path.is_relative_to(NOWHERE):
        return _entry(label, "none: there is no home folder")
    return [f"{label:<{_LABEL}}{shown_path(path)}{'' if is_there(path) else ' (not there yet)'}"]


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, _WIDTH)


def _gib(n_bytes: int) -> str:
    return f"{n_bytes / _GIB:.1f} GiB"
