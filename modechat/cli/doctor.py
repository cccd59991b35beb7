"""`modechat doctor`: reports on this machine and on modechat's use of it, and advises."""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TextIO

from modechat import __version__
from modechat.cli.advice import advise
from modechat.cli.doctor_report import Report, Terminal, as_text
from modechat.cli.hardware import this_machine
from modechat.cli.look import check_look
from modechat.cli.streams import standard_output, takes_unicode, write
from modechat.cli.trial import try_machine
from modechat.config import Config, load_config
from modechat.domain.key_names import usual_keys
from modechat.domain.text import ended, in_one_line
from modechat.engine.build import PACKAGE, has_amx, installed_version
from modechat.engine.probe import probe_engine
from modechat.errors import ConfigError, ModechatError, ModelError
from modechat.models.check import check_model_file
from modechat.models.starter import starter_model
from modechat.paths import (
    config_file,
    data_folder,
    engine_log_file,
    is_there,
    states_folder,
)
from modechat.tui.look import has_all_colours, has_palette


def doctor(arguments: argparse.Namespace) -> int:
    """Run the command and return the exit code, always 0. Raises UsageError."""
    out = standard_output("The report goes there.")
    report = examine(out, os.environ, getattr(arguments, "model", None))
    if arguments.json:
        is_ascii = not takes_unicode(out)
        text = json.dumps(as_object(report), indent=2, ensure_ascii=is_ascii) + "\n"
    else:
        text = as_text(report, _folders())
    write(out, text)
    return 0


def examine(out: TextIO, environment: Mapping[str, str], model: Path | None = None) -> Report:
    """Examine the machine. `model` is the model that the user asks about."""
    machine, engine = this_machine(), probe_engine()
    trial = try_machine(machine, engine)
    config, config_error = _config()
    if config.model is not None and not is_there(config.model):
        config_error = f"The model of the config file does not exist: {config.model}"
    chosen = model
    if chosen is None and not config_error:
        chosen = config.model
    model_error = ""
    if chosen is not None:
        model_error = _what_is_wrong_with(chosen)
    models: dict[Path, None] = {}
    for path in (model, config.model, starter_model()):
        is_wrong = path == chosen and model_error
        if path is not None and not is_wrong and is_there(path):
            models[path] = None
    return Report(
        machine=machine,
        engine=engine,
        engine_version=installed_version() or "not installed",
        trial=trial,
        terminal=terminal_of(out, environment),
        config_error=config_error,
        model_error=model_error,
        models=tuple(models),
        advice=advise(machine, engine, trial, python=sys.executable, reports_amx=has_amx()),
    )


def terminal_of(out: TextIO, environment: Mapping[str, str]) -> Terminal:
    term = environment.get("TERM", "")
    is_terminal = out.isatty()
    if not is_terminal or environment.get("NO_COLOR") or term == "dumb":
        colours = "none"
    elif has_all_colours(environment):
        colours = "16 million"
    elif has_palette(environment):
        colours = "256"
    else:
        colours = "16"
    size = shutil.get_terminal_size()
    name = environment.get("TERM_PROGRAM") or term
    return Terminal(is_terminal, name, colours, takes_unicode(out), size.columns, size.lines)


def as_object(report: Report) -> dict[str, object]:
    """Return the report for programs. Keys stay; new ones may be added. Sizes are in bytes."""
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


def _folders() -> dict[str, Path]:
    return {
        "config": config_file(),
        "data": data_folder(),
        "kept chats": states_folder(),
        "log": engine_log_file(),
    }


def _config() -> tuple[Config, str]:
    """Return the config and the error in it; the defaults if it cannot be read."""
    config = Config()
    try:
        config = load_config(config_file())
        check_look(config)
    except ConfigError as error:
        return config, _sentences(error)
    return config, ""


def _what_is_wrong_with(model: Path) -> str:
    """Return the error in a model, or "" if none can be seen without loading it."""
    try:
        check_model_file(model)
    except ModelError as error:
        return _sentences(error)
    return ""


def _sentences(error: ModechatError) -> str:
    return usual_keys(ended(in_one_line(error.title, error.hint)))
