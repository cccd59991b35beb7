"""The report of `modechat doctor`, and its text for people."""

from __future__ import annotations

import platform
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from modechat import __version__
from modechat.cli.advice import Advice
from modechat.cli.hardware import Hardware
from modechat.cli.trial import Trial
from modechat.domain.byte_sizes import shown_bytes
from modechat.engine.build import PACKAGE
from modechat.engine.probe import EngineProbe, ProbedDevice
from modechat.models.failures import shown_path
from modechat.paths import NOWHERE, is_there

_WIDTH = 80
_LABEL = 12
_GB = 10**9
_SIZES = (1, 5)
"""Sizes of models in GB for which the speed is shown."""


@dataclass(frozen=True, slots=True)
class Terminal:
    """The facts about the terminal from the environment; the terminal itself is not asked."""

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
    """The problem with the model that would be loaded."""
    trial: Trial
    models: tuple[Path, ...]
    """The models that modechat would find; it would load the first one."""
    advice: tuple[Advice, ...]


def as_text(report: Report, folders: Mapping[str, Path]) -> str:
    """Return the report for people, 80 columns wide except paths and commands, to be copied."""
    lines = [*_machine_lines(report), "", *_engine_lines(report), ""]
    lines += [*_file_lines(report, folders), ""]
    lines += [*_entry("terminal", _terminal_text(report.terminal)), "", *_advice_lines(report)]
    return "\n".join(lines) + "\n"


def _machine_lines(report: Report) -> list[str]:
    machine = report.machine
    cores = f"{machine.physical_cores} cores, {machine.usable_cores} usable threads"
    python = f"Python {platform.python_version()}"
    return [
        f"modechat {__version__}, {python}, {machine.system} {machine.release}",
        "",
        *_entry("processor", f"{machine.cpu} ({machine.machine}), {cores}"),
        *_entry(
            "memory",
            f"{shown_bytes(machine.free_bytes)} of {shown_bytes(machine.memory_bytes)} free",
        ),
        *_entry("", _speed_text(report.trial)),
        *_entry("graphics", ", ".join(machine.gpu_vendors) or "none found"),
    ]


def _engine_lines(report: Report) -> list[str]:
    lines = _entry("llama.cpp", _engine_text(report))
    lines += _entry("computes", _trial_text(report.trial))
    lines += _entry("uses", _instructions_text(report.trial))
    for device in report.engine.devices:
        lines += _entry("device", _device_text(device))
    return lines


def _file_lines(report: Report, folders: Mapping[str, Path]) -> list[str]:
    lines: list[str] = []
    for model in report.models:
        lines += _path_entry("model", model)
    if not report.models:
        lines += _entry("model", "none; modechat run says how to get one")
    for name, path in folders.items():
        lines += _path_entry(name, path)
    for error in filter(None, (report.model_error, report.config_error)):
        lines += _entry("trouble", error)
    return lines


def _advice_lines(report: Report) -> list[str]:
    if not report.advice:
        gpus = ", ".join(gpu.name for gpu in report.engine.gpus)
        if gpus:
            return _wrapped(f"Nothing to improve: {gpus} computes.")
        return _wrapped(
            "Nothing to improve: llama.cpp computes with all that this processor has, "
            "and there is no GPU."
        )
    lines: list[str] = []
    for advice in report.advice:
        lines += _wrapped(advice.text)
        if advice.command:
            lines += ["", f"    {advice.command}"]
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
    speeds: list[str] = []
    for size in _SIZES:
        speed = _figure(trial.bytes_per_second / (size * _GB))
        speeds.append(f"{speed} tokens/s with {size} GB of weights")
    return f"read at {_figure(trial.bytes_per_second / _GB)} GB/s: at most {', '.join(speeds)}"


def _figure(number: float) -> str:
    return f"{number:.0f}" if number >= 10 else f"{number:.1f}"


def _device_text(device: ProbedDevice) -> str:
    if device.kind not in ("gpu", "integrated"):  # the system's memory has its own line
        return f"{device.name}: {device.description}"
    memory = f"{shown_bytes(device.free_bytes)} of {shown_bytes(device.total_bytes)} free"
    return f"{device.name}: {device.description}, {memory}"


def _terminal_text(terminal: Terminal) -> str:
    letters = "Unicode" if terminal.unicode else "no Unicode: set LC_ALL to a UTF-8 locale"
    if not terminal.is_terminal:
        return f"none: the output goes into a file or a pipe; {letters}"
    colours = f"{terminal.colours} colours"
    if terminal.colours == "none":
        colours = "no colours"
    return f"{terminal.name or 'unknown'}, {terminal.columns}×{terminal.rows}, {colours}, {letters}"


def _entry(label: str, text: str) -> list[str]:
    return textwrap.wrap(
        text,
        _WIDTH,
        initial_indent=f"{label:<{_LABEL}}",
        subsequent_indent=" " * _LABEL,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _path_entry(label: str, path: Path) -> list[str]:
    if path.is_relative_to(NOWHERE):
        return _entry(label, "none: there is no home folder")
    note = "" if is_there(path) else " (not there yet)"
    return [f"{label:<{_LABEL}}{shown_path(path)}{note}"]


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, _WIDTH)
