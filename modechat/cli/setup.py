"""Makes a session's settings from the command line and the config file, for every command."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import reduce
from pathlib import Path
from typing import TypeVar

from modechat.cli.adapters_and_draft import adapters_of, draft_of, expanded, named_adapter
from modechat.cli.options import ModelOptions
from modechat.cli.streams import tell
from modechat.cli.which_model import existing_model, models_on_machine
from modechat.config import Config
from modechat.config_file import write_options
from modechat.domain.key_names import key
from modechat.domain.near import did_you_mean, near
from modechat.domain.sampling import Sampling
from modechat.engine.protocol import Adapter, Load
from modechat.engine.saved_states import SavedStates
from modechat.errors import ModelError, StoreError, UsageError
from modechat.models.catalog import Looking, ModelFile
from modechat.models.check import check_model_file
from modechat.models.format_choices import FormatChoices
from modechat.models.gguf import GGUFHeader
from modechat.models.recent import RecentModels
from modechat.models.starter import STARTER_SAMPLING, starter_model
from modechat.paths import config_file, data_folder, is_there, states_folder
from modechat.prompt_files import PromptFiles, load_prompt_files
from modechat.prompting.prompt_format import CHAT_TEMPLATE
from modechat.session.settings import SessionSettings

USER_SOURCES = ("command line", "config file")
"""The sources of sampling settings that the user wrote."""

_GIB = 1 << 30

T = TypeVar("T")


def session_settings(
    options: ModelOptions,
    config: Config,
    model: Path | None,
    prompt_files: PromptFiles,
    *,
    keep_history: bool = False,
    vocabulary_only: bool = False,
) -> SessionSettings:
    """Return the user's settings; the command line has precedence over the config file.

    `model` is None if the user must still choose one. If `keep_history`, choices and evaluated
    chats are stored on disk. If `vocabulary_only`, the model is loaded to tokenise, not to compute.

    Raises UsageError for an unknown format, and ModelError for a file of the wrong kind.
    """
    return Setup(
        options=options,
        config=config,
        prompt_files=prompt_files,
        model=model,
        first_model=model,
        keep_history=keep_history,
        vocabulary_only=vocabulary_only,
    ).settings()


@dataclass(frozen=True, slots=True)
class Setup:
    """The user's wishes for one model, and the `UserFiles` of the session with its settings."""

    options: ModelOptions
    config: Config
    prompt_files: PromptFiles
    model: Path | None
    first_model: Path | None
    """The model at the start of the program: adapters, draft model and format were given for it."""
    keep_history: bool
    vocabulary_only: bool

    def settings(self) -> SessionSettings:
        """Return the settings. Raises UsageError or ModelError, as `session_settings` does."""
        config = self.config
        sources = (
            (USER_SOURCES[0], self.options.sampling),
            (USER_SOURCES[1], config.sampling),
            ("model's maker", _recommended_sampling(self.model)),
        )
        thinking, unload_after = config.thinking, None
        if self.options.thinking is not None:
            thinking = self.options.thinking
        if config.unload_after_minutes is not None:
            unload_after = 60 * config.unload_after_minutes
        return SessionSettings(
            load=self._load(),
            has_model=self.model is not None,
            sampling=reduce(Sampling.over, (sampling for _, sampling in sources)),
            sampling_sources=sources,
            chat_system=config.chat.system_prompt,
            instruct_system=config.instruct.system_prompt,
            tasks=self.prompt_files.tasks,
            thinking=thinking,
            unload_after=unload_after,
            files=self,
        )

    def _load(self) -> Load:
        options, config = self.options, self.config
        adapters: tuple[Adapter, ...] = ()
        draft = state_folder = None
        if self._takes_adapters_and_draft:
            adapters, draft = adapters_of(options, config), draft_of(options, config)
        if self._keeps_states:
            state_folder = str(states_folder())
        return Load(
            model_path=str(self.model or ""),
            n_ctx=_given(options.ctx, config.n_ctx),
            n_gpu_layers=_given(options.gpu_layers, config.n_gpu_layers),
            devices=_given(options.device, config.devices),
            kv_type=_given(options.kv_type, config.kv_type),
            flash_attention=config.flash_attention,
            mmap=config.mmap,
            mlock=config.mlock,
            cpu_extras=_given(options.cpu_extras, config.cpu_extras),
            n_threads=config.n_threads,
            adapters=adapters,
            draft_path=_text(draft),
            speculate=config.speculate,
            state_folder=state_folder,
            state_bytes=int(config.kept_gib * _GIB),
            formats=self.prompt_files.formats,
            overridden=self.prompt_files.overridden,
            format=self._choose_format(),
            vocabulary_only=self.vocabulary_only,
        )

    @property
    def _takes_adapters_and_draft(self) -> bool:
        return not self.vocabulary_only and self.model is not None and self._is_first_model

    @property
    def _is_first_model(self) -> bool:
        return self.model == self.first_model

    @property
    def _keeps_states(self) -> bool:
        return self.keep_history and self.config.keep_evaluated

    def _choose_format(self) -> str | None:
        """Return the format of the command line, else the one stored for this model, else None."""
        known = [CHAT_TEMPLATE, *(found.name for found in self.prompt_files.formats)]
        wanted = self.options.format
        if wanted is not None:
            if wanted not in known:
                hint = did_you_mean(near(wanted, known, {}), known)
                raise UsageError(f"There is no format “{wanted}”", hint)
            return wanted
        if self.model is None:
            return None
        remembered = FormatChoices(data_folder()).of(self.model)
        return remembered if remembered in known else None

    # The session's access to the user's files

    def check_model(self) -> GGUFHeader:
        if self.model is None:
            raise ModelError(
                "No model is chosen yet",
                f"{key('choose_model', 'F3')} lists those on this machine.",
            )
        return check_model_file(self.model)

    def find_models(self, cancelled: Callable[[], bool], /) -> Iterator[ModelFile | Looking]:
        return models_on_machine(self.config, self.model, cancelled)

    def settings_for(self, name: str, /) -> SessionSettings:
        """Return the settings for another model.

        Relative names begin in the folder where the program was started. The format that was asked
        for the first model does not count for another one.
        """
        model = existing_model(expanded(name), "Give a GGUF file: /model PATH")
        if self.first_model is None:
            return replace(self, model=model, first_model=model).settings()
        return replace(self, model=model, options=replace(self.options, format=None)).settings()

    def read_adapter(self, text: str, /) -> Adapter:
        return named_adapter(text)

    def remember_model(self) -> None:
        if self.keep_history and self.model is not None:
            RecentModels(data_folder()).remember(self.model)

    def remember_format(self, name: str | None, /) -> None:
        if self.keep_history and self.model is not None:
            FormatChoices(data_folder()).remember(self.model, name)

    def write_defaults(self, options: Mapping[str, object], /) -> SessionSettings:
        """Write options into the config file and return the resulting settings.

        They are newer than the command line's options of the same names, which no longer count.
        """
        config = write_options(config_file(), options)
        return replace(self, config=config, options=self.options.without(options)).settings()

    def forget_chat(self, label: str, /) -> None:
        folder = states_folder()
        if not self.keep_history or not (self._keeps_states or is_there(folder)):
            return
        try:
            SavedStates(folder, 0).forget(label)
        except OSError as error:
            raise StoreError(
                f"What was kept of the deleted chat in {folder} cannot be removed: "
                f"{error.strerror}",
                "Remove that folder: it only makes long chats go on sooner.",
            ) from error


def with_system(settings: SessionSettings, system: str | None) -> SessionSettings:
    """Return the settings with the command line's system prompt, if there is one."""
    if system is None:
        return settings
    return replace(settings, chat_system=system, instruct_system=system)


def load_prompt_files_telling() -> PromptFiles:
    """Load the formats and tasks; print errors in the user's files on standard error."""
    files = load_prompt_files()
    for trouble in files.troubles:
        tell(f"modechat: {trouble}")
    return files


def _given(option: T | None, configured: T) -> T:
    """Return the option of the command line if it was given, else the config's."""
    return configured if option is None else option


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)


def _recommended_sampling(model: Path | None) -> Sampling:
    """Return the sampling that the model's maker recommends outside its file."""
    starter = starter_model()
    if starter is not None and starter == model:
        return STARTER_SAMPLING
    return Sampling()
