"""Reads the LoRA adapters and the draft model that the user names.

They belong to the model that the program was started with: another model gets none of them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from modechat.cli.options import ModelOptions
from modechat.config import Config
from modechat.domain.lora import read_scaled
from modechat.domain.text import sanitize_line
from modechat.engine.protocol import Adapter
from modechat.errors import AdapterError, ModelError
from modechat.models.check import check_adapter_file, check_model_file
from modechat.models.failures import shown_name
from modechat.user_paths import NoHomeFolder, user_path


def adapters_of(options: ModelOptions, config: Config) -> tuple[Adapter, ...]:
    """Return the adapters of the command line, else those of the config.

    Raises ModelError for a file that is no adapter.
    """
    if options.lora:
        return tuple(named_adapter(text) for text in options.lora)
    modes: tuple[tuple[Literal["chat", "instruct"] | None, tuple[Adapter, ...]], ...] = (
        (None, config.lora),
        ("chat", config.chat.lora),
        ("instruct", config.instruct.lora),
    )
    configured: list[Adapter] = []
    for mode, adapters in modes:
        for adapter in adapters:
            configured.append(_checked(adapter.model_copy(update={"mode": mode})))
    return tuple(configured)


def draft_of(options: ModelOptions, config: Config) -> Path | None:
    """Return the draft model of the command line, else of the config.

    Raises ModelError if it is no model.
    """
    chosen = options.draft or config.draft
    if chosen is None:
        return None
    draft = absolute_path(chosen, "draft model")
    check_model_file(draft)
    return draft


def absolute_path(path: Path, kind: str) -> Path:
    """Return `path` as an absolute path.

    Raises ModelError if the path cannot go through the pipe to the engine, or if the working folder
    is gone.
    """
    try:
        absolute = path.absolute()
    except FileNotFoundError as error:
        raise ModelError(
            f"The folder of the {kind} {shown_name(path)} is gone: modechat was started there",
            "Give the whole path.",
        ) from error
    try:
        str(absolute).encode()
    except UnicodeEncodeError as error:
        raise ModelError(
            f"The path of the {kind} {shown_name(absolute)} is not UTF-8 text",
            "Rename the file or its folder.",
        ) from error
    return absolute


def expanded(name: str) -> Path:
    """Read a path as the user wrote it. Raises ModelError if there is no such home folder."""
    try:
        return user_path(name)
    except NoHomeFolder as error:
        raise ModelError(sanitize_line(str(error)).capitalize(), "Give the whole path.") from error


def named_adapter(text: str) -> Adapter:
    """Return the adapter that FILE or FILE:SCALE names. Raises ModelError."""
    name, scale = read_scaled(text)
    path = expanded(name)
    try:
        return _checked(Adapter(path=str(absolute_path(path, "adapter")), scale=scale))
    except ModelError as error:
        if ":" in path.name and not path.exists():
            hint = "If what follows the colon is the scale, it must be a number: FILE:0.5"
            raise AdapterError(error.title, hint) from error
        raise


def _checked(adapter: Adapter) -> Adapter:
    check_adapter_file(Path(adapter.path))
    return adapter
